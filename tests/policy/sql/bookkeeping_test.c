#include "policy/sql/bookkeeping.h"

#include "tests/support/test.h"

static void
bookkeeping_is_at_an_underscore(void **state)
{
	static const struct {
		const char *sql;
		bool is;
	} texts[] = {
	    {"update knex_migrations", true},   {"_schema_history", false},
	    {"alembic_versio", false},          {"a_version", false},
	    {"\"__drizzle_migrations\"", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i].sql);
		struct span copy = bytes_copy(span_of(texts[i].sql, len));
		struct statement_text text = {(const char *)copy.data, len};
		size_t at = (size_t)(strchr(texts[i].sql, '_') - texts[i].sql);

		if (bookkeeping_is_at(text, at) != texts[i].is)
			fail_msg("%s", texts[i].sql);
		bytes_free(copy);
	}
}

static void
bookkeeping_is_a_whole_name(void **state)
{
	(void)state;
	assert_true(bookkeeping_is("\"alembic_version\""));
	assert_true(bookkeeping_is("\"a\".\"schema_migrations\""));
	assert_false(bookkeeping_is("alembic_version"));
	assert_false(bookkeeping_is("\"my_alembic_version\""));
	assert_false(bookkeeping_is("\"a\"\"alembic_version\""));
	assert_false(bookkeeping_is("\"Alembic_version\""));
	assert_false(bookkeeping_is("\"a\""));
	assert_false(bookkeeping_is(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bookkeeping_is_at_an_underscore),
	    cmocka_unit_test(bookkeeping_is_a_whole_name),
	};

	return cmocka_run_group_tests_name("policy/sql/bookkeeping", tests,
					   NULL, NULL);
}
