/*
 * session.c - one client paired with one server, from accept to close.
 *
 *   STARTUP   -> HANDSHAKE  session_startup_step  SSLRequest, or TLS at once
 *   HANDSHAKE -> STARTUP    session_handshaken    the same again, by TLS
 *   STARTUP   -> PAUSED     session_begin_login   StartupMessage, amid a PAUSE
 *   PAUSED    -> STARTUP    session_leave_pause   RESUME: the same again
 *   STARTUP   -> SASL       login_begin           StartupMessage; auth = scram
 *   STARTUP   -> DIALING    login_begin           StartupMessage; auth = pass
 *   STARTUP   -> CANCELING  session_startup_step  CancelRequest for a server
 *   SASL      -> DIALING    login_client_step     the client knows its password
 *   DIALING   -> AUTH       session_dialed        connected, packet sent
 *   AUTH      -> DIALING    login_answer          refused, but may not be by
 *                                                 TLS, or may be only so
 *   AUTH      -> DIALING    login_leave_server    no answer, or 57P03
 *   AUTH      -> DIALING    login_judge_host      the host does not fit
 *   AUTH      -> READY      session_logged_in     first ReadyForQuery
 *   STARTUP   -> CONSOLE    session_begin_login   by whom the socket is from
 *   SASL      -> CONSOLE    login_client_step     the client knows its password
 *   any       -> CLOSING    session_finish_event  the pair is to close
 *
 *   STARTUP   no server stream; only untyped packets are legal.
 *   HANDSHAKE the client's socket is handshake.c's.
 *   PAUSED    no server stream; what the client sends waits.
 *   SASL      no server stream; only SASL answers are legal.
 *   DIALING   the client is read in a wait for any server alone.
 *   AUTH      frames pass unjudged and are never logged: they carry secrets.
 *   READY     each client frame is judged before any byte of it is forwarded.
 *   CONSOLE   no server stream; console.c answers.
 *   CANCELING no client data is expected; the server closes when it is done.
 *   CLOSING   output drains, input is discarded, for CLOSE_TIMEOUT_MS at most.
 *
 * Invariants; session_check asserts (1) and (2) after every transition:
 *   (1) A server stream is open in AUTH and READY.
 *   (2) An exchange exists only in READY, or dies with a CLOSING session.
 *   (3) Nothing is freed in a callback: sessions_reap leaves that to an
 *       event of its own.
 *   (4) A source is read only while what was read from it before has left.
 *   (5) Every event, timer and mail of a session ends in session_finish_event.
 *       Whoever has a reason to close records it (pair_close) and returns; the
 *       goodbye and the tear-down are done there, once (session_close.c).
 */
#include "proxy/session/session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/auth/credentials.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/config/generation.h"
#include "proxy/console/console.h"
#include "proxy/guard/exchange.h"
#include "proxy/net/socket.h"
#include "proxy/pair/cancel.h"
#include "proxy/session/login.h"
#include "proxy/session/relay.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"

enum {
	/* The most that a client which has said its last waits at the gate. */
	WAITING_ALONE_MS = 1000,
	/* The client's bytes that may wait behind a guarded statement. */
	BEHIND_MAX_BYTES = 64 * 1024,
};

#define BIT(n) (1u << (n))

/* Bits of the states that may follow, but CLOSING. */
static const unsigned may_follow[SESSION_STATES] = {
    [SESSION_STARTUP] = BIT(SESSION_HANDSHAKE) | BIT(SESSION_SASL) |
			BIT(SESSION_DIALING) | BIT(SESSION_CANCELING) |
			BIT(SESSION_CONSOLE) | BIT(SESSION_PAUSED),
    [SESSION_PAUSED] = BIT(SESSION_STARTUP),
    [SESSION_HANDSHAKE] = BIT(SESSION_STARTUP),
    [SESSION_SASL] = BIT(SESSION_DIALING) | BIT(SESSION_CONSOLE),
    [SESSION_DIALING] = BIT(SESSION_AUTH),
    [SESSION_AUTH] = BIT(SESSION_READY) | BIT(SESSION_DIALING),
};

static void
session_check(const struct session *s)
{
	if (s->state == SESSION_AUTH || s->state == SESSION_READY)
		assert(stream_is_open(&s->pair.server));
	assert(s->guarded.exchange == NULL || s->state == SESSION_READY ||
	       pair_is_closing(&s->pair));
}

const char *
session_state_name(const struct session *s)
{
	return session_state_names[s->state];
}

static void
session_trace_state(const struct session *s, enum session_state next)
{
	struct log_event e;

	log_begin(&e, LOG_TRACE, "state");
	log_number(&e, "session", s->pair.id);
	log_text(&e, "from", session_state_names[s->state]);
	log_text(&e, "to", session_state_names[next]);
	log_end(&e);
}

void
session_enter(struct session *s, enum session_state next)
{
	assert(next == SESSION_CLOSING || may_follow[s->state] & BIT(next));
	if (log_wants(LOG_TRACE))
		session_trace_state(s, next);
	counts_add(s->pair.counts, COUNT_STATES + s->state, -1);
	counts_add(s->pair.counts, COUNT_STATES + next, 1);
	s->state = next;
	s->state_since_ms = clock_now_ms();
	session_check(s);
}

/* Events */

static void
session_client_event(void *arg, enum stream_event event)
{
	struct session *s = arg;

	/* The client may be one that nothing can be written to any more. */
	if (s->pair.client.is_deaf)
		event = STREAM_BROKEN;
	if (event == STREAM_BROKEN && s->state == SESSION_CLOSING) {
		session_end(s);
		return;
	}
	if (event == STREAM_BROKEN)
		pair_close(&s->pair, CLOSE_CLIENT_BROKEN,
			   strerror(s->pair.client.error));
	if (event == STREAM_DRAINED && s->state == SESSION_CLOSING &&
	    s->pair.from_client.is_eof) {
		session_end(s);
		return;
	}
	if (event == STREAM_READABLE) {
		switch (s->state) {
		case SESSION_STARTUP:
			session_startup_readable(s);
			break;
		case SESSION_PAUSED:
			session_read_ahead(s);
			break;
		case SESSION_DIALING:
			if (login_is_waiting(s))
				session_read_ahead(s);
			break;
		case SESSION_SASL:
			login_readable(s);
			break;
		case SESSION_AUTH:
		case SESSION_READY:
			relay_from_client(s);
			break;
		case SESSION_CONSOLE:
			(void)session_read_some(s);
			break;
		case SESSION_CLOSING:
			session_closing_readable(s);
			break;
		case SESSION_HANDSHAKE:
		case SESSION_CANCELING:
		case SESSION_STATES:
			break; /* not being read */
		}
	}
	session_finish_event(s);
}

/* The server's only answer to a CancelRequest is that it closes. */
static void
session_canceling_readable(struct session *s)
{
	uint8_t byte;
	ssize_t n = stream_read(&s->pair.server, &byte, 1);

	if (n != STREAM_AGAIN)
		pair_close(&s->pair, CLOSE_CANCEL_DONE, NULL);
}

static void
session_server_event(void *arg, enum stream_event event)
{
	struct session *s = arg;

	if (event == STREAM_BROKEN) {
		/* The server's last words may still be unread. */
		stream_discard(&s->pair.server);
		s->pair.server.is_shut = true;
	} else if (event == STREAM_READABLE) {
		if (s->state == SESSION_CANCELING)
			session_canceling_readable(s);
		else
			relay_from_server(s);
	}
	session_finish_event(s);
}

/* The server answers: log in to it, or hand it the cancel request. */
static void
session_begin_server(struct session *s, const struct dial_result *result)
{
	struct pair *p = &s->pair;
	struct span packet = buffer_span(&s->startup);

	stream_open(&p->server, s->sessions->base, result->fd,
		    session_server_event, s);
	if (result->is_downgraded)
		session_log_downgrade(s, result->tried);
	if (result->tls != NULL) {
		stream_secure(&p->server, result->tls);
		session_log_tls(s, result->tls, "TLS with the server");
	}
	p->server_address = result->peer;
	if (socket_leads_back(result->fd, p->client.fd)) {
		pair_close(p, CLOSE_LOOP, NULL);
		return;
	}
	if (s->state == SESSION_DIALING) {
		session_enter(s, SESSION_AUTH);
		login_await_answer(s);
	}
	if (pair_to_server(p, packet.data, packet.len))
		stream_want_read(&p->server, true);
}

void
session_dialed(void *arg, const struct dial_result *result)
{
	struct session *s = arg;

	session_count_dial(s, result);
	if (result->fd >= 0)
		session_begin_server(s, result);
	else if (s->state == SESSION_DIALING && login_can_wait(s))
		login_wait(s, result->tried);
	else if (login_tell_refusal(s))
		pair_close(&s->pair, CLOSE_SERVER_LEFT, result->tried);
	else if (s->state == SESSION_CANCELING)
		pair_close(&s->pair, CLOSE_CANCEL_DONE, result->tried);
	else
		pair_close(&s->pair, CLOSE_UNREACHABLE, result->tried);
	session_finish_event(s);
}

static void
session_timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	if (s->state == SESSION_CLOSING) {
		session_end(s);
		return;
	}
	if (s->state == SESSION_READY) {
		if (s->guarded.exchange != NULL)
			exchange_timer(s->guarded.exchange);
		else
			exchange_begin_shut(&s->guarded);
	} else if (s->state == SESSION_CONSOLE) {
		console_tick(s->console);
	} else if (s->state == SESSION_DIALING || login_is_unanswered(s)) {
		pair_close(&s->pair, CLOSE_SERVER_SILENT, "login_timeout");
	} else {
		pair_close(&s->pair, CLOSE_LOGIN_TIMEOUT, NULL);
	}
	session_finish_event(s);
}

static void
session_resume(void *owner)
{
	session_finish_event(owner);
}

void
session_take_credentials(struct session *s, struct credentials *taken)
{
	s->credentials = taken;
	s->generation = generation_use(s->credentials->generation);
	s->pair.config = s->generation->config;
}

bool
session_open(struct sessions *sessions, int fd)
{
	struct session *s = calloc(1, sizeof(*s));
	struct daemon *d = sessions->daemon;

	if (s == NULL)
		return false;
	s->sessions = sessions;
	s->is_local = socket_is_local(fd);
	pair_init(&s->pair, d, sessions->base, session_timer_event,
		  session_resume, s);
	session_take_credentials(s, credentials_store_use(d->credentials));
	s->is_over_limit =
	    atomic_load(&d->connections) > s->pair.config->max_connections;
	socket_tune(fd, s->is_local ? AF_UNIX : AF_INET, &s->pair.config->tcp);
	pair_count_in(&s->pair, sessions->counts);
	counts_add(s->pair.counts, COUNT_STATES + s->state, 1);
	s->pair.id =
	    (uint64_t)(sessions->worker + 1) << 48 | ++sessions->next_id;
	guarded_init(&s->guarded, &s->pair, &sessions->gate,
		     &sessions->lookout);
	s->guarded.patrolled = patrol_enlist(&sessions->patrol, &s->pair);
	stream_open(&s->pair.client, sessions->base, fd, session_client_event,
		    s);
	session_note_origin(s);
	LIST_INSERT_HEAD(&sessions->list, s, link);
	s->state_since_ms = clock_now_ms();
	s->since_ms = s->state_since_ms;
	pair_set_timer(&s->pair, s->pair.config->login_timeout_ms);
	stream_want_read(&s->pair.client, true);
	return true;
}

void
session_has_key(struct session *s, uint32_t pid, struct span secret)
{
	struct cancel_target target = {
	    .worker = s->sessions->worker,
	    .session = s->pair.id,
	    .server = s->pair.server_address,
	    .generation = s->generation,
	    .tls = s->credentials->server,
	};

	s->pair.server_pid = pid;
	if (s->pair.cancel_entry == NULL)
		s->pair.cancel_entry = cancel_remember(s->pair.daemon->cancels,
						       pid, secret, &target);
}

void
session_logged_in(struct session *s, enum transaction_status status)
{
	pair_stop_timer(&s->pair);
	s->pair.is_logged_in = true;
	session_leave_login(s);
	s->pair.pipeline.status = status;
	session_enter(s, SESSION_READY);
	counts_add(s->pair.counts, COUNT_LOGINS, 1);
	daemon_want_fleet(s->pair.daemon);
}

/* Drop the message that waits at the gate; an error takes its place. */
static void
session_cancel_waiting(struct session *s)
{
	struct frame_header h;

	gate_watch_leave(&s->guarded.watch);
	if (frame_peek(&h, buffer_span(&s->pair.from_client.buffer)) !=
	    FRAME_OK)
		return;
	if (!exchange_begin_cancel(&s->guarded, h.type)) {
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
		return;
	}
	s->pair.from_client.pass_left = frame_len(&h);
	s->pair.from_client.drops_rest = true;
}

bool
session_cancel(struct session *s)
{
	bool is_ours = false;

	if (s->state == SESSION_CONSOLE) {
		console_cancel(s->console);
		is_ours = true; /* there is no server to ask */
	} else if (s->guarded.exchange != NULL && s->state == SESSION_READY) {
		is_ours = exchange_cancel(s->guarded.exchange);
	} else if (s->guarded.watch.is_waiting) {
		session_cancel_waiting(s);
		is_ours = true;
	}
	session_finish_event(s);
	return is_ours;
}

/* The client has said its last at the gate: wait for a window, which is soon
 * over, but not for a transaction's, as nobody may be there any more. */
static void
session_end_waiting(struct session *s)
{
	uint64_t waited_ms = clock_now_ms() - s->guarded.watch.waiting_since_ms;

	if (waited_ms >= WAITING_ALONE_MS)
		pair_close(&s->pair, CLOSE_CLIENT_LEFT, "while it waited");
	else
		pair_set_timer(&s->pair, WAITING_ALONE_MS - waited_ms);
}

/* True if a whole message waits behind those under way: it goes after them. */
static bool
session_has_message_waiting(const struct session *s)
{
	struct span in = buffer_span(&s->pair.from_client.buffer);
	struct frame_header h;

	return s->state == SESSION_READY &&
	       !pipeline_is_quiet(&s->pair.pipeline) &&
	       frame_peek(&h, in) == FRAME_OK && frame_is_whole(&h, in);
}

/* The client has said its last: pass that on, once all before it has gone. */
static void
session_client_ended(struct session *s)
{
	if (s->guarded.watch.is_waiting) {
		session_end_waiting(s);
		return;
	}
	if (session_has_message_waiting(s))
		return;
	if (s->guarded.exchange == NULL ||
	    !exchange_blocks_client(s->guarded.exchange))
		stream_shutdown(&s->pair.server);
	else if (exchange_is_held(s->guarded.exchange))
		pair_close(&s->pair, CLOSE_CLIENT_LEFT, "while held");
	/*
	 * Else the exchange ends first, and the event that ends it comes here.
	 */
}

/* The server's TLS error as a detail, in `out`.  NULL: there is none. */
static const char *
session_describe_end(const struct session *s, char *out, size_t size)
{
	const char *error = stream_tls_error(&s->pair.server);
	char where[ADDRESS_TEXT_MAX];

	if (error == NULL)
		return NULL;
	address_text(&s->pair.server_address, where);
	snprintf(out, size, "%s: %s", where, error);
	return out;
}

static void
session_server_ended(struct session *s)
{
	bool was_expected = s->pair.is_terminating ||
			    s->pair.from_client.is_eof ||
			    s->last_server_type == BACKEND_ERROR_RESPONSE;
	struct span words = {0};
	char detail[ADDRESS_TEXT_MAX + TLS_ERROR_MAX];

	if (login_leave_server(s, "it closed the connection without an answer"))
		return;
	/* A FATAL error that answered a statement of ours is the client's. */
	if (s->guarded.exchange != NULL)
		words = exchange_error(s->guarded.exchange);
	if (words.len > 0)
		(void)pair_to_client(&s->pair, words.data, words.len);

	pair_close(&s->pair,
		   was_expected ? CLOSE_SERVER_LEFT : CLOSE_SERVER_LOST,
		   session_describe_end(s, detail, sizeof(detail)));
}

static size_t
session_client_limit(const struct session *s)
{
	if (s->state == SESSION_AUTH ||
	    (s->guarded.exchange != NULL &&
	     exchange_blocks_client(s->guarded.exchange)))
		return BEHIND_MAX_BYTES;
	return (size_t)pair_config(&s->pair)->query_limit_bytes +
	       BEHIND_MAX_BYTES;
}

static void
session_set_interest(struct session *s)
{
	bool client =
	    !s->pair.from_client.is_eof &&
	    s->pair.from_client.buffer.len < session_client_limit(s) &&
	    stream_pending(&s->pair.server) == 0 &&
	    !pipeline_is_full(&s->pair.pipeline);
	bool server =
	    !s->pair.from_server.is_eof && stream_pending(&s->pair.client) == 0;

	stream_want_read(&s->pair.client, client);
	stream_want_read(&s->pair.server, server);
}

/* Deal with a side that has said its last, or a shutdown that is due. */
static void
session_note_ends(struct session *s)
{
	if (s->pair.from_server.is_eof)
		session_server_ended(s);
	else if (session_is_to_shut_down(s))
		session_shut_down(s);
	else if (s->pair.from_client.is_eof)
		session_client_ended(s);
}

/* Pass on what waits and can go now; there is a server. */
static void
session_go_on(struct session *s)
{
	exchange_end_done(&s->guarded);
	relay_resume(s);
	exchange_end_done(&s->guarded);
	if (s->pair.pipeline.failed)
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
	if (!pair_is_closing(&s->pair))
		session_note_ends(s);
	if (!pair_is_closing(&s->pair) && s->state != SESSION_DIALING)
		session_set_interest(s);
}

void
session_finish_event(struct session *s)
{
	if (s->state == SESSION_CLOSING)
		return;
	if (!pair_is_closing(&s->pair) &&
	    (s->state == SESSION_AUTH || s->state == SESSION_READY))
		session_go_on(s);
	else if (!pair_is_closing(&s->pair) && s->state == SESSION_CONSOLE)
		session_console_go_on(s);
	else if (!pair_is_closing(&s->pair) && s->state == SESSION_PAUSED)
		session_paused_go_on(s);
	if (pair_is_closing(&s->pair))
		session_begin_close(s);
}
