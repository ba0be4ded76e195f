/*
 * history.h - a statement and a deadlock as the history keeps them, with names
 * that nobody should have; and what is written of such, as text.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_HISTORY_H
#define LOCKSTEP_TESTS_SUPPORT_HISTORY_H

#include <stdio.h>

#include "proxy/history/history.h"
#include "tests/support/test.h"

static const struct history_entry held_entry = {
    .id = 17,
    .state = HISTORY_OVER,
    .who = {.session = 3,
	    .pid = 4712,
	    .user = "alice",
	    .database = "shop",
	    .application_name = "dep\x1b[2Jloy\""},
    .statement = "DROP TABLE",
    .text = "drop table a",
    .begun_at_ms = 1769860800123,
    .held_ms = 38200,
    .run_ms = 4,
    .facts = {.policy = "auto",
	      .outcome = "protected",
	      .tables = "public.a",
	      .attempts = 2,
	      .windows = 1,
	      .gate_ms = 80,
	      .lock_count = 2,
	      .locks = {{.mode = LOCK_ACCESS_EXCLUSIVE,
			 .phase = 1,
			 .name = "public.b<\n"},
			{.mode = LOCK_SHARE_ROW_EXCLUSIVE,
			 .phase = 2,
			 .is_remembered = true,
			 .before = 1,
			 .name = "public.a"}},
	      .holder_count = 2,
	      .holders = {{.pid = 4711,
			   .mode = LOCK_ACCESS_SHARE,
			   .age_ms = 38000,
			   .who = "billing",
			   .state = "idle in transaction"},
			  {.pid = 4714,
			   .lock = HISTORY_LOCKS_SHOWN,
			   .who = "x",
			   .state = "another guarded statement"}}},
    .result = "DROP TABLE",
    .step_count = 4,
    .steps = {{.kind = HISTORY_PLANNED, .number = 1, .times = 1},
	      {.kind = HISTORY_IN_THE_WAY,
	       .at_ms = 2,
	       .last_ms = 38000,
	       .times = 57,
	       .pid = 4711,
	       .number = 2,
	       .ms = 38000,
	       .who = "billing",
	       .what = "idle in transaction"},
	      {.kind = HISTORY_LOCKED, .at_ms = 38199, .number = 2, .times = 1},
	      {.kind = HISTORY_DONE,
	       .at_ms = 38204,
	       .times = 1,
	       .what = "DROP TABLE"}},
    .delayed_count = 1,
    .delayed_ms = 70,
    .delayed = {{.who = {.session = 4, .pid = 4713, .application_name = "shop"},
		 .ms = 70}},
};

static const struct history_deadlock kept_deadlock = {
    .id = 18,
    .at_ms = 1769860800123,
    .side_count = 2,
    .sides = {{.who = {.session = 5, .pid = 1, .user = "alice"},
	       .is_victim = true,
	       .blocker = 2,
	       .waits_for = "ShareLock on transaction 7",
	       .text = "update a set n = ?",
	       .tables = "a"},
	      {.who = {.pid = 2}, .blocker = 1, .guarded = 17}},
    .detail = "Process 1 waits\nfor 2.",
};

/* The text that fn writes, the caller's to free. */
static inline char *
written_by(void (*fn)(FILE *out, struct history *h), struct history *h)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fn(out, h);
	assert_int_equal(fclose(out), 0);
	return text;
}

static inline void
assert_written(void (*fn)(FILE *out, struct history *h), struct history *h,
	       const char *expected)
{
	char *text = written_by(fn, h);

	assert_string_equal(text, expected);
	free(text);
}

#endif
