#include "policy/catalog/session_facts.h"

#include "tests/support/row.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

/* What a server with its own defaults answers outside of a block. */
static void
plain_row(struct row_value row[SESSION_FACTS_COLUMNS])
{
	row[SESSION_FACTS_READ_ONLY] = value("off");
	row[SESSION_FACTS_IN_RECOVERY] = value("f");
	row[SESSION_FACTS_ISOLATION] = value("read committed");
	row[SESSION_FACTS_STRONG_LOCKS] = value("f");
	row[SESSION_FACTS_MIN_MESSAGES] = value("notice");
	row[SESSION_FACTS_LOCK_TIMEOUT] = value("0");
	row[SESSION_FACTS_STATEMENT_TIMEOUT] = value("0");
	row[SESSION_FACTS_DEADLOCK_TIMEOUT] = value("1s");
	row[SESSION_FACTS_IDLE_TIMEOUT] = value("0");
	row[SESSION_FACTS_BLOCK_IDLE_TIMEOUT] = value("0");
	row[SESSION_FACTS_CAN_ATTEMPT] = value("t");
	row[SESSION_FACTS_START_TRIGGER] = value("f");
	row[SESSION_FACTS_SNAPSHOT] = value("100:100:");
	row[SESSION_FACTS_HELD] = value("");
}

/* A plain row, with one column changed; each value an exact copy. */
static bool
read_with(struct session_facts *out, enum session_facts_column column,
	  struct row_value changed)
{
	struct row_value row[SESSION_FACTS_COLUMNS];
	struct span copies[SESSION_FACTS_COLUMNS];
	bool is_read;

	plain_row(row);
	row[column] = changed;
	for (int i = 0; i < SESSION_FACTS_COLUMNS; i++) {
		copies[i] = bytes_copy(span_of(row[i].data, row[i].len));
		if (row[i].data != NULL)
			row[i].data = (const char *)copies[i].data;
	}
	is_read = session_facts_read(out, row);
	for (int i = 0; i < SESSION_FACTS_COLUMNS; i++)
		bytes_free(copies[i]);
	return is_read;
}

static void
session_facts_query_is_qualified_and_names_what_is_read(void **state)
{
	static const char *const columns[] = {
#define X(id, name) #name,
	    SESSION_FACTS_COLUMN_TABLE(X)
#undef X
	};

	(void)state;
	for (int in_block = 0; in_block <= 1; in_block++) {
		const char *query = session_facts_query(in_block == 1);

		sql_check_operators(query);
		sql_check_params(query, 1);
		sql_check_columns(query, columns, SESSION_FACTS_COLUMNS);
	}
}

/* The shorter one; servers before 14 have but one of them. */
static void
session_facts_read_reads_when_the_server_ends_an_idle_session(void **state)
{
	struct session_facts f;

	(void)state;
	assert_true(read_with(&f, SESSION_FACTS_IDLE_TIMEOUT, value("0")));
	assert_int_equal(f.idle_timeout_ms, 0);
	assert_true(read_with(&f, SESSION_FACTS_IDLE_TIMEOUT, value("2s")));
	assert_int_equal(f.idle_timeout_ms, 2000);
	assert_true(
	    read_with(&f, SESSION_FACTS_BLOCK_IDLE_TIMEOUT, value("500ms")));
	assert_int_equal(f.idle_timeout_ms, 500);
	assert_true(read_with(&f, SESSION_FACTS_IDLE_TIMEOUT, value(NULL)));
	assert_int_equal(f.idle_timeout_ms, 0);
}

static void
session_facts_read_reads_a_plain_session(void **state)
{
	struct session_facts f;

	(void)state;
	memset(&f, 0xff, sizeof(f));
	assert_true(read_with(&f, SESSION_FACTS_READ_ONLY, value("off")));
	assert_false(f.is_read_only);
	assert_false(f.is_in_recovery);
	assert_false(f.has_old_snapshot);
	assert_false(f.holds_strong_locks);
	assert_true(f.wants_notices);
	assert_true(f.can_attempt);
	assert_false(f.has_start_trigger);
	assert_int_equal(f.lock_timeout_ms, 0);
	assert_int_equal(f.statement_timeout_ms, 0);
	assert_int_equal(f.deadlock_timeout_ms, 1000);
	assert_string_equal(f.lock_timeout, "0");
	assert_string_equal(f.snapshot.text, "100:100:");
}

static void
session_facts_read_reads_each_fact(void **state)
{
	struct session_facts f;

	(void)state;
	assert_true(read_with(&f, SESSION_FACTS_READ_ONLY, value("on")));
	assert_true(f.is_read_only);
	assert_true(read_with(&f, SESSION_FACTS_START_TRIGGER, value("t")));
	assert_true(f.has_start_trigger);
	assert_true(read_with(&f, SESSION_FACTS_IN_RECOVERY, value("t")));
	assert_true(f.is_in_recovery);
	assert_true(read_with(&f, SESSION_FACTS_STRONG_LOCKS, value("t")));
	assert_true(f.holds_strong_locks);
	assert_true(read_with(&f, SESSION_FACTS_CAN_ATTEMPT, value("f")));
	assert_false(f.can_attempt);
	assert_true(read_with(&f, SESSION_FACTS_CAN_ATTEMPT, value(NULL)));
	assert_false(f.can_attempt);
	assert_true(read_with(&f, SESSION_FACTS_LOCK_TIMEOUT, value("250ms")));
	assert_int_equal(f.lock_timeout_ms, 250);
	assert_string_equal(f.lock_timeout, "250ms");
	assert_true(
	    read_with(&f, SESSION_FACTS_STATEMENT_TIMEOUT, value("2min")));
	assert_int_equal(f.statement_timeout_ms, 120000);
	assert_int_equal(f.lock_timeout_ms, 0);
	assert_true(
	    read_with(&f, SESSION_FACTS_DEADLOCK_TIMEOUT, value("50ms")));
	assert_int_equal(f.deadlock_timeout_ms, 50);
}

static void
session_keeps_query_is_qualified_and_names_its_answer(void **state)
{
	static const char *const columns[] = {"keeps"};

	(void)state;
	sql_check_operators(session_keeps_query());
	sql_check_params(session_keeps_query(), 0);
	sql_check_columns(session_keeps_query(), columns, 1);
}

static void
session_keeps_nothing_where_it_is_told_so(void **state)
{
	(void)state;
	assert_true(session_keeps_nothing(value("f")));
	assert_false(session_keeps_nothing(value("t")));
	assert_false(session_keeps_nothing(value("")));
	assert_false(session_keeps_nothing(value(NULL)));
}

static void
session_facts_read_knows_which_isolation_keeps_a_snapshot(void **state)
{
	static const struct {
		const char *level;
		bool is_old;
	} levels[] = {
	    {"read uncommitted", false},
	    {"read committed", false},
	    {"repeatable read", true},
	    {"serializable", true},
	};
	struct session_facts f;

	(void)state;
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		assert_true(read_with(&f, SESSION_FACTS_ISOLATION,
				      value(levels[i].level)));
		assert_int_equal(f.has_old_snapshot, levels[i].is_old);
	}
}

static void
session_facts_read_knows_who_wants_notices(void **state)
{
	static const struct {
		const char *level;
		bool wants;
	} levels[] = {
	    {"debug5", true}, {"debug1", true},   {"log", true},
	    {"notice", true}, {"warning", false}, {"error", false},
	};
	struct session_facts f;

	(void)state;
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		assert_true(read_with(&f, SESSION_FACTS_MIN_MESSAGES,
				      value(levels[i].level)));
		assert_int_equal(f.wants_notices, levels[i].wants);
	}
}

static void
session_facts_read_reads_durations_of_every_unit(void **state)
{
	static const struct {
		const char *text;
		uint32_t ms;
	} durations[] = {
	    {"0", 0},
	    {"1", 1},
	    {"1ms", 1},
	    {"999ms", 999},
	    {"1s", 1000},
	    {"90s", 90000},
	    {"1min", 60000},
	    {"5min", 300000},
	    {"1h", 3600000},
	    {"25h", 90000000},
	    {"1d", 86400000},
	    {"24d", 2073600000},
	    {"2147483647ms", 2147483647}, /* the most PostgreSQL has */
	    /* beyond it: the most whole units that fit */
	    {"4294967295ms", UINT32_MAX},
	    {"4294967296ms", UINT32_MAX},
	    {"18446744073709551616", UINT32_MAX},
	    {"4294968s", 4294967000},
	    {"50d", 49u * 86400000u},
	};
	struct session_facts f;

	(void)state;
	for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++) {
		struct row_value v = value(durations[i].text);

		assert_true(read_with(&f, SESSION_FACTS_LOCK_TIMEOUT, v));
		assert_int_equal(f.lock_timeout_ms, durations[i].ms);
		assert_string_equal(f.lock_timeout, durations[i].text);
		assert_true(read_with(&f, SESSION_FACTS_STATEMENT_TIMEOUT, v));
		assert_int_equal(f.statement_timeout_ms, durations[i].ms);
		assert_true(read_with(&f, SESSION_FACTS_DEADLOCK_TIMEOUT, v));
		assert_int_equal(f.deadlock_timeout_ms, durations[i].ms);
	}
}

/* lock_timeout goes back into SQL as a literal: nothing else may get by. */
static void
session_facts_read_refuses_what_is_no_duration(void **state)
{
	static const char *const wrong[] = {
	    NULL,   "",
	    "s",    "-1",
	    "+1s",  " 1s",
	    "1 s",  "1s ",
	    "1S",   "1.5s",
	    "1us",  "1w",
	    "0x10", "1e3",
	    "1s'",  "1', true); DROP TABLE x; --",
	    "1\n",  "99999999999999999999999999999999",
	};
	struct session_facts f;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		for (int c = SESSION_FACTS_LOCK_TIMEOUT;
		     c <= SESSION_FACTS_DEADLOCK_TIMEOUT; c++)
			if (read_with(&f, (enum session_facts_column)c,
				      value(wrong[i])))
				fail_msg("column %d takes '%s'", c, wrong[i]);
}

/* It is read as far as the NUL, and no further when it is set back. */
static void
session_facts_read_keeps_nothing_behind_a_nul(void **state)
{
	struct session_facts f;

	(void)state;
	assert_true(read_with(&f, SESSION_FACTS_LOCK_TIMEOUT,
			      (struct row_value){"5s\0'; --", 8}));
	assert_int_equal(f.lock_timeout_ms, 5000);
	assert_string_equal(f.lock_timeout, "5s");
}

static void
session_facts_read_takes_null_for_a_fact_that_is_not_so(void **state)
{
	struct session_facts f;

	(void)state;
	for (int c = SESSION_FACTS_READ_ONLY; c <= SESSION_FACTS_MIN_MESSAGES;
	     c++) {
		assert_true(
		    read_with(&f, (enum session_facts_column)c, value(NULL)));
		assert_false(f.is_read_only);
		assert_false(f.is_in_recovery);
		assert_false(f.has_old_snapshot);
		assert_false(f.holds_strong_locks);
		assert_true(f.wants_notices);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		session_facts_query_is_qualified_and_names_what_is_read),
	    cmocka_unit_test(session_facts_read_reads_a_plain_session),
	    cmocka_unit_test(
		session_facts_read_reads_when_the_server_ends_an_idle_session),
	    cmocka_unit_test(session_facts_read_reads_each_fact),
	    cmocka_unit_test(
		session_facts_read_knows_which_isolation_keeps_a_snapshot),
	    cmocka_unit_test(
		session_keeps_query_is_qualified_and_names_its_answer),
	    cmocka_unit_test(session_keeps_nothing_where_it_is_told_so),
	    cmocka_unit_test(session_facts_read_knows_who_wants_notices),
	    cmocka_unit_test(session_facts_read_reads_durations_of_every_unit),
	    cmocka_unit_test(session_facts_read_refuses_what_is_no_duration),
	    cmocka_unit_test(session_facts_read_keeps_nothing_behind_a_nul),
	    cmocka_unit_test(
		session_facts_read_takes_null_for_a_fact_that_is_not_so),
	};

	return cmocka_run_group_tests_name("policy/catalog/session_facts",
					   tests, NULL, NULL);
}
