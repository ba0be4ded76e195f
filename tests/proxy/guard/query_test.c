#include "proxy/guard/query.h"

#include "protocol/types.h"
#include "tests/support/allocation.h"
#include "tests/support/guarded.h"

#define MESSAGE(literal) bytes(literal, sizeof(literal) - 1)

struct fixture {
	struct guarded_fixture guarded;
	struct query query;
	struct statement_list list;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guarded_fixture_begin(&f->guarded);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	query_clear(&f->query);
	statement_list_clear(&f->list);
	guarded_fixture_end(&f->guarded);
	free(f);
	return 0;
}

static void
parse(struct fixture *f, const char *sql)
{
	assert_int_equal(statement_list_parse(&f->list, sql, strlen(sql),
					      GUARD_SCOPE_DROPS,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
}

static void
take(struct fixture *f, const char *sql)
{
	parse(f, sql);
	assert_true(query_take(&f->query, &f->guarded.guarded,
			       span_of(sql, strlen(sql)), &f->list));
	assert_int_equal(f->list.count, 0);
}

static void
assert_server_reads(struct fixture *f, struct span expected)
{
	struct pair_fixture *p = &f->guarded.pair;

	assert_span_equal(pair_fixture_read(p, p->server), expected);
}

static void
query_send_piece_sends_it_and_notes_it(void **state)
{
	struct fixture *f = *state;
	struct pipeline *p = &f->guarded.pair.pair.pipeline;

	take(f, "begin; drop table c");
	assert_true(query_cut(&f->query, false));
	query_send_piece(&f->query, false);
	assert_server_reads(f, MESSAGE("Q\0\0\0\x0c"
				       "begin; \0"));
	assert_int_equal(p->count, 1);
	assert_true(query_advance(&f->query));
	assert_int_equal(query_piece(&f->query)->count, 1);
	query_send_piece(&f->query, false);
	assert_server_reads(f, MESSAGE("Q\0\0\0\x11"
				       "drop table c\0"));
	assert_int_equal(p->count, 2);
	assert_false(query_advance(&f->query));
}

static void
query_advance_stops_at_an_error(void **state)
{
	struct fixture *f = *state;

	take(f, "begin; drop table c");
	assert_true(query_cut(&f->query, false));
	f->query.delivery.has_failed = true;
	assert_false(query_advance(&f->query));
}

static void
query_leave_whole_has_nothing_to_prepare_for(void **state)
{
	struct fixture *f = *state;
	size_t count;

	take(f, "begin; drop table c");
	assert_true(query_cut(&f->query, false));
	query_leave_whole(&f->query);
	(void)query_statements(&f->query, &count);
	assert_int_equal(count, 0);
	query_send_piece(&f->query, false);
	assert_server_reads(f, MESSAGE("Q\0\0\0\x18"
				       "begin; drop table c\0"));
	assert_false(query_advance(&f->query));
}

static void
query_finish_tells_the_status(void **state)
{
	static const struct {
		enum transaction_status status;
		struct span message;
	} rows[] = {
	    {TRANSACTION_IDLE, {(const uint8_t *)"Z\0\0\0\5I", 6}},
	    {TRANSACTION_BLOCK, {(const uint8_t *)"Z\0\0\0\5T", 6}},
	    {TRANSACTION_FAILED, {(const uint8_t *)"Z\0\0\0\5E", 6}},
	};
	struct fixture *f = *state;
	struct pair_fixture *p = &f->guarded.pair;
	size_t i;

	take(f, "drop table c");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p->pair.pipeline.status = rows[i].status;
		query_finish(&f->query);
		assert_span_equal(pair_fixture_read(p, p->client),
				  rows[i].message);
	}
}

static void
query_without_memory_takes_nothing(void **state)
{
	struct fixture *f = *state;

	parse(f, "drop table c");
	allocation_fail_after(0);
	assert_false(query_take(&f->query, &f->guarded.guarded,
				MESSAGE("drop table c"), &f->list));
	assert_true(allocation_restore());
	assert_int_equal(f->list.count, 1);
	assert_null(f->query.text);
}

static void
query_without_memory_closes_the_pair(void **state)
{
	struct fixture *f = *state;

	take(f, "drop table c");
	allocation_fail_after(0);
	assert_false(query_cut(&f->query, false));
	assert_true(allocation_restore());
	assert_true(query_cut(&f->query, false));
	allocation_fail_after(0);
	query_send_piece(&f->query, false);
	assert_true(allocation_restore());
	assert_pair_closes(&f->guarded.pair.pair, CLOSE_MEMORY);
	assert_true(pipeline_is_quiet(&f->guarded.pair.pair.pipeline));
}

static void
query_finish_without_memory_closes_the_pair(void **state)
{
	struct fixture *f = *state;

	take(f, "drop table c");
	allocation_fail_after(0);
	query_finish(&f->query);
	assert_true(allocation_restore());
	assert_pair_closes(&f->guarded.pair.pair, CLOSE_MEMORY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(query_send_piece_sends_it_and_notes_it),
	    TEST(query_advance_stops_at_an_error),
	    TEST(query_leave_whole_has_nothing_to_prepare_for),
	    TEST(query_finish_tells_the_status),
	    TEST(query_without_memory_takes_nothing),
	    TEST(query_without_memory_closes_the_pair),
	    TEST(query_finish_without_memory_closes_the_pair),
	};

	return cmocka_run_group_tests_name("proxy/guard/query", tests, NULL,
					   NULL);
}
