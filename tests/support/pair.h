/*
 * pair.h - a pair as the rooms above it see it, between two socket pairs whose
 * other ends the test holds.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_PAIR_H
#define LOCKSTEP_TESTS_SUPPORT_PAIR_H

#include "proxy/pair/pair.h"
#include "tests/support/generation.h"
#include "tests/support/loop.h"

struct pair_fixture {
	struct event_base *base;
	struct config config;
	struct generation generation;
	struct daemon daemon;
	struct pair pair;
	int client; /* what the pair writes to its client arrives here */
	int server;
	uint8_t read[64 * 1024];
};

static inline void
pair_fixture_event(void *arg, enum stream_event event)
{
	(void)arg;
	(void)event;
}

static inline void
pair_fixture_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static inline void
pair_fixture_resume(void *owner)
{
	(void)owner;
}

/* Open a stream; returns the test's end of it. */
static inline int
pair_fixture_open(struct event_base *base, struct stream *s)
{
	int fds[2];

	loop_socketpair(fds);
	stream_open(s, base, fds[0], pair_fixture_event, NULL);
	return fds[1];
}

/* A pair of a logged-in session of database db. */
static inline void
pair_fixture_name(struct pair *p, uint64_t id)
{
	p->id = id;
	p->is_utf8 = true;
	memcpy(p->database, "db", 3);
}

static inline void
pair_fixture_begin(struct pair_fixture *f)
{
	f->config.query_limit_bytes = 1024 * 1024;
	f->base = loop_new();
	f->daemon.start_config = &f->config;
	f->daemon.generations =
	    generation_store_lend(&f->generation, &f->config);
	pair_init(&f->pair, &f->daemon, f->base, pair_fixture_timer,
		  pair_fixture_resume, NULL);
	pair_fixture_name(&f->pair, 1);
	f->client = pair_fixture_open(f->base, &f->pair.client);
	f->server = pair_fixture_open(f->base, &f->pair.server);
}

static inline void
pair_fixture_end(struct pair_fixture *f)
{
	pair_clear(&f->pair);
	close(f->client);
	close(f->server);
	generation_store_free(f->daemon.generations);
	event_base_free(f->base);
}

/* What has arrived at one of the ends; valid until the next call. */
static inline struct span
pair_fixture_read(struct pair_fixture *f, int fd)
{
	ssize_t n = read(fd, f->read, sizeof(f->read));

	return span_of(f->read, n > 0 ? (size_t)n : 0);
}

static inline void
assert_pair_closes(const struct pair *p, enum close_reason reason)
{
	assert_true(pair_is_closing(p));
	assert_int_equal(p->farewell.reason, reason);
}

#endif
