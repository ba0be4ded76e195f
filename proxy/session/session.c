/*
 * session.c - one client paired with one server, from accept to close.
 *
 *   STARTUP   -> HANDSHAKE  startup_step    SSLRequest, or TLS at once
 *   HANDSHAKE -> STARTUP    handshaken      the same again, by TLS
 *   STARTUP   -> SASL       login_begin     StartupMessage; auth = scram
 *   STARTUP   -> DIALING    login_begin     StartupMessage; auth = pass
 *   STARTUP   -> CANCELING  startup_step    CancelRequest for a server
 *   SASL      -> DIALING    login_step      the client knows its password
 *   DIALING   -> AUTH       dialed          connected, startup packet sent
 *   AUTH      -> DIALING    login_answer    refused, but may not be by TLS,
 *                                           or may be only so
 *   AUTH      -> READY      session_logged_in  first ReadyForQuery
 *   any       -> CLOSING    session_close   a close reason was recorded
 *                           (session_close.c)
 *
 *   STARTUP   no server stream; only untyped packets are legal.
 *   HANDSHAKE the client's socket is handshake.c's.
 *   SASL      no server stream; only SASL answers are legal.
 *   DIALING   the client is not read.
 *   AUTH      frames pass unjudged and are never logged: they carry secrets.
 *   READY     each client frame is judged before any byte of it is forwarded.
 *   CANCELING no client data is expected; the server closes when it is done.
 *   CLOSING   output drains, input is discarded, for CLOSE_TIMEOUT_MS at most.
 *
 * Invariants; session_check asserts (1) and (2) after every transition:
 *   (1) A server stream is open in AUTH and READY.
 *   (2) An exchange exists only in READY, or dies with a CLOSING session.
 *   (3) Nothing is freed in a callback: worker_reap frees, once per turn.
 *   (4) A source is read only while what was read from it before has left.
 */
#include "proxy/session/session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/auth/credentials.h"
#include "proxy/guard/exchange.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/session/login.h"
#include "proxy/session/relay.h"
#include "proxy/session/session_state.h"

enum {
	WAITING_ALONE_MS =
	    1000, /* at the gate, when the client said its last */
	/* The client's bytes that may wait behind a guarded statement. */
	BEHIND_MAX_BYTES = 64 * 1024,
};

#define BIT(n) (1u << (n))

static const struct {
	const char *name;
	unsigned next; /* states it may turn into, besides CLOSING */
} states[SESSION_STATES] = {
    [SESSION_STARTUP] = {"startup", BIT(SESSION_HANDSHAKE) | BIT(SESSION_SASL) |
					BIT(SESSION_DIALING) |
					BIT(SESSION_CANCELING)},
    [SESSION_HANDSHAKE] = {"handshake", BIT(SESSION_STARTUP)},
    [SESSION_SASL] = {"sasl", BIT(SESSION_DIALING)},
    [SESSION_DIALING] = {"dialing", BIT(SESSION_AUTH)},
    [SESSION_AUTH] = {"auth", BIT(SESSION_READY) | BIT(SESSION_DIALING)},
    [SESSION_READY] = {"ready", 0},
    [SESSION_CANCELING] = {"canceling", 0},
    [SESSION_CLOSING] = {"closing", 0},
};

static void
session_check(const struct session *s)
{
	if (s->state == SESSION_AUTH || s->state == SESSION_READY)
		assert(stream_is_open(&s->server));
	assert(s->exchange == NULL || s->state == SESSION_READY ||
	       s->state == SESSION_CLOSING);
}

const char *
session_state_name(const struct session *s)
{
	return states[s->state].name;
}

void
session_enter(struct session *s, enum session_state next)
{
	assert(next == SESSION_CLOSING || states[s->state].next & BIT(next));
	s->state = next;
	session_check(s);
}

const struct config *
session_config(const struct session *s)
{
	return s->worker->daemon->config;
}

void
session_set_held(struct session *s, bool is_held)
{
	if (s->cancel_entry != NULL)
		cancel_set_held(s->worker->daemon->cancels, s->cancel_entry,
				is_held);
}

void
session_set_timer(struct session *s, uint64_t delay_ms)
{
	struct timeval t = clock_timeval(delay_ms);

	event_add(&s->timer, &t);
}

/* Writing */

bool
session_to_client(struct session *s, const void *data, size_t len)
{
	if (s->state == SESSION_CLOSING)
		return false;
	if (stream_write(&s->client, data, len))
		return true;
	session_close(s, CLOSE_CLIENT_BROKEN, strerror(s->client.error));
	return false;
}

bool
session_to_server(struct session *s, const void *data, size_t len)
{
	if (s->state == SESSION_CLOSING)
		return false;
	/* The client has left and the server was told so. */
	if (s->server.is_shut || s->server.shut_when_drained)
		return true;
	if (stream_write(&s->server, data, len))
		return true;
	/* What the server said last, its reason, may still be unread. */
	if (s->server.error == EPIPE || s->server.error == ECONNRESET) {
		s->server.is_shut = true;
		return true;
	}
	session_close(s, CLOSE_SERVER_LOST, strerror(s->server.error));
	return false;
}

bool
session_report(struct session *s, const struct error_report *report)
{
	struct writer w = {0};
	bool written;

	if (report->severity[0] == 'N' || report->severity[0] == 'W')
		notice_response_write(&w, report);
	else
		error_response_write(&w, report);
	written = !w.failed && session_to_client(s, w.data, w.len);
	writer_clear(&w);
	return written;
}

static void turn(struct session *s);

/* Events */

static void
client_event(void *arg, enum stream_event event)
{
	struct session *s = arg;

	if (event == STREAM_BROKEN) {
		session_close(s, CLOSE_CLIENT_BROKEN,
			      strerror(s->client.error));
		session_end(s); /* also when it was closing already */
		return;
	}
	if (event == STREAM_DRAINED && s->state == SESSION_CLOSING &&
	    s->from_client.is_eof) {
		session_end(s);
		return;
	}
	if (event == STREAM_READABLE) {
		switch (s->state) {
		case SESSION_STARTUP:
			session_startup_readable(s);
			break;
		case SESSION_SASL:
			login_readable(s);
			break;
		case SESSION_AUTH:
		case SESSION_READY:
			relay_from_client(s);
			break;
		case SESSION_CLOSING:
			session_closing_readable(s);
			break;
		case SESSION_HANDSHAKE:
		case SESSION_DIALING:
		case SESSION_CANCELING:
		case SESSION_STATES:
			break; /* not being read */
		}
	}
	turn(s);
}

/* All that a server says to a CancelRequest is that it closes. */
static void
canceling_readable(struct session *s)
{
	uint8_t byte;
	ssize_t n = stream_read(&s->server, &byte, 1);

	if (n != STREAM_AGAIN)
		session_close(s, CLOSE_CANCEL_DONE, NULL);
}

static void
server_event(void *arg, enum stream_event event)
{
	struct session *s = arg;

	if (event == STREAM_BROKEN) {
		/* Its last words may still be unread. */
		stream_discard(&s->server);
		s->server.is_shut = true;
	} else if (event == STREAM_READABLE) {
		if (s->state == SESSION_CANCELING)
			canceling_readable(s);
		else
			relay_from_server(s);
	}
	turn(s);
}

/* sslmode=prefer means it, but nobody may have noticed. */
static void
log_downgrade(const struct session *s, const char *why)
{
	struct log_event e;

	log_begin(&e, LOG_WARNING, "the server is used in clear: TLS failed");
	log_number(&e, "session", s->id);
	log_text(&e, "detail", why);
	log_end(&e);
}

void
session_dialed(void *arg, const struct dial_result *result)
{
	struct session *s = arg;
	struct span packet = buffer_span(&s->startup);

	s->dial = NULL;
	if (result->fd < 0 && login_tell_refusal(s)) {
		session_close(s, CLOSE_SERVER_LEFT, result->tried);
		return;
	}
	if (result->fd < 0) {
		session_close(s,
			      s->state == SESSION_CANCELING ? CLOSE_CANCEL_DONE
							    : CLOSE_UNREACHABLE,
			      result->tried);
		return;
	}
	stream_open(&s->server, s->worker->base, result->fd, server_event, s);
	if (result->is_downgraded)
		log_downgrade(s, result->tried);
	if (result->tls != NULL) {
		stream_secure(&s->server, result->tls);
		session_log_tls(s, result->tls, "TLS with the server");
	}
	s->server_address = result->peer;
	if (s->state == SESSION_DIALING)
		session_enter(s, SESSION_AUTH);
	if (!session_to_server(s, packet.data, packet.len))
		return;
	stream_want_read(&s->server, true);
	turn(s);
}

static void
timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	if (s->state == SESSION_CLOSING) {
		session_end(s);
		return;
	}
	if (s->state == SESSION_READY) {
		if (s->exchange != NULL)
			exchange_timer(s->exchange);
	} else {
		session_close(s, CLOSE_LOGIN_TIMEOUT, NULL);
	}
	turn(s);
}

static bool
is_unix_socket(int fd)
{
	int domain = AF_UNSPEC;
	socklen_t len = sizeof(domain);

	(void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	return domain == AF_UNIX;
}

void
session_open(struct worker *w, int fd, bool is_over_limit)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		close(fd);
		atomic_fetch_sub(&w->load, 1);
		atomic_fetch_sub(&w->daemon->connections, 1);
		return;
	}
	s->worker = w;
	s->id = (uint64_t)(w->index + 1) << 48 | ++w->next_session;
	s->is_over_limit = is_over_limit;
	s->is_local = is_unix_socket(fd);
	s->credentials = credentials_store_use(w->daemon->credentials);
	pipeline_init(&s->pipeline);
	event_assign(&s->timer, w->base, -1, 0, timer_event, s);
	stream_open(&s->client, w->base, fd, client_event, s);
	LIST_INSERT_HEAD(&w->sessions, s, link);
	session_set_timer(s, w->daemon->config->login_timeout_ms);
	stream_want_read(&s->client, true);
}

void
session_has_key(struct session *s, uint32_t pid, struct span secret)
{
	struct cancel_target target = {
	    .worker = s->worker->index,
	    .session = s->id,
	    .server = s->server_address,
	};

	if (s->cancel_entry == NULL)
		s->cancel_entry = cancel_remember(s->worker->daemon->cancels,
						  pid, secret, &target);
}

void
session_logged_in(struct session *s, enum transaction_status status)
{
	event_del(&s->timer);
	session_leave_login(s);
	s->pipeline.status = status;
	session_enter(s, SESSION_READY);
}

/* Nothing is under way, and no transaction is open. */
static bool
is_at_boundary(const struct session *s)
{
	return s->state == SESSION_READY && !s->is_blind &&
	       s->exchange == NULL && pipeline_is_settled(&s->pipeline) &&
	       s->pipeline.status == TRANSACTION_IDLE &&
	       s->from_client.buffer.len == 0 &&
	       s->from_client.pass_left == 0 && s->from_server.pass_left == 0 &&
	       s->kept.len == 0;
}

void
session_drain(struct session *s)
{
	if (s->state != SESSION_READY || is_at_boundary(s))
		session_close(s, CLOSE_SHUTDOWN, NULL);
}

void
session_expire(struct session *s)
{
	s->is_expired = true;
	if (s->exchange == NULL || !exchange_is_running(s->exchange))
		session_close(s, CLOSE_SHUTDOWN, NULL);
}

void
session_stop(struct session *s)
{
	session_close(s, CLOSE_SHUTDOWN, NULL);
}

/* Its place is taken by an error, and the message is dropped. */
static void
cancel_waiting(struct session *s)
{
	struct frame_header h;

	gate_leave(s);
	if (frame_peek(&h, buffer_span(&s->from_client.buffer)) != FRAME_OK)
		return;
	if (!exchange_begin_cancel(s, h.type)) {
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	}
	s->from_client.pass_left = frame_len(&h);
	s->from_client.drops_rest = true;
}

bool
session_cancel(struct session *s)
{
	bool is_ours = false;

	if (s->exchange != NULL && s->state == SESSION_READY) {
		is_ours = exchange_cancel(s->exchange);
	} else if (s->gate.is_waiting) {
		cancel_waiting(s);
		is_ours = true;
	}
	turn(s);
	return is_ours;
}

void
session_resume(struct session *s)
{
	turn(s);
}

/* A window is soon over; a transaction's is not, and nobody may be there. */
static void
end_waiting(struct session *s)
{
	uint64_t waited_ms = clock_now_ms() - s->gate.waiting_since_ms;

	if (waited_ms >= WAITING_ALONE_MS)
		session_close(s, CLOSE_CLIENT_LEFT, "while it waited");
	else
		session_set_timer(s, WAITING_ALONE_MS - waited_ms);
}

/* It is behind what is under way, and goes when that has been answered. */
static bool
has_message_waiting(const struct session *s)
{
	struct span in = buffer_span(&s->from_client.buffer);
	struct frame_header h;

	return s->state == SESSION_READY && !pipeline_is_quiet(&s->pipeline) &&
	       frame_peek(&h, in) == FRAME_OK && frame_is_whole(&h, in);
}

/* The client has said its last: pass that on, once all before it has gone. */
static void
client_ended(struct session *s)
{
	if (s->gate.is_waiting) {
		end_waiting(s);
		return;
	}
	if (has_message_waiting(s))
		return;
	if (s->exchange == NULL || !exchange_blocks_client(s->exchange))
		stream_shutdown(&s->server);
	else if (exchange_is_held(s->exchange))
		session_close(s, CLOSE_CLIENT_LEFT, "while held");
	/* What is under way ends first; the turn behind it comes back here. */
}

/* NULL: there is no more to it than that. */
static const char *
describe_end(const struct session *s, char *out, size_t size)
{
	const char *error = stream_tls_error(&s->server);
	char where[ADDRESS_TEXT_MAX];

	if (error == NULL)
		return NULL;
	address_text(&s->server_address, where);
	snprintf(out, size, "%s: %s", where, error);
	return out;
}

static void
server_ended(struct session *s)
{
	bool was_expected = s->is_terminating || s->from_client.is_eof ||
			    s->last_server_type == BACKEND_ERROR_RESPONSE;
	struct span words = {0};
	char detail[ADDRESS_TEXT_MAX + TLS_ERROR_MAX];

	/* A FATAL error that answered a statement of ours is the client's. */
	if (s->exchange != NULL)
		words = exchange_error(s->exchange);
	if (words.len > 0)
		(void)session_to_client(s, words.data, words.len);

	session_close(s, was_expected ? CLOSE_SERVER_LEFT : CLOSE_SERVER_LOST,
		      describe_end(s, detail, sizeof(detail)));
}

void
session_end_exchange(struct session *s)
{
	if (s->exchange == NULL || !exchange_is_done(s->exchange))
		return;
	exchange_free(s->exchange);
	s->exchange = NULL;
	event_del(&s->timer);
}

static size_t
client_limit(const struct session *s)
{
	if (s->state == SESSION_AUTH ||
	    (s->exchange != NULL && exchange_blocks_client(s->exchange)))
		return BEHIND_MAX_BYTES;
	return (size_t)session_config(s)->query_limit_bytes + BEHIND_MAX_BYTES;
}

static void
set_interest(struct session *s)
{
	bool client = !s->from_client.is_eof &&
		      s->from_client.buffer.len < client_limit(s) &&
		      stream_pending(&s->server) == 0 &&
		      !pipeline_is_full(&s->pipeline);
	bool server = !s->from_server.is_eof && stream_pending(&s->client) == 0;

	stream_want_read(&s->client, client);
	stream_want_read(&s->server, server);
}

/* The end of every event: what waits and can go on does. */
static void
turn(struct session *s)
{
	if (s->state != SESSION_AUTH && s->state != SESSION_READY)
		return;
	session_end_exchange(s);
	relay_resume(s);
	session_end_exchange(s);
	if (s->pipeline.failed)
		session_close(s, CLOSE_MEMORY, NULL);
	if (s->state == SESSION_CLOSING)
		return;
	if (s->from_server.is_eof)
		server_ended(s);
	else if (s->from_client.is_eof)
		client_ended(s);
	else if (s->worker->is_draining && is_at_boundary(s))
		session_close(s, CLOSE_SHUTDOWN, NULL);
	else if (s->is_expired)
		session_expire(s);
	if (s->state != SESSION_CLOSING)
		set_interest(s);
}
