/*
 * session_close.c - how a session ends: what the client is told, in which
 * order the rest is left, and when the memory goes.
 *
 * pair_close has recorded the reason and the words, somewhere below; here, at
 * the end of that event, the session says them and is torn down.
 */
#include <assert.h>
#include <stdlib.h>

#include "proxy/auth/credentials.h"
#include "proxy/base/log.h"
#include "proxy/config/generation.h"
#include "proxy/console/console.h"
#include "proxy/guard/exchange.h"
#include "proxy/net/handshake.h"
#include "proxy/net/socket.h"
#include "proxy/pair/cancel.h"
#include "proxy/pair/seats.h"
#include "proxy/session/login.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"
#include "proxy/tls/tls_context.h"

enum {
	CLOSE_TIMEOUT_MS = 1000,
};

/*
 * Write the client's address.  False: it came over a Unix socket, or is gone.
 */
static bool
session_describe_peer(const struct session *s, char out[ADDRESS_TEXT_MAX])
{
	struct address a;

	if (s->is_local || !pair_origin(&s->pair, &a))
		return false;
	address_text(&a, out);
	return true;
}

static void
session_log_close(const struct session *s)
{
	const struct pair *p = &s->pair;
	const struct close_reason_row *reason =
	    &close_reasons[p->farewell.reason];
	char peer[ADDRESS_TEXT_MAX];
	struct log_event e;

	log_begin_limited(&e, reason->is_error ? LOG_WARNING : LOG_DEBUG,
			  "session closed", reason->name);
	log_number(&e, "session", p->id);
	log_text(&e, "reason", reason->name);
	log_text(&e, "state", session_state_name(s));
	if (session_describe_peer(s, peer))
		log_text(&e, "client", peer);
	if (p->user[0] != '\0')
		log_text(&e, "user", p->user);
	if (p->database[0] != '\0')
		log_text(&e, "database", p->database);
	if (p->farewell.detail != NULL)
		log_text(&e, "detail", p->farewell.detail);
	log_end(&e);
}

void
session_end(struct session *s)
{
	stream_close(&s->pair.client);
	pair_stop_timer(&s->pair);
	if (s->is_reaped)
		return;
	s->is_reaped = true;
	sessions_reap(s->sessions, s);
}

static bool
session_can_be_told(const struct session *s)
{
	/* Within a message of the server's nothing else can be said, where
	 * bytes pass unread nobody knows, and amid a handshake nobody could
	 * read it. */
	return s->pair.from_server.pass_left == 0 &&
	       !(s->is_blind && s->state == SESSION_READY) &&
	       s->state != SESSION_HANDSHAKE;
}

static void
session_say_goodbye(struct session *s)
{
	struct pair *p = &s->pair;
	struct writer *w = &p->farewell.message;

	if (s->guarded.exchange != NULL)
		exchange_add_last_words(s->guarded.exchange, w);
	if (w->len > 0 && !w->failed &&
	    !stream_write(&p->client, w->data, w->len))
		stream_discard(&p->client);
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
session_leave_server(struct session *s)
{
	struct pair *p = &s->pair;

	if (s->has_seat)
		seats_give(p->daemon->seats, p->database, p->user);
	s->has_seat = false;
	dial_cancel(s->dial);
	s->dial = NULL;
	session_leave_login(s);
	guarded_leave(&s->guarded);
	pair_leave_server(p);
}

void
session_begin_close(struct session *s)
{
	struct pair *p = &s->pair;
	bool is_told = session_can_be_told(s);

	session_log_close(s);
	counts_add(p->counts, COUNT_ENDS + p->farewell.reason, 1);
	session_enter(s, SESSION_CLOSING);
	if (p->farewell.reason == CLOSE_CLIENT_BROKEN || p->client.is_shut) {
		session_leave_server(s);
		session_end(s);
		return;
	}
	if (is_told)
		session_say_goodbye(s);
	session_leave_server(s);
	stream_shutdown(&p->client);
	if (p->from_client.is_eof && p->client.is_shut) {
		session_end(s);
		return;
	}
	/* Read on and discard: the kernel would throw our last words away with
	 * bytes that are left unread. */
	stream_want_read(&p->client, true);
	pair_set_timer(p, CLOSE_TIMEOUT_MS);
}

void
session_closing_readable(struct session *s)
{
	struct pair *p = &s->pair;
	ssize_t n = stream_read(&p->client, s->sessions->scratch,
				sizeof(s->sessions->scratch));

	if (n != STREAM_EOF && n != STREAM_ERROR)
		return;
	if (n == STREAM_ERROR || stream_pending(&p->client) == 0) {
		session_end(s);
		return;
	}
	/* The client may read on, though it has said all: let our last words
	 * drain. */
	p->from_client.is_eof = true;
	stream_want_read(&p->client, false);
}

/* True if others may wait for it: it may hold locks, or an answer waits. */
static bool
session_keeps_something(const struct session *s)
{
	bool has_server = s->state == SESSION_READY;

	return (has_server || s->state == SESSION_CONSOLE) && !s->is_local &&
	       ((has_server && s->pair.pipeline.status != TRANSACTION_IDLE) ||
		stream_pending(&s->pair.client) > 0);
}

void
session_check_client(struct session *s)
{
	uint32_t timeout_ms = pair_config(&s->pair)->tcp_user_timeout_ms;

	if (!session_keeps_something(s) ||
	    !socket_peer_is_gone(s->pair.client.fd, timeout_ms))
		return;
	pair_close(&s->pair, CLOSE_CLIENT_BROKEN, "its host does not answer");
	session_finish_event(s);
}

void
session_free(struct session *s)
{
	assert(s->is_reaped);
	counts_add(s->pair.counts, COUNT_STATES + s->state, -1);
	session_leave_server(s);
	console_free(s->console);
	exchange_free(s->guarded.exchange);
	guarded_clear(&s->guarded);
	pair_clear(&s->pair);
	buffer_clear(&s->startup);
	if (s->is_streaming)
		atomic_fetch_sub(&s->pair.daemon->streams, 1);
	generation_release(s->generation);
	tls_context_release(s->cancel_tls);
	free(s);
}
