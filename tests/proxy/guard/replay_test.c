#include "proxy/guard/replay.h"

#include "protocol/writer.h"
#include "tests/support/guarded.h"
#include "tests/support/test.h"

/* The client sends the text, and has its answer. */
static void
record(struct guarded *g, const char *sql)
{
	struct frame done = {BACKEND_COMMAND_COMPLETE, span_of("X", 2)};
	struct frame ready = {BACKEND_READY_FOR_QUERY, span_of("T", 1)};
	struct pipeline alone = {.count = 1, .status = TRANSACTION_BLOCK};

	if (g->recording.state == RECORDING_NONE)
		alone.status = TRANSACTION_IDLE;
	recording_note_query(&g->recording, span_of(sql, strlen(sql)), &alone,
			     GUARD_REPLAY_DDL);
	if (!recording_is_open(&g->recording))
		return;
	recording_note_answer(&g->recording, &done);
	recording_note_answer(&g->recording, &ready);
}

static void
assert_judged(struct guarded *g, const char *why)
{
	struct replay r = {0};

	replay_judge(&r, g, GUARD_REPLAY_DDL);
	assert_string_equal(r.why, why);
	replay_clear(&r);
}

static struct guarded_fixture *
start(void)
{
	static struct guarded_fixture f;

	memset(&f, 0, sizeof(f));
	guarded_fixture_begin(&f);
	f.pair.config.parse_limit_bytes = STATEMENT_PARSE_BYTES_DEFAULT;
	return &f;
}

static void
replay_judge_tells_what_stands_against_it(void **state)
{
	struct guarded_fixture *f = start();
	struct guarded *g = &f->guarded;

	(void)state;
	assert_judged(g, "its begin was not seen");
	record(g, "begin");
	assert_judged(g, "nothing was done before");
	record(g, "alter table a add b int");
	assert_judged(g, "");
	record(g, "lock table a");
	assert_judged(g, "it holds LOCK TABLE");
	record(g, "alter table a add c int");
	assert_judged(g, "it holds LOCK TABLE");
	recording_end(&g->recording, "the end");
	assert_judged(g, "the end");
	guarded_fixture_end(f);
}

/* What was judged is made an obstacle: nobody looks at it again. */
static void
replay_judge_reads_each_text_once(void **state)
{
	static const char alter[] = "alter table a add b int";
	static const char copy[] = "copy a from program '  '";
	struct guarded_fixture *f = start();
	struct guarded *g = &f->guarded;
	struct recording *r = &g->recording;

	(void)state;
	record(g, "begin");
	for (size_t i = 1; i < 100; i++) {
		record(g, alter);
		assert_judged(g, "");
		assert_int_equal(r->judged, r->frames.len);
		memcpy(r->frames.data + r->cycles[i - 1].end +
			   FRAME_HEADER_BYTES,
		       copy, strlen(alter));
	}
	guarded_fixture_end(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(replay_judge_tells_what_stands_against_it),
	    cmocka_unit_test(replay_judge_reads_each_text_once),
	};

	return cmocka_run_group_tests_name("proxy/guard/replay", tests, NULL,
					   NULL);
}
