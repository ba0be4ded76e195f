/*
 * session_describe.c - what a live session is doing, as one line of the log.
 */
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/guard/exchange.h"
#include "proxy/session/session_state.h"

/* In READY: the party that has to do something next. */
static const char *
session_waits_when_ready(const struct session *s)
{
	if (s->guarded.exchange != NULL)
		return "guard";
	if (s->guarded.watch.is_paused)
		return "console";
	if (s->guarded.watch.is_waiting)
		return "gate";
	return pipeline_is_settled(&s->pair.pipeline) ? "client" : "upstream";
}

const char *
session_waits_for(const struct session *s)
{
	switch (s->state) {
	case SESSION_STARTUP:
	case SESSION_HANDSHAKE:
	case SESSION_SASL:
	case SESSION_CONSOLE:
	case SESSION_CLOSING:
		return "client";
	case SESSION_DIALING:
	case SESSION_AUTH:
	case SESSION_CANCELING:
		return "upstream";
	case SESSION_PAUSED:
		return "console";
	case SESSION_READY:
		return session_waits_when_ready(s);
	case SESSION_STATES:
		break;
	}
	return "";
}

bool
session_is_idle(const struct session *s)
{
	const struct guarded *g = &s->guarded;

	return s->state == SESSION_READY && g->exchange == NULL &&
	       !g->watch.is_waiting && !lease_is_held(&g->lease) &&
	       s->pair.pipeline.status == TRANSACTION_IDLE &&
	       pipeline_is_settled(&s->pair.pipeline);
}

static void
session_describe_pair(const struct pair *p, struct log_event *e)
{
	const char status[2] = {(char)p->pipeline.status, '\0'};

	if (p->user[0] != '\0')
		log_text(e, "user", p->user);
	if (p->database[0] != '\0')
		log_text(e, "database", p->database);
	log_text(e, "transaction", status);
	log_number(e, "outstanding", p->pipeline.count);
	log_number(e, "to_client_bytes", stream_pending(&p->client));
	log_number(e, "to_server_bytes", stream_pending(&p->server));
}

void
session_describe(const struct session *s)
{
	const struct guarded *g = &s->guarded;
	struct log_event e;

	log_begin(&e, LOG_INFO, "session");
	log_number(&e, "session", s->pair.id);
	log_text(&e, "state", session_state_name(s));
	log_number(&e, "state_ms", clock_now_ms() - s->state_since_ms);
	log_text(&e, "waits_for", session_waits_for(s));
	session_describe_pair(&s->pair, &e);
	guarded_describe(g, &e);
	if (g->exchange != NULL)
		exchange_describe(g->exchange, &e);
	log_end(&e);
}
