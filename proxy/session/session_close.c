/*
 * session_close.c - how a session ends: what the client is told, in which
 * order the rest is left, and when the memory goes.
 */
#include <assert.h>
#include <stdlib.h>

#include "proxy/auth/credentials.h"
#include "proxy/guard/exchange.h"
#include "proxy/base/log.h"
#include "proxy/session/login.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"

enum {
	CLOSE_TIMEOUT_MS = 1000,
};

static const struct {
	const char *name;
	bool is_error;
	const char *sqlstate;
	const char *message;
} reasons[] = {
#define X(id, name, is_error, sqlstate, message)                               \
	[CLOSE_##id] = {name, is_error, sqlstate, message},
    CLOSE_REASONS(X)
#undef X
};

/* False: it came over a Unix socket, or is gone. */
static bool
describe_peer(const struct session *s, char out[ADDRESS_TEXT_MAX])
{
	struct address a = {.len = sizeof(a.address)};

	if (s->is_local ||
	    getpeername(s->client.fd, (struct sockaddr *)&a.address, &a.len) !=
		0)
		return false;
	address_text(&a, out);
	return true;
}

static void
log_close(const struct session *s, const char *detail)
{
	enum log_level level =
	    reasons[s->close_reason].is_error ? LOG_WARNING : LOG_DEBUG;
	char peer[ADDRESS_TEXT_MAX];
	struct log_event e;

	log_begin(&e, level, "session closed");
	log_number(&e, "session", s->id);
	log_text(&e, "reason", reasons[s->close_reason].name);
	log_text(&e, "state", session_state_name(s));
	if (describe_peer(s, peer))
		log_text(&e, "client", peer);
	if (s->user[0] != '\0')
		log_text(&e, "user", s->user);
	if (s->database[0] != '\0')
		log_text(&e, "database", s->database);
	if (detail != NULL)
		log_text(&e, "detail", detail);
	log_end(&e);
}

void
session_end(struct session *s)
{
	stream_close(&s->client);
	event_del(&s->timer);
	if (s->is_reaped)
		return;
	s->is_reaped = true;
	worker_reap(s->worker, s);
}

static bool
can_be_told(const struct session *s)
{
	/* Within a message of the server's nothing else can be said, where
	 * bytes pass unread nobody knows, and amid a handshake nobody could
	 * read it. */
	return s->from_server.pass_left == 0 &&
	       !(s->is_blind && s->state == SESSION_READY) &&
	       s->state != SESSION_HANDSHAKE;
}

static void
say_goodbye(struct session *s, const struct error_report *report)
{
	struct writer w = {0};

	error_response_write(&w, report);
	if (!w.failed && !stream_write(&s->client, w.data, w.len))
		stream_discard(&s->client);
	writer_clear(&w);
}

void
session_leave_login(struct session *s)
{
	handshake_cancel(s->handshake);
	s->handshake = NULL;
	login_free(s->login);
	s->login = NULL;
	credentials_release(s->credentials);
	s->credentials = NULL;
}

static void
leave_server(struct session *s)
{
	dial_cancel(s->dial);
	s->dial = NULL;
	session_leave_login(s);
	gate_leave(s);
	lease_end(s);
	if (s->cancel_entry != NULL)
		cancel_forget(s->worker->daemon->cancels, s->cancel_entry);
	s->cancel_entry = NULL;
	stream_close(&s->server);
}

void
session_close(struct session *s, enum close_reason reason, const char *detail)
{
	session_close_saying(s, reason, NULL, detail, NULL);
}

void
session_close_saying(struct session *s, enum close_reason reason,
		     const char *message, const char *detail, const char *hint)
{
	struct error_report report = {
	    .severity = "FATAL",
	    .sqlstate = reasons[reason].sqlstate,
	    .message = message != NULL ? message : reasons[reason].message,
	    .detail = detail,
	    .hint = hint,
	};
	bool is_told;

	if (s->state == SESSION_CLOSING)
		return;
	s->close_reason = reason;
	log_close(s, detail);
	is_told = report.message != NULL && can_be_told(s);
	session_enter(s, SESSION_CLOSING);
	if (reason == CLOSE_CLIENT_BROKEN || s->client.is_shut) {
		leave_server(s);
		session_end(s);
		return;
	}
	if (is_told)
		say_goodbye(s, &report);
	leave_server(s); /* detail may have been of what is freed here */
	stream_shutdown(&s->client);
	if (s->from_client.is_eof && s->client.is_shut) {
		session_end(s);
		return;
	}
	/* What the client still sends must be read, or the kernel would
	 * throw our last words away with it. */
	stream_want_read(&s->client, true);
	session_set_timer(s, CLOSE_TIMEOUT_MS);
}

void
session_closing_readable(struct session *s)
{
	ssize_t n = stream_read(&s->client, s->worker->scratch,
				sizeof(s->worker->scratch));

	if (n != STREAM_EOF && n != STREAM_ERROR)
		return;
	if (n == STREAM_ERROR || stream_pending(&s->client) == 0) {
		session_end(s);
		return;
	}
	/* He reads on, though he has said all: our last words come. */
	s->from_client.is_eof = true;
	stream_want_read(&s->client, false);
}

void
session_free(struct session *s)
{
	assert(s->is_reaped);
	leave_server(s);
	stream_close(&s->client);
	exchange_free(s->exchange);
	prepared_clear(&s->prepared);
	pipeline_clear(&s->pipeline);
	buffer_clear(&s->from_client.buffer);
	buffer_clear(&s->from_server.buffer);
	buffer_clear(&s->startup);
	buffer_clear(&s->kept);
	recall_clear(&s->gate.recall);
	free(s);
}
