/*
 * session_startup.c - what a client says before it has a server: who it is,
 * whether it wants encryption, or that somebody's statement is to end.
 */
#include <string.h>

#include "protocol/startup.h"
#include "proxy/session.h"
#include "proxy/session_state.h"

enum {
	STARTUP_READ_BYTES = 1024,
	ENCRYPTION_REQUESTS_MAX = 2, /* one for TLS, one for GSSAPI */
};

static void
copy_name(char out[64], struct span name)
{
	size_t len = name.len < 63 ? name.len : 63;

	if (len > 0)
		memcpy(out, name.data, len);
	out[len] = '\0';
}

static void
begin_dial(struct session *s, const struct dial_address *known)
{
	const struct config *c = session_config(s);
	struct worker *w = s->worker;

	stream_want_read(&s->client, false);
	if (known != NULL)
		s->dial = dial_start_address(
		    w->base, known, c->connect_timeout_ms, session_dialed, s);
	else
		s->dial =
		    dial_start(w->base, &w->dns, c->upstream, c->upstream_count,
			       c->connect_timeout_ms, session_dialed, s);
	if (s->dial == NULL)
		session_close(s, CLOSE_MEMORY, NULL);
}

static void
begin_session(struct session *s, const struct startup_packet *p)
{
	copy_name(s->user, p->user);
	copy_name(s->database, p->database.len > 0 ? p->database : p->user);
	s->is_blind = startup_is_replication(p);
	if (s->is_over_limit) {
		session_close(s, CLOSE_TOO_MANY, NULL);
		return;
	}
	if (!buffer_append(&s->startup, p->raw.data, p->raw.len)) {
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	}
	session_enter(s, SESSION_DIALING);
	begin_dial(s, NULL);
}

/* The proxy answers for a backend that is idle on its behalf. */
static void
begin_cancel(struct session *s, const struct startup_packet *p)
{
	struct daemon *d = s->worker->daemon;
	struct mail mail = {.kind = MAIL_CANCEL};
	struct cancel_target target;
	bool is_known;

	is_known = cancel_find(d->cancels, p->cancel.backend_pid,
			       p->cancel.secret, &target);
	if (!buffer_append(&s->startup, p->raw.data, p->raw.len)) {
		session_close(s, CLOSE_CANCEL_DONE, NULL);
		return;
	}
	session_enter(s, SESSION_CANCELING);
	if (!is_known || !target.is_held) {
		begin_dial(s, is_known ? &target.server : NULL);
		return;
	}
	stream_want_read(&s->client, false);
	s->server_address = target.server;
	mail.id = target.session;
	mail.asker = s->id;
	mail.worker = s->worker->index;
	if (!mailbox_post(&d->workers[target.worker].mailbox, mail))
		session_close(s, CLOSE_CANCEL_DONE, NULL);
}

void
session_cancel_answered(struct session *s, bool has_ended)
{
	if (s->state != SESSION_CANCELING)
		return;
	if (has_ended)
		session_close(s, CLOSE_CANCEL_DONE, NULL);
	else
		begin_dial(s, &s->server_address);
}

static void
refuse_encryption(struct session *s, size_t packet_len)
{
	buffer_consume(&s->from_client.buffer, packet_len);
	if (++s->encryption_requests > ENCRYPTION_REQUESTS_MAX)
		session_close(s, CLOSE_STARTUP_BAD, "repeated SSLRequest");
	else
		(void)session_to_client(s, "N", 1);
}

static void
startup_step(struct session *s)
{
	struct span in = buffer_span(&s->from_client.buffer);
	struct startup_packet p;

	switch (startup_decode(&p, in)) {
	case STARTUP_MORE:
		return;
	case STARTUP_BAD:
		session_close(s, CLOSE_STARTUP_BAD, NULL);
		return;
	case STARTUP_UNSUPPORTED:
		session_close(s, CLOSE_VERSION, NULL);
		return;
	case STARTUP_SSL:
	case STARTUP_GSSENC:
		refuse_encryption(s, p.raw.len);
		if (s->state == SESSION_STARTUP)
			startup_step(s); /* at most twice more */
		return;
	case STARTUP_CANCEL:
		begin_cancel(s, &p);
		return;
	case STARTUP_MESSAGE:
		begin_session(s, &p);
		if (s->state != SESSION_CLOSING)
			buffer_consume(&s->from_client.buffer, p.raw.len);
		return;
	}
}

void
session_startup_readable(struct session *s)
{
	struct buffer *b = &s->from_client.buffer;
	uint8_t *room = buffer_reserve(b, STARTUP_READ_BYTES);
	ssize_t n;

	if (room == NULL) {
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	}
	n = stream_read(&s->client, room, STARTUP_READ_BYTES);
	if (n == STREAM_EOF || n == STREAM_ERROR) {
		session_close(s, CLOSE_CLIENT_LEFT, NULL);
		return;
	}
	if (n < 0)
		return;
	buffer_commit(b, (size_t)n);
	startup_step(s);
}
