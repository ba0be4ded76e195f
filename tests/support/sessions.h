/*
 * sessions.h - the sessions of one worker, from accept to close: their loop,
 * their mailbox, and the server that they dial; the test plays that server and
 * all clients.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_SESSIONS_H
#define LOCKSTEP_TESTS_SUPPORT_SESSIONS_H

#include <stdio.h>

#include "protocol/frame.h"
#include "protocol/types.h"
#include "proxy/auth/credentials.h"
#include "proxy/base/log.h"
#include "proxy/gate/turns.h"
#include "proxy/guard/habits.h"
#include "proxy/guard/memory.h"
#include "proxy/net/handshake_pool.h"
#include "proxy/pair/cancel.h"
#include "proxy/pair/seats.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"
#include "tests/support/certificates.h"
#include "tests/support/local.h"
#include "tests/support/loop.h"
#include "tests/support/messages.h"

enum {
	FIXTURE_CLIENTS = 4,
	FIXTURE_LONG_MS = 60000, /* only a hang takes that long */
};

struct fixture {
	struct endpoint upstream;
	struct config config;
	struct daemon daemon;
	struct event_base *base;
	struct mailbox mailbox;
	struct mailbox *mailboxes[1];
	struct sessions sessions;
	int listener;
	int server; /* the connection accepted last, and all of them: */
	int servers[FIXTURE_CLIENTS];
	size_t server_count;
	int client; /* the one connected last, and all of them: */
	int clients[FIXTURE_CLIENTS];
	size_t client_count;
	struct session *s; /* likewise the last; freed once it has ended */
	size_t got;        /* bytes in read */
	size_t wanted;
	int from;
	uint8_t read[1024 * 1024];
};

/* As worker.c has it. */
static inline void
fixture_mail(void *arg, const struct mail *mail)
{
	struct fixture *f = arg;

	switch (mail->kind) {
	case MAIL_CANCEL:
		sessions_cancel(&f->sessions, mail);
		break;
	case MAIL_CANCELED:
		sessions_cancel_answered(&f->sessions, mail);
		break;
	case MAIL_SHUT:
		gate_add(&f->sessions.gate, mail->data);
		break;
	case MAIL_OPEN:
		gate_remove(&f->sessions.gate, mail->data);
		break;
	case MAIL_HANDSHAKE:
		handshake_stepped(mail->data);
		break;
	case MAIL_RESOLVED:
		resolution_answered(mail->data);
		break;
	case MAIL_TASK:
		sessions_take_task(&f->sessions, mail);
		break;
	case MAIL_TASK_DONE:
		sessions_task_returned(&f->sessions, mail);
		break;
	default:
		fail();
	}
}

static inline void
fixture_share(struct fixture *f)
{
	f->daemon.config = &f->config;
	f->daemon.cancels = cancel_registry_new();
	f->daemon.turns = turns_new();
	f->daemon.seats = seats_new();
	f->daemon.memory = memory_new();
	f->daemon.habits = habits_new();
	f->mailboxes[0] = &f->mailbox;
	f->daemon.mailboxes = f->mailboxes;
	f->daemon.worker_count = 1;
	f->daemon.credentials =
	    credentials_store_new(credentials_load(&f->config, stderr));
	assert_non_null(f->daemon.cancels);
	assert_non_null(f->daemon.turns);
	assert_non_null(f->daemon.memory);
	assert_non_null(f->daemon.credentials);
}

static inline int
setup_with(void **state, const struct tls_settings *tls)
{
	static char host[] = "127.0.0.1";
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->server = -1;
	f->client = -1;
	f->base = loop_new();
	f->listener = listen_locally(&f->upstream.port);
	f->upstream.host = host;
	f->config = (struct config){
	    .upstream = &f->upstream,
	    .upstream_count = 1,
	    .max_connections = 10,
	    .connect_timeout_ms = FIXTURE_LONG_MS,
	    .login_timeout_ms = FIXTURE_LONG_MS,
	    .query_limit_bytes = 1024 * 1024,
	    .parse_limit_bytes = 16 * 1024,
	};
	if (tls != NULL) {
		f->config.tls = *tls;
		f->daemon.handshakes = handshake_pool_start(1);
		assert_non_null(f->daemon.handshakes);
	}
	fixture_share(f);
	assert_true(mailbox_open(&f->mailbox, f->base, fixture_mail, f));
	sessions_init(&f->sessions, &f->daemon, f->base, &f->mailbox, 0);
	*state = f;
	return 0;
}

static inline int
setup(void **state)
{
	return setup_with(state, NULL);
}

/* In the folder of certificates.h; who connects may show one of them. */
static inline int
setup_tls(void **state)
{
	static char cert[] = "server.crt";
	static char key[] = "server.key";
	static char ca[] = "ca.crt";
	const struct tls_settings tls = {
	    .mode = TLS_VERIFY_FULL, .cert = cert, .key = key, .ca = ca};

	setup_with(state, &tls);
	((struct fixture *)*state)->config.tls.mode = TLS_PREFER;
	return 0;
}

static inline bool
has_no_session(void *arg)
{
	struct fixture *f = arg;

	return atomic_load(&f->daemon.connections) == 0;
}

/* Whatever a test leaves ends now, and is counted off. */
static inline int
teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < f->client_count; i++)
		close(f->clients[i]);
	for (size_t i = 0; i < f->server_count; i++)
		close(f->servers[i]);
	sessions_stop(&f->sessions);
	loop_until(f->base, has_no_session, f);
	assert_int_equal(atomic_load(&f->sessions.load), 0);
	handshake_pool_stop(f->daemon.handshakes);
	mailbox_close(&f->mailbox);
	sessions_clear(&f->sessions);
	cancel_registry_free(f->daemon.cancels);
	turns_free(f->daemon.turns);
	seats_free(f->daemon.seats);
	memory_free(f->daemon.memory);
	habits_free(f->daemon.habits);
	credentials_store_free(f->daemon.credentials);
	close(f->listener);
	event_base_free(f->base);
	free(f);
	return 0;
}

static inline void
again_with(void **state, int (*begin)(void **state))
{
	teardown(state);
	begin(state);
}

/* What is due now, and what comes of it. */
static inline void
run(struct fixture *f)
{
	for (int i = 0; i < 6; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
}

/* Clients */

static inline void
accept_client(struct fixture *f, int fds[2])
{
	assert_true(f->client_count < FIXTURE_CLIENTS);
	atomic_fetch_add(&f->sessions.load, 1);
	atomic_fetch_add(&f->daemon.connections, 1);
	f->client = fds[1];
	f->clients[f->client_count++] = fds[1];
	sessions_accept(&f->sessions, fds[0]);
	f->s = LIST_FIRST(&f->sessions.list);
}

/* By a Unix socket. */
static inline void
connect_locally(struct fixture *f)
{
	int fds[2];

	loop_socketpair(fds);
	accept_client(f, fds);
}

static inline void
connect_tcp(struct fixture *f)
{
	uint16_t port;
	int listener = listen_locally(&port);
	int fds[2];

	fds[1] = local_connect(port);
	fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fds[0] >= 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	close(listener);
	accept_client(f, fds);
}

/* The test keeps no end of it any more. */
static inline void
close_client(struct fixture *f)
{
	close(f->client);
	f->client_count--;
	f->client = f->client_count > 0 ? f->clients[f->client_count - 1] : -1;
}

static inline void
says(struct fixture *f, const void *data, size_t len)
{
	assert_int_equal(write(f->client, data, len), len);
	run(f);
}

/* The server */

static inline bool
has_server(void *arg)
{
	struct fixture *f = arg;

	f->server = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
	return f->server >= 0;
}

static inline void
accept_server(struct fixture *f)
{
	assert_true(f->server_count < FIXTURE_CLIENTS);
	loop_until(f->base, has_server, f);
	f->servers[f->server_count++] = f->server;
}

static inline void
serves(struct fixture *f, const void *data, size_t len)
{
	assert_int_equal(write(f->server, data, len), len);
	run(f);
}

/* What arrives */

static inline bool
has_got(void *arg)
{
	struct fixture *f = arg;
	ssize_t n = read(f->from, f->read + f->got, sizeof(f->read) - f->got);

	if (n > 0)
		f->got += (size_t)n;
	return f->got >= f->wanted || n == 0;
}

/* These bytes, and no others meanwhile. */
static inline void
assert_gets(struct fixture *f, int fd, const void *data, size_t len)
{
	f->from = fd;
	f->got = 0;
	f->wanted = len;
	loop_until(f->base, has_got, f);
	assert_span_equal(span_of(f->read, f->got), span_of(data, len));
}

static inline void
assert_silent(int fd)
{
	uint8_t byte;

	assert_int_equal(read(fd, &byte, 1), -1);
}

/* All that comes up to the end, which it waits for. */
static inline struct span
hear_end(struct fixture *f, int fd)
{
	f->from = fd;
	f->got = 0;
	f->wanted = sizeof(f->read) + 1;
	loop_until(f->base, has_got, f);
	return span_of(f->read, f->got);
}

static inline bool
has_sqlstate(struct span body, const char *sqlstate)
{
	char field[8];

	snprintf(field, sizeof(field), "C%s", sqlstate);
	return memmem(body.data, body.len, field, strlen(field) + 1) != NULL;
}

/* One FATAL ErrorResponse of this reason, as before or behind the login (of
 * which pair_test.c tells); nothing, if it has no words. */
static inline void
assert_words(struct span said, enum close_reason reason)
{
	const struct close_reason_row *row = &close_reasons[reason];
	struct frame frame;

	if (row->sqlstate == NULL) {
		assert_int_equal(said.len, 0);
		return;
	}
	assert_int_equal(frame_next(&frame, &said, 8192), FRAME_OK);
	assert_int_equal(frame.type, BACKEND_ERROR_RESPONSE);
	assert_memory_equal(frame.body.data, "SFATAL", sizeof("SFATAL"));
	assert_true(has_sqlstate(frame.body, row->sqlstate) ||
		    has_sqlstate(frame.body, row->early_sqlstate));
	assert_int_equal(said.len, 0);
}

/* The client hears these last words, and no more. */
static inline void
assert_closes(struct fixture *f, enum close_reason reason)
{
	assert_true(pair_is_closing(&f->s->pair));
	assert_int_equal(f->s->pair.farewell.reason, reason);
	assert_int_equal(f->s->state, SESSION_CLOSING);
	assert_words(hear_end(f, f->client), reason);
}

static inline void
assert_says(struct fixture *f, const char *words)
{
	assert_non_null(memmem(f->read, f->got, words, strlen(words)));
}

/* Up to DIALING, AUTH, READY */

static inline void
begin_login(struct fixture *f)
{
	connect_locally(f);
	says(f, BYTES(STARTUP));
	accept_server(f);
	assert_gets(f, f->server, BYTES(STARTUP));
	assert_int_equal(f->s->state, SESSION_AUTH);
}

static inline void
log_in(struct fixture *f)
{
	begin_login(f);
	serves(f, BYTES(AUTHENTICATED KEY READY));
	assert_gets(f, f->client, BYTES(AUTHENTICATED KEY READY));
	assert_int_equal(f->s->state, SESSION_READY);
}

#endif
