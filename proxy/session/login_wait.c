/*
 * login_wait.c - upstream_wait: no host can be had, as amid a failover.  The
 * login waits, in DIALING without a dial, and dials anew now and then.
 *
 * The client is read meanwhile, to know that it is there.
 */
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/session/login_state.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"

enum {
	WAIT_FIRST_MS = 100,
	WAIT_MOST_MS = 1000, /* until the next dial */
};

static void
login_log_wait(const struct session *s, const char *why)
{
	struct log_event e;

	log_begin_limited(&e, LOG_WARNING,
			  "no host of the upstream can be had, a login waits",
			  "upstream-wait");
	log_number(&e, "session", s->pair.id);
	log_text(&e, "why", why);
	log_end(&e);
}

static void
login_begin_wait(struct session *s, uint64_t now_ms, const char *why)
{
	const struct config *c = pair_config(&s->pair);

	s->login->wait_until_ms = now_ms + c->upstream_wait_ms;
	s->login->pause_ms = WAIT_FIRST_MS;
	pair_set_timer(&s->pair,
		       (uint64_t)c->upstream_wait_ms + c->login_timeout_ms);
	login_log_wait(s, why);
}

bool
login_can_wait(const struct session *s)
{
	const struct login *l = s->login;

	return l != NULL && pair_config(&s->pair)->upstream_wait_ms > 0 &&
	       !s->pair.is_terminating && !s->pair.from_client.is_eof &&
	       (l->wait_until_ms == 0 || clock_now_ms() < l->wait_until_ms);
}

void
login_wait(struct session *s, const char *why)
{
	struct login *l = s->login;
	struct timeval pause;

	if (l->wait_until_ms == 0)
		login_begin_wait(s, clock_now_ms(), why);
	dial_cancel(s->dial);
	s->dial = NULL;
	l->has_retried = false;
	l->is_waiting = true;
	pause = clock_timeval(l->pause_ms);
	event_add(&l->patience, &pause);
	l->pause_ms =
	    l->pause_ms * 2 < WAIT_MOST_MS ? l->pause_ms * 2 : WAIT_MOST_MS;
	stream_want_read(&s->pair.client, true);
}

void
login_end_wait(struct session *s)
{
	s->login->is_waiting = false;
	session_dial(s, NULL);
}

bool
login_is_waiting(const struct session *s)
{
	return s->login != NULL && s->login->is_waiting;
}
