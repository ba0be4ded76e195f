/*
 * batch.h - a batch whose server is played by the test: its messages go
 * through the session's pipeline, as relay.c has it.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_BATCH_H
#define LOCKSTEP_TESTS_SUPPORT_BATCH_H

#include <stdio.h>

#include "protocol/types.h"
#include "proxy/guard/batch.h"
#include "tests/support/guarded.h"

struct batch_fixture {
	struct guarded_fixture guarded;
	struct batch batch;
	struct lock_set set; /* public.a, relid 100, ACCESS EXCLUSIVE */
};

static const char *const lock_row[LOCK_SET_COLUMNS] = {
    "100", "r", "public.a", "8", "t", "{}", "1", "",
};
static const char *const facts_row[SESSION_FACTS_COLUMNS] = {
    "off", "f",      "read committed",
    "f",   "notice", "0",
    "30s", "1s",     "0",
    "0",   "t",      "f",
    "",    "",
};
static const char *const holders_row[HOLDERS_COLUMNS] = {
    "4711", "100",  "AccessShareLock",
    "joe",  "psql", "active",
    "1500", "f",    "3/7",
    NULL,   NULL,   NULL,
    NULL,   NULL,
};
static const char *const names_row[GATE_NAMES_COLUMNS] = {"a", "public", "a",
							  ""};

static inline void
add_lock(struct lock_set *set)
{
	struct row_value v[LOCK_SET_COLUMNS];
	size_t i;

	for (i = 0; i < LOCK_SET_COLUMNS; i++)
		v[i] = (struct row_value){lock_row[i], strlen(lock_row[i])};
	assert_true(lock_set_add_row(set, v));
}

static inline int
batch_fixture_setup(void **state)
{
	struct batch_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guarded_fixture_begin(&f->guarded);
	add_lock(&f->set);
	batch_begin(&f->batch, &f->guarded.guarded, &f->set);
	*state = f;
	return 0;
}

static inline int
batch_fixture_teardown(void **state)
{
	struct batch_fixture *f = *state;

	batch_clear(&f->batch);
	lock_set_clear(&f->set);
	guarded_fixture_end(&f->guarded);
	free(f);
	return 0;
}

/* What is sent */

static inline void
assert_sends(struct batch_fixture *f, bool ends_cycle, const char *types)
{
	struct pair_fixture *p = &f->guarded.pair;
	struct span sent;
	struct frame frame;
	size_t n = 0;

	assert_true(batch_send(&f->batch, ends_cycle));
	sent = pair_fixture_read(p, p->server);
	for (; frame_next(&frame, &sent, FRAME_LENGTH_MAX) == FRAME_OK; n++)
		assert_int_equal(frame.type, types[n]);
	assert_int_equal(sent.len, 0);
	assert_int_equal(n, strlen(types));
}

/* What is answered; true: the batch took it */

static inline bool
server_says(struct batch_fixture *f, char type, struct span body)
{
	struct frame frame = {.type = (uint8_t)type, .body = body};
	uint8_t status = body.len > 0 ? body.data[0] : 0;
	struct writer raw = {0};
	struct pipeline_event event;
	bool taken;

	writer_begin(&raw, frame.type);
	write_bytes(&raw, body.data, body.len);
	writer_end(&raw);
	event = pipeline_received(&f->guarded.pair.pair.pipeline, frame.type,
				  status);
	assert_int_not_equal(event.verdict, PIPELINE_MISMATCH);
	taken =
	    batch_answer(&f->batch, &event, frame, span_of(raw.data, raw.len));
	writer_clear(&raw);
	return taken;
}

static inline void
assert_takes(struct batch_fixture *f, char type, const char *body, size_t len)
{
	assert_true(server_says(f, type, span_of(body, len)));
}

static inline void
answer_begin(struct batch_fixture *f)
{
	assert_takes(f, BACKEND_PARSE_COMPLETE, "", 0);
	assert_takes(f, BACKEND_BIND_COMPLETE, "", 0);
	assert_takes(f, BACKEND_CLOSE_COMPLETE, "", 0);
}

static inline void
answer_end(struct batch_fixture *f)
{
	assert_takes(f, BACKEND_COMMAND_COMPLETE, "X\0", 2);
	assert_takes(f, BACKEND_CLOSE_COMPLETE, "", 0);
}

static inline void
answer_ready(struct batch_fixture *f)
{
	assert_takes(f, BACKEND_READY_FOR_QUERY, "I", 1);
	assert_true(pipeline_is_settled(&f->guarded.pair.pair.pipeline));
}

static inline void
answer_row(struct batch_fixture *f, const char *const *values, size_t count)
{
	struct writer w = {0};
	size_t i;

	write_u16(&w, (uint16_t)count);
	for (i = 0; i < count; i++) {
		if (values[i] == NULL) {
			write_u32(&w, UINT32_MAX);
			continue;
		}
		write_u32(&w, (uint32_t)strlen(values[i]));
		write_bytes(&w, values[i], strlen(values[i]));
	}
	assert_true(server_says(f, BACKEND_DATA_ROW, span_of(w.data, w.len)));
	writer_clear(&w);
}

static inline void
answer_error(struct batch_fixture *f, const char *sqlstate)
{
	char body[32];
	int len = snprintf(body, sizeof(body), "C%s", sqlstate) + 1;

	body[len++] = '\0';
	assert_takes(f, BACKEND_ERROR_RESPONSE, body, (size_t)len);
}

static inline bool
server_notes(struct batch_fixture *f, const char *sqlstate, const char *message)
{
	char body[64] = {0};
	int len = snprintf(body, sizeof(body), "C%s", sqlstate) + 1;

	len +=
	    snprintf(body + len, sizeof(body) - (size_t)len, "M%s", message) +
	    1;
	return server_says(f, BACKEND_NOTICE_RESPONSE,
			   span_of(body, (size_t)len + 1));
}

static inline void
add_attempt(struct batch_fixture *f)
{
	const struct attempt a = {
	    .set = &f->set, .bound_ms = 100, .lock_timeout = "0"};

	batch_add_attempt(&f->batch, &a);
}

#endif
