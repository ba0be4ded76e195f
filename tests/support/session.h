/*
 * session.h - a session as its modules see it: logged in, between two socket
 * pairs whose other ends the test holds.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_SESSION_H
#define LOCKSTEP_TESTS_SUPPORT_SESSION_H

#include "proxy/pair/seats.h"
#include "proxy/session/session.h"
#include "proxy/session/sessions.h"
#include "tests/support/pair.h"

struct session_fixture {
	struct event_base *base;
	struct config config;
	struct generation generation;
	struct daemon daemon;
	struct sessions sessions;
	struct session session;
	int client; /* what the session writes to its client arrives here */
	int server;
	uint8_t read[64 * 1024];
};

static inline int
session_fixture_setup(void **state)
{
	struct session_fixture *f = calloc(1, sizeof(*f));
	struct session *s;

	assert_non_null(f);
	s = &f->session;
	f->config.query_limit_bytes = 1024 * 1024;
	f->base = loop_new();
	f->daemon.start_config = &f->config;
	generation_lend(&f->generation, &f->config);
	f->daemon.seats = seats_new();
	assert_non_null(f->daemon.seats);
	sessions_init(&f->sessions, &f->daemon, f->base, NULL, 0);
	event_assign(&f->sessions.reap_event, f->base, -1, 0,
		     pair_fixture_timer, NULL); /* it is not freed */
	s->sessions = &f->sessions;
	s->state = SESSION_READY;
	pair_init(&s->pair, &f->daemon, f->base, pair_fixture_timer,
		  pair_fixture_resume, NULL);
	pair_count_in(&s->pair, f->sessions.counts);
	pair_fixture_name(&s->pair, 1);
	s->pair.is_logged_in = true;
	guarded_init(&s->guarded, &s->pair, &f->sessions.gate,
		     &f->sessions.lookout);
	LIST_INSERT_HEAD(&f->sessions.list, s, link);
	f->client = pair_fixture_open(f->base, &s->pair.client);
	f->server = pair_fixture_open(f->base, &s->pair.server);
	*state = f;
	return 0;
}

static inline int
session_fixture_teardown(void **state)
{
	struct session_fixture *f = *state;

	guarded_clear(&f->session.guarded);
	pair_clear(&f->session.pair);
	sessions_clear(&f->sessions);
	event_del(&f->sessions.reap_event);
	close(f->client);
	close(f->server);
	seats_free(f->daemon.seats);
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
assert_session_closes(const struct session_fixture *f, enum close_reason reason)
{
	assert_pair_closes(&f->session.pair, reason);
}

#endif
