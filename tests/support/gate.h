/*
 * gate.h - sessions of one worker that wait at its gate.  All write to one
 * server, so that the order in which they go on is seen.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GATE_H
#define LOCKSTEP_TESTS_SUPPORT_GATE_H

#include <unistd.h>

#include "protocol/types.h"
#include "proxy/session/relay.h"
#include "proxy/gate/turns.h"
#include "tests/support/session.h"

enum {
	GATE_SESSIONS = 6,
};

struct gate_fixture {
	struct event_base *base;
	struct config config;
	struct daemon daemon;
	struct worker worker;
	struct session sessions[GATE_SESSIONS]; /* ids from 1 on */
	int clients[GATE_SESSIONS];
	int servers[2]; /* [1] is read by the test */
	uint8_t read[64 * 1024];
};

/* As worker.c has it. */
static inline void
gate_fixture_mail(void *arg, const struct mail *mail)
{
	struct gate_fixture *f = arg;

	if (mail->kind == MAIL_SHUT)
		gate_add(&f->worker.gate, mail->data);
	if (mail->kind == MAIL_OPEN)
		gate_remove(&f->worker.gate, mail->data);
}

static inline int
gate_fixture_setup(void **state)
{
	struct gate_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = loop_new();
	f->config.query_limit_bytes = 1024 * 1024;
	f->daemon.config = &f->config;
	f->daemon.workers = &f->worker;
	f->daemon.worker_count = 1;
	f->daemon.turns = turns_new();
	assert_non_null(f->daemon.turns);
	f->worker.daemon = &f->daemon;
	f->worker.base = f->base;
	event_assign(&f->worker.reap_event, f->base, -1, 0,
		     session_fixture_timer, NULL);
	assert_true(
	    mailbox_open(&f->worker.mailbox, f->base, gate_fixture_mail, f));
	gate_init(&f->worker.gate, f->base);
	loop_socketpair(f->servers);
	for (uint64_t i = 0; i < GATE_SESSIONS; i++) {
		struct session *s = &f->sessions[i];

		session_fixture_begin(s, &f->worker, i + 1);
		f->clients[i] = session_fixture_open(f->base, &s->client);
		stream_open(&s->server, f->base, dup(f->servers[0]),
			    session_fixture_event, NULL);
	}
	*state = f;
	return 0;
}

static inline int
gate_fixture_teardown(void **state)
{
	struct gate_fixture *f = *state;

	for (size_t i = 0; i < GATE_SESSIONS; i++) {
		session_fixture_end(&f->sessions[i]);
		close(f->clients[i]);
	}
	event_del(&f->worker.reap_event);
	mailbox_close(&f->worker.mailbox);
	gate_clear(&f->worker.gate);
	turns_free(f->daemon.turns);
	close(f->servers[0]);
	close(f->servers[1]);
	event_base_free(f->base);
	free(f);
	return 0;
}

/* This table and no other. */
static inline struct gate_names
gate_fixture_names(const char *table)
{
	struct gate_names names = {0};
	struct row_value row[GATE_NAMES_COLUMNS] = {{table, strlen(table)},
						    {"a", 1}};

	assert_true(gate_names_add_row(&names, row));
	gate_names_seal(&names);
	return names;
}

/* A simple Query of the n-th session. */
static inline void
gate_fixture_query(struct gate_fixture *f, size_t n, const char *sql)
{
	struct writer w = {0};

	writer_begin(&w, FRONTEND_QUERY);
	write_string(&w, sql);
	writer_end(&w);
	assert_int_equal(write(f->clients[n], w.data, w.len), w.len);
	writer_clear(&w);
	relay_from_client(&f->sessions[n]);
}

/* The texts that have come to the server since, each followed by a '|'. */
static inline void
assert_server_got(struct gate_fixture *f, const char *expected)
{
	ssize_t n = read(f->servers[1], f->read, sizeof(f->read));
	struct span in = span_of(f->read, n > 0 ? (size_t)n : 0);
	char texts[1024] = "";
	struct frame frame;

	while (frame_next(&frame, &in, FRAME_LENGTH_MAX) == FRAME_OK) {
		assert_true(strlen(texts) + frame.body.len < sizeof(texts));
		strcat(texts, (const char *)frame.body.data);
		strcat(texts, "|");
	}
	assert_int_equal(in.len, 0);
	assert_string_equal(texts, expected);
}

#endif
