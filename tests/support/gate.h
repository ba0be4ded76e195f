/*
 * gate.h - sessions of one worker that may have to wait at its gate: a pair
 * and a watch each, and no more of a session than that.  All write to one
 * server, so that the order in which they go on is seen.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GATE_H
#define LOCKSTEP_TESTS_SUPPORT_GATE_H

#include <unistd.h>

#include "protocol/types.h"
#include "proxy/gate/gate.h"
#include "proxy/gate/gate_watch.h"
#include "proxy/gate/lease.h"
#include "proxy/gate/turns.h"
#include "tests/support/pair.h"

enum {
	GATE_PLAYERS = 6,
};

struct gate_player {
	struct pair pair; /* ids from 1 on */
	struct gate_watch watch;
	struct lease lease;
	int client;
	bool is_cut; /* as if messages of its cycle were kept back */
};

struct gate_fixture {
	struct event_base *base;
	struct config config;
	struct generation generation;
	struct daemon daemon;
	struct mailbox mailbox;
	struct mailbox *mailboxes[1];
	struct gate gate;
	struct gate_player players[GATE_PLAYERS];
	int servers[2]; /* [1] is read by the test */
	uint8_t read[64 * 1024];
};

/* As worker.c has it. */
static inline void
gate_fixture_mail(void *arg, const struct mail *mail)
{
	struct gate_fixture *f = arg;

	if (mail->kind == MAIL_SHUT)
		gate_add(&f->gate, mail->data);
	if (mail->kind == MAIL_OPEN)
		gate_remove(&f->gate, mail->data);
}

/* False: it waits, or there is no more. */
static inline bool
gate_player_step(struct gate_player *p)
{
	struct inlet *inlet = &p->pair.from_client;
	struct span in = buffer_span(&inlet->buffer);
	struct frame_header h;
	size_t len;

	if (frame_peek(&h, in) != FRAME_OK)
		return false;
	if (!gate_is_open(p->watch.gate) &&
	    (gate_watch_is_paused_now(&p->watch, &h, p->is_cut) ||
	     gate_watch_stops_now(&p->watch, &h, in)))
		return false;
	len = frame_len(&h) < in.len ? frame_len(&h) : in.len;
	pipeline_sent(&p->pair.pipeline, h.type, PIPELINE_CLIENT);
	gate_watch_note_sent(&p->watch, &h, in);
	assert_true(pair_to_server(&p->pair, in.data, len));
	buffer_consume(&inlet->buffer, len);
	return true;
}

/* As relay_client.c has it, with nothing to guard. */
static inline void
gate_player_go(void *owner)
{
	while (gate_player_step(owner))
		;
}

static inline void
gate_player_sends(struct gate_player *p, const void *data, size_t len)
{
	assert_true(buffer_append(&p->pair.from_client.buffer, data, len));
	gate_player_go(p);
}

static inline void
gate_player_begin(struct gate_fixture *f, size_t n)
{
	struct gate_player *p = &f->players[n];

	pair_init(&p->pair, &f->daemon, f->base, pair_fixture_timer,
		  gate_player_go, p);
	pair_fixture_name(&p->pair, n + 1);
	gate_watch_init(&p->watch, &f->gate, &p->pair);
	p->lease.pair = &p->pair;
	p->client = pair_fixture_open(f->base, &p->pair.client);
	stream_open(&p->pair.server, f->base, dup(f->servers[0]),
		    pair_fixture_event, NULL);
}

/* As guarded_leave has it. */
static inline void
gate_player_leave(struct gate_player *p)
{
	gate_watch_leave(&p->watch);
	lease_end(&p->lease);
}

static inline void
gate_player_end(struct gate_player *p)
{
	gate_watch_clear(&p->watch);
	pair_clear(&p->pair);
	close(p->client);
}

static inline int
gate_fixture_setup(void **state)
{
	struct gate_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = loop_new();
	f->config.query_limit_bytes = 1024 * 1024;
	f->daemon.start_config = &f->config;
	f->daemon.generations =
	    generation_store_lend(&f->generation, &f->config);
	f->mailboxes[0] = &f->mailbox;
	f->daemon.mailboxes = f->mailboxes;
	f->daemon.worker_count = 1;
	f->daemon.turns = turns_new();
	assert_non_null(f->daemon.turns);
	assert_true(mailbox_open(&f->mailbox, f->base, gate_fixture_mail, f));
	gate_init(&f->gate, f->base);
	loop_socketpair(f->servers);
	for (size_t i = 0; i < GATE_PLAYERS; i++)
		gate_player_begin(f, i);
	*state = f;
	return 0;
}

static inline int
gate_fixture_teardown(void **state)
{
	struct gate_fixture *f = *state;

	for (size_t i = 0; i < GATE_PLAYERS; i++)
		gate_player_end(&f->players[i]);
	mailbox_close(&f->mailbox);
	gate_clear(&f->gate);
	turns_free(f->daemon.turns);
	generation_store_free(f->daemon.generations);
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
	struct row_value row[GATE_NAMES_COLUMNS] = {
	    {table, strlen(table)}, {"public", 6}, {"a", 1}, {"", 0}};

	assert_true(gate_names_add_row(&names, row));
	gate_names_seal(&names);
	return names;
}

/* A simple Query of the n-th player. */
static inline void
gate_fixture_query(struct gate_fixture *f, size_t n, const char *sql)
{
	struct writer w = {0};

	writer_begin(&w, FRONTEND_QUERY);
	write_string(&w, sql);
	writer_end(&w);
	gate_player_sends(&f->players[n], w.data, w.len);
	writer_clear(&w);
}

/* What has come to the server since; valid until the next call. */
static inline struct span
gate_fixture_read(struct gate_fixture *f)
{
	ssize_t n = read(f->servers[1], f->read, sizeof(f->read));

	return span_of(f->read, n > 0 ? (size_t)n : 0);
}

/* The texts that have come to the server since, each followed by a '|'. */
static inline void
assert_server_got(struct gate_fixture *f, const char *expected)
{
	struct span in = gate_fixture_read(f);
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
