/*
 * session.h - a session as its modules see it: logged in, between two socket
 * pairs whose other ends the test holds.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_SESSION_H
#define LOCKSTEP_TESTS_SUPPORT_SESSION_H

#include "proxy/session/session.h"
#include "tests/support/loop.h"

struct session_fixture {
	struct event_base *base;
	struct config config;
	struct daemon daemon;
	struct worker worker;
	struct session session;
	int client; /* what the session writes to its client arrives here */
	int server;
	uint8_t read[64 * 1024];
};

static inline void
session_fixture_event(void *arg, enum stream_event event)
{
	(void)arg;
	(void)event;
}

static inline void
session_fixture_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static inline int
session_fixture_open(struct event_base *base, struct stream *s)
{
	int fds[2];

	loop_socketpair(fds);
	stream_open(s, base, fds[0], session_fixture_event, NULL);
	return fds[1];
}

/* Logged in; its streams are still to be opened. */
static inline void
session_fixture_begin(struct session *s, struct worker *w, uint64_t id)
{
	s->id = id;
	s->worker = w;
	s->state = SESSION_READY;
	s->is_utf8 = true;
	memcpy(s->database, "db", 3);
	pipeline_init(&s->pipeline);
	event_assign(&s->timer, w->base, -1, 0, session_fixture_timer, s);
	LIST_INSERT_HEAD(&w->sessions, s, link);
}

static inline void
session_fixture_end(struct session *s)
{
	gate_leave(s);
	event_del(&s->timer);
	stream_close(&s->client);
	stream_close(&s->server);
	pipeline_clear(&s->pipeline);
	buffer_clear(&s->from_client.buffer);
	buffer_clear(&s->from_server.buffer);
	recall_clear(&s->gate.recall);
}

static inline int
session_fixture_setup(void **state)
{
	struct session_fixture *f = calloc(1, sizeof(*f));
	struct session *s;

	assert_non_null(f);
	s = &f->session;
	f->config.query_limit_bytes = 1024 * 1024;
	f->base = loop_new();
	f->daemon.config = &f->config;
	f->daemon.workers = &f->worker;
	f->daemon.worker_count = 1;
	f->worker.daemon = &f->daemon;
	f->worker.base = f->base;
	LIST_INIT(&f->worker.sessions);
	LIST_INIT(&f->worker.reaped);
	event_assign(&f->worker.reap_event, f->base, -1, 0,
		     session_fixture_timer, NULL);
	gate_init(&f->worker.gate, f->base);
	session_fixture_begin(s, &f->worker, 1);
	f->client = session_fixture_open(f->base, &s->client);
	f->server = session_fixture_open(f->base, &s->server);
	*state = f;
	return 0;
}

static inline int
session_fixture_teardown(void **state)
{
	struct session_fixture *f = *state;

	session_fixture_end(&f->session);
	event_del(&f->worker.reap_event);
	gate_clear(&f->worker.gate);
	close(f->client);
	close(f->server);
	event_base_free(f->base);
	free(f);
	return 0;
}

/* What has arrived at one of the ends; valid until the next call. */
static inline struct span
session_fixture_read(struct session_fixture *f, int fd)
{
	ssize_t n = read(fd, f->read, sizeof(f->read));

	return span_of(f->read, n > 0 ? (size_t)n : 0);
}

static inline void
assert_session_closed(const struct session_fixture *f, enum close_reason reason)
{
	assert_int_equal(f->session.state, SESSION_CLOSING);
	assert_int_equal(f->session.close_reason, reason);
}

#endif
