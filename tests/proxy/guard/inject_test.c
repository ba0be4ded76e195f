/*
 * inject_test.c - statements of ours: the messages that they are, whose they
 * are, and what is left of one that failed.
 */
#include "proxy/guard/inject.h"

#include "protocol/frontend.h"
#include "tests/support/allocation.h"
#include "tests/support/guarded.h"

struct fixture {
	struct guarded_fixture guarded;
	struct injection injection;
	struct span sent; /* what the server got of the last inject_send */
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guarded_fixture_begin(&f->guarded);
	f->injection.guarded = &f->guarded.guarded;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	writer_clear(&f->injection.out);
	guarded_fixture_end(&f->guarded);
	free(f);
	return 0;
}

static void
send_all(struct fixture *f)
{
	struct pair_fixture *p = &f->guarded.pair;

	assert_true(inject_send(&f->injection));
	f->sent = pair_fixture_read(p, p->server);
}

static struct span
next_body(struct fixture *f, uint8_t type)
{
	struct frame frame;

	assert_int_equal(frame_next(&frame, &f->sent, FRAME_LENGTH_MAX),
			 FRAME_OK);
	assert_int_equal(frame.type, type);
	return frame.body;
}

static void
assert_parses(struct fixture *f, const char *name, const char *sql)
{
	struct parse_message m;

	assert_true(parse_decode(&m, next_body(f, FRONTEND_PARSE)));
	assert_true(span_equals(m.statement, name));
	assert_true(span_equals(m.sql, sql));
}

static void
assert_binds(struct fixture *f, const char *name)
{
	struct bind_message m;

	assert_true(bind_decode(&m, next_body(f, FRONTEND_BIND)));
	assert_true(span_equals(m.portal, name));
	assert_true(span_equals(m.statement, name));
}

static void
assert_closes(struct fixture *f, char kind, const char *name)
{
	struct target_message m;

	assert_true(target_decode(&m, next_body(f, FRONTEND_CLOSE)));
	assert_int_equal(m.kind, kind);
	assert_true(span_equals(m.name, name));
}

static void
assert_executes(struct fixture *f, const char *name)
{
	struct execute_message m;

	assert_true(execute_decode(&m, next_body(f, FRONTEND_EXECUTE)));
	assert_true(span_equals(m.portal, name));
	assert_int_equal(m.max_rows, 0);
}

static void
assert_statement(struct fixture *f, const char *name, const char *sql)
{
	assert_parses(f, name, sql);
	assert_binds(f, name);
	assert_closes(f, 'S', name);
	assert_executes(f, name);
	assert_closes(f, 'P', name);
}

/* The portal keeps what it needs, so an error leaves no statement behind. */
static void
inject_statement_closes_the_statement_before_it_runs(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(inject_statement(&f->injection, "select 1", NULL, 0),
			 1);
	inject_sync(&f->injection);
	send_all(f);
	assert_statement(f, "_lockstep1", "select 1");
	assert_int_equal(next_body(f, FRONTEND_SYNC).len, 0);
	assert_int_equal(f->sent.len, 0);
}

static void
inject_statement_uses_a_name_once(void **state)
{
	struct fixture *f = *state;

	inject_statement(&f->injection, "select 1", NULL, 0);
	assert_int_equal(inject_statement(&f->injection, "select 2", NULL, 0),
			 2);
	inject_flush(&f->injection);
	send_all(f);
	assert_statement(f, "_lockstep1", "select 1");
	assert_statement(f, "_lockstep2", "select 2");
	assert_int_equal(next_body(f, FRONTEND_FLUSH).len, 0);
	inject_statement(&f->injection, "select 3", NULL, 0);
	send_all(f);
	assert_statement(f, "_lockstep3", "select 3");
}

static void
inject_statement_sends_parameters_as_text(void **state)
{
	struct fixture *f = *state;
	static char first[] = "{1,2}";
	static char second[] = "";
	char *const params[] = {first, second};
	struct span body;

	inject_statement(&f->injection, "select $1, $2", params, 2);
	send_all(f);
	assert_parses(f, "_lockstep1", "select $1, $2");
	body = next_body(f, FRONTEND_BIND);
	assert_span_equal(span_of(body.data + 22, body.len - 22),
			  bytes("\0\0\0\2\0\0\0\5{1,2}\0\0\0\0\0\0", 19));
}

/* An error in Bind has left it: the next statement closes it first. */
static void
inject_statement_closes_a_stray_one_first(void **state)
{
	struct fixture *f = *state;
	struct guarded *g = &f->guarded.guarded;

	g->injected = 7;
	g->stray_statement = 7;
	inject_statement(&f->injection, "select 1", NULL, 0);
	send_all(f);
	assert_closes(f, 'S', "_lockstep7");
	assert_statement(f, "_lockstep8", "select 1");
	assert_int_equal(g->stray_statement, 0);
	inject_statement(&f->injection, "select 2", NULL, 0);
	send_all(f);
	assert_statement(f, "_lockstep9", "select 2");
}

static void
inject_prepare_leaves_a_statement_until_it_is_closed(void **state)
{
	struct fixture *f = *state;
	char name[INJECT_NAME_BYTES];
	uint32_t number = inject_prepare(&f->injection, name, "select 1");

	assert_string_equal(name, "_lockstep1");
	inject_statement(&f->injection, "execute _lockstep1", NULL, 0);
	inject_close(&f->injection, number);
	send_all(f);
	assert_parses(f, "_lockstep1", "select 1");
	assert_statement(f, "_lockstep2", "execute _lockstep1");
	assert_closes(f, 'S', "_lockstep1");
	assert_int_equal(f->sent.len, 0);
}

static void
inject_tells_the_pipeline_that_all_is_ours(void **state)
{
	struct fixture *f = *state;
	struct pipeline *p = &f->guarded.pair.pair.pipeline;
	static const uint8_t answers[] = {
	    BACKEND_PARSE_COMPLETE, BACKEND_BIND_COMPLETE,
	    BACKEND_CLOSE_COMPLETE, BACKEND_COMMAND_COMPLETE,
	    BACKEND_CLOSE_COMPLETE, BACKEND_READY_FOR_QUERY,
	};
	size_t i;

	inject_statement(&f->injection, "select 1", NULL, 0);
	inject_sync(&f->injection);
	for (i = 0; i < sizeof(answers); i++) {
		struct pipeline_event e =
		    pipeline_received(p, answers[i], TRANSACTION_IDLE);

		assert_int_not_equal(e.verdict, PIPELINE_MISMATCH);
		assert_int_equal(e.owner, PIPELINE_PROXY);
	}
	assert_true(pipeline_is_settled(p));
}

/* Fails at the nth allocation.  True if none was left to fail. */
static bool
send_with_allocations(unsigned n)
{
	void *state;
	struct fixture *f;
	struct pair *p;
	bool is_sent;
	bool has_failed;

	setup(&state);
	f = state;
	p = &f->guarded.pair.pair;
	allocation_fail_after(n);
	inject_statement(&f->injection, "select 1", NULL, 0);
	is_sent = inject_send(&f->injection);
	has_failed = allocation_restore();
	/* The end of the event looks at the pipeline's memory. */
	assert_true(!has_failed || !is_sent || p->pipeline.failed);
	assert_int_equal(pair_is_closing(p), !is_sent);
	if (!is_sent)
		assert_pair_closes(p, CLOSE_MEMORY);
	teardown(&state);
	return !has_failed;
}

static void
inject_send_without_memory_closes_the_pair(void **state)
{
	unsigned n = 0;

	(void)state;
	while (!send_with_allocations(n))
		n++;
	assert_true(n > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(inject_statement_closes_the_statement_before_it_runs),
	    TEST(inject_statement_uses_a_name_once),
	    TEST(inject_statement_sends_parameters_as_text),
	    TEST(inject_statement_closes_a_stray_one_first),
	    TEST(inject_prepare_leaves_a_statement_until_it_is_closed),
	    TEST(inject_tells_the_pipeline_that_all_is_ours),
	    cmocka_unit_test(inject_send_without_memory_closes_the_pair),
	};

	return cmocka_run_group_tests_name("proxy/guard/inject", tests, NULL,
					   NULL);
}
