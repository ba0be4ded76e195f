/*
 * gate_watch.h - one player between a client and a server that the test
 * plays, and a gate to shut for table a.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GATE_WATCH_H
#define LOCKSTEP_TESTS_SUPPORT_GATE_WATCH_H

#include "proxy/base/clock.h"
#include "tests/support/gate.h"

static inline struct gate_window *
shut(struct gate_fixture *f)
{
	static struct pair maker = {.id = 99, .database = "db"};
	struct gate_names names = gate_fixture_names("a");
	uint64_t now_ms = clock_now_ms();
	struct gate_window *w =
	    gate_window_new(&maker, &names, now_ms, now_ms + 60000);

	assert_non_null(w);
	atomic_fetch_add(&w->users, 1);
	gate_add(&f->gate, w);
	return w;
}

static inline void
reopen(struct gate_fixture *f, struct gate_window *w)
{
	gate_remove(&f->gate, w);
}

/* What the client sends */

static inline void
sends(struct gate_fixture *f, const void *data, size_t len)
{
	gate_player_sends(&f->players[0], data, len);
}

static inline void
sends_frame(struct gate_fixture *f, char type, const char *body, size_t len)
{
	struct writer w = {0};

	writer_begin(&w, (uint8_t)type);
	write_bytes(&w, body, len);
	writer_end(&w);
	sends(f, w.data, w.len);
	writer_clear(&w);
}

static inline void
query(struct gate_fixture *f, const char *sql)
{
	sends_frame(f, FRONTEND_QUERY, sql, strlen(sql) + 1);
}

static inline void
parse(struct gate_fixture *f, const char *name, const char *sql)
{
	char body[256];
	size_t name_size = strlen(name) + 1;
	size_t sql_size = strlen(sql) + 1;

	memcpy(body, name, name_size);
	memcpy(body + name_size, sql, sql_size);
	memcpy(body + name_size + sql_size, "\0", 2);
	sends_frame(f, FRONTEND_PARSE, body, name_size + sql_size + 2);
}

static inline void
bind_to(struct gate_fixture *f, const char *name)
{
	char body[256] = {0};

	memcpy(body + 1, name, strlen(name));
	sends_frame(f, FRONTEND_BIND, body, strlen(name) + 2 + 6);
}

static inline void
execute(struct gate_fixture *f)
{
	sends_frame(f, FRONTEND_EXECUTE, "\0\0\0\0\0", 5);
}

static inline void
call_function(struct gate_fixture *f)
{
	sends_frame(f, FRONTEND_FUNCTION_CALL, "\0\0\0\1\0\0\0\0\0\0", 10);
}

static inline void
sync_cycle(struct gate_fixture *f)
{
	sends_frame(f, FRONTEND_SYNC, "", 0);
}

/* What the server answers */

/* As relay_server.c and guarded_note_answer have it. */
static inline void
answers(struct gate_fixture *f, const char *bytes_of, size_t len)
{
	struct gate_player *p = &f->players[0];
	struct span in = bytes(bytes_of, len);
	struct frame frame;

	while (frame_next(&frame, &in, FRAME_LENGTH_MAX) == FRAME_OK) {
		uint8_t status = frame.body.len > 0 ? frame.body.data[0] : 0;
		struct pipeline_event e =
		    pipeline_received(&p->pair.pipeline, frame.type, status);

		assert_int_not_equal(e.verdict, PIPELINE_MISMATCH);
		if (frame.type == BACKEND_READY_FOR_QUERY &&
		    p->pair.pipeline.status == TRANSACTION_IDLE)
			gate_watch_note_idle(&p->watch);
	}
	assert_int_equal(in.len, 0);
	gate_player_go(p);
}

static inline void
answer_query(struct gate_fixture *f, char status)
{
	char raw[] = "C\0\0\0\6X\0Z\0\0\0\5I";

	raw[12] = status;
	answers(f, raw, 13);
}

static inline void
answer_ready(struct gate_fixture *f, char status)
{
	char raw[] = "Z\0\0\0\5I";

	raw[5] = status;
	answers(f, raw, 6);
}

/* The types of what came to the server since. */
static inline void
assert_passed(struct gate_fixture *f, const char *types)
{
	struct span in = gate_fixture_read(f);
	struct frame frame;
	size_t n = 0;

	for (; frame_next(&frame, &in, FRAME_LENGTH_MAX) == FRAME_OK; n++)
		if (n >= strlen(types) || frame.type != (uint8_t)types[n])
			fail_msg("message %zu of '%s' is %c", n, types,
				 frame.type);
	assert_int_equal(in.len, 0);
	assert_int_equal(n, strlen(types));
}

static inline void
assert_waits(struct gate_fixture *f)
{
	assert_passed(f, "");
	assert_true(f->players[0].watch.is_waiting);
}

/* Sent and answered. */
static inline void
run(struct gate_fixture *f, const char *sql, char status)
{
	query(f, sql);
	assert_passed(f, "Q");
	answer_query(f, status);
}

/* A named statement that is prepared, outside of a block. */
static inline void
prepare(struct gate_fixture *f, const char *name, const char *sql)
{
	parse(f, name, sql);
	sync_cycle(f);
	assert_passed(f, "PS");
	answers(f, "1\0\0\0\4Z\0\0\0\5I", 11);
}

#endif
