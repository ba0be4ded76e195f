#include "policy/sql/repeat.h"

#include "tests/support/test.h"

static const struct {
	const char *sql;
	enum repeat_hint hint;
} texts[] = {
    {"", REPEAT_NEVER},
    {"  -- nothing\n", REPEAT_NEVER},
    {"BEGIN", REPEAT_BEGIN},
    {"/* app */ start transaction", REPEAT_BEGIN},
    {"commit", REPEAT_END},
    {"end;", REPEAT_END},
    {"ABORT", REPEAT_END},
    {"prepare transaction 'a'", REPEAT_END},
    {"Alter table a add b int", REPEAT_DEFINES},
    {"create index on a (b)", REPEAT_DEFINES},
    {"do $$begin end$$", REPEAT_DEFINES},
    {"truncate a", REPEAT_DEFINES},
    {"revoke all on a from b", REPEAT_DEFINES},
    {"set local a = b", REPEAT_SETS},
    {"savepoint a", REPEAT_SETS},
    {"rollback to a", REPEAT_SETS},
    {"release a", REPEAT_SETS},
    {"notify a", REPEAT_SETS},
    {"insert into a values (1)", REPEAT_WRITES},
    {"update a set b = 1", REPEAT_WRITES},
    {"delete from a", REPEAT_WRITES},
    {"select 1 from a", REPEAT_SHOWS},
    {"select a_b from information", REPEAT_SHOWS},
    {"with a as (select 1) select * from a", REPEAT_NEVER},
    {"values (1)", REPEAT_SHOWS},
    {"select * from pg_class", REPEAT_CATALOG},
    {"select _ from pg_catalog.pg_class", REPEAT_CATALOG},
    {"select * from information_schema.tables", REPEAT_CATALOG},
    {"select current_schema()", REPEAT_CATALOG},
    {"show search_path", REPEAT_CATALOG},
    {"select version_num from alembic_version", REPEAT_CATALOG},
    {"select alembic_versio from a", REPEAT_SHOWS},
    {"update \"knex_migrations_lock\" set a = 1", REPEAT_NOTES},
    {"delete from schema_migrations", REPEAT_NOTES},
    {"update a set pg_class = 1", REPEAT_WRITES},
    {"copy a from stdin", REPEAT_NEVER},
    {"listen a", REPEAT_NEVER},
    {"declare a cursor for select 1", REPEAT_NEVER},
    {"discard all", REPEAT_NEVER},
    {"selects", REPEAT_NEVER},
};

static void
repeat_hint_reads_the_first_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i].sql);
		struct span copy = bytes_copy(span_of(texts[i].sql, len));

		if (repeat_hint((const char *)copy.data, len) != texts[i].hint)
			fail_msg("%s", texts[i].sql);
		bytes_free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(repeat_hint_reads_the_first_word),
	};

	return cmocka_run_group_tests_name("policy/sql/repeat", tests, NULL,
					   NULL);
}
