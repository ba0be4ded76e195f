#include "policy/sql/mentions.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

static uint32_t
hash_of_part(const char *name, size_t len)
{
	return token_hash_name(name, len);
}

/* "s.a" or "a"; "*": any table. */
static struct mention
mention_of(const char *text, size_t len)
{
	const char *dot = memchr(text, '.', len);
	struct mention m = {0};

	if (len == 1 && *text == '*')
		return m;
	if (dot != NULL) {
		m.schema = hash_of_part(text, (size_t)(dot - text));
		len -= (size_t)(dot + 1 - text);
		text = dot + 1;
	}
	m.name = hash_of_part(text, len);
	return m;
}

/* `expected`: the mentions in their order, a space between two. */
static void
check_mentions(const char *sql, const char *expected)
{
	struct span copy = bytes_copy(bytes(sql, strlen(sql)));
	struct mentions m = mentions_begin((const char *)copy.data, copy.len);
	struct mention found;
	const char *rest = expected;

	while (mentions_next(&m, &found)) {
		size_t len = strcspn(rest, " ");
		struct mention wanted = mention_of(rest, len);

		if (len == 0)
			fail_msg("one more than %s: %s", expected, sql);
		if (found.name != wanted.name || found.schema != wanted.schema)
			fail_msg("not %.*s: %s", (int)len, rest, sql);
		rest += len + (rest[len] == ' ');
	}
	if (*rest != '\0')
		fail_msg("%s is missing: %s", rest, sql);
	assert_false(mentions_next(&m, &found));
	bytes_free(copy);
}

struct example {
	const char *sql;
	const char *mentions;
};

static void
check_all(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_mentions(examples[i].sql, examples[i].mentions);
}

#define CHECK_ALL(examples)                                                    \
	check_all(examples, sizeof(examples) / sizeof((examples)[0]))

static void
mentions_are_the_tables_of_a_query(void **state)
{
	static const struct example examples[] = {
	    {"", ""},
	    {"select 1", ""},
	    {"select a from b", "b"},
	    {"SELECT * FROM B where c = d", "b"},
	    {"select * from s.b, only t.c x, \"De\"", "s.b t.c De"},
	    {"select * from d.s.b", "s.b"},
	    {"select * from a x join b on x.i = b.i, c", "a b c"},
	    {"select * from (a join b using (c)) natural join d", "a b d"},
	    {"select * from a, lateral (select * from b) x, c", "a b c"},
	    {"select (select max(i) from a), b from c", "a c"},
	    {"select * from a where i in (select i from b) and c", "a b"},
	    {"table a", "a"},
	    {"with x as (select * from a) select * from x", "a x"},
	    {"select 1 from a union select 2 from b order by c, d", "a b"},
	    {"explain analyze select * from a", "a"},
	    {"declare k cursor for select * from a", "a"},
	    {"select * into a from b", "a b"},
	    {"begin; select 1; table a", "a"},
	    {"select * from U&\"\\0061\"", "*"},
	    {"copy (select * from a) to stdout", "a"},
	    {"copy a from stdin", "a stdin"},
	};

	(void)state;
	CHECK_ALL(examples);
}

static void
mentions_are_the_tables_that_a_statement_writes(void **state)
{
	static const struct example examples[] = {
	    {"insert into a (b, c) values (d, e) returning f", "a"},
	    {"insert into a select b, c from d on conflict (e) do update "
	     "set f = g",
	     "a d"},
	    {"update only s.a x set b = c, d = e from f where g", "s.a f"},
	    {"delete from a using b, c where d returning e, f", "a b c"},
	    {"merge into a using b on c when matched then delete", "a b"},
	    {"merge into a using (select c from b) x on true", "a b"},
	    {"select * from a for update of x skip locked", "a"},
	    {"select * from a for no key update", "a"},
	    {"with x as (delete from a returning *) select b from x", "a x"},
	};

	(void)state;
	CHECK_ALL(examples);
}

/* A table could have this name all the same. */
static void
mentions_are_no_columns_keywords_strings_or_comments(void **state)
{
	static const struct example examples[] = {
	    {"select status, user, \"select\" from a", "a"},
	    {"select a.status from a where status = 'user'", "a"},
	    {"select x as status, y from a group by status, \"user\"", "a"},
	    {"select 1 from a, user", "a"},
	    {"update a set status = 1, type = 2", "a"},
	    {"insert into a (status, type) values ('user', 'status')", "a"},
	    {"select 1 /* from status */ from a -- , status", "a"},
	    {"select $$from status$$ from a", "a"},
	    {"select extract(year from status) from a", "a"},
	    {"select substring(status from 1) from a", "a"},
	    {"select 1 from a where b is distinct from status", "a"},
	    {"select 1 from generate_series(1, 2), f(status), s.g()", ""},
	    {"select a.from, status from a", "a"},
	    {"select 1 from a where c in ('user', 'status')", "a"},
	    {"select count(*), status from a order by status desc", "a"},
	};

	(void)state;
	CHECK_ALL(examples);
}

static void
mentions_are_names_that_keywords_may_be_as_well(void **state)
{
	static const struct example examples[] = {
	    {"select * from \"select\"", "select"},
	    {"table \"user\"", "user"},
	    {"select * from status, type, values", "status type values"},
	    {"update update set a = 1", "update"},
	    {"select * from public.\"???\"", "public.???"},
	    {"select * from copy c, lock", "copy lock"},
	};

	(void)state;
	CHECK_ALL(examples);
}

static void
mentions_are_all_names_of_a_command_about_objects(void **state)
{
	static const struct example examples[] = {
	    {"truncate a, s.b", "a s.b"},
	    {"drop table a; select b from c", "a c"},
	    {"lock table a, only b", "a b"},
	    {"create index on a (b)", "index a b"},
	    {"vacuum a", "a"},
	    {"analyze a", "a"},
	    {"grant select on a to b", "a b"},
	    {"refresh materialized view v", "materialized view v"},
	};

	(void)state;
	CHECK_ALL(examples);
}

static void
mentions_are_strings_that_become_relations(void **state)
{
	static const struct example examples[] = {
	    {"select nextval('a'), lower(b, 'c')", "a"},
	    {"select setval('public.\"A\"', 1)", "public.A"},
	    {"select 'a'::regclass, 'b'::text", "a"},
	    {"select 's.a' :: pg_catalog.regclass", "s.a"},
	    {"select f('a b')", ""},
	    {"insert into a values ('b', 'c')", "a"},
	};

	(void)state;
	CHECK_ALL(examples);
}

static void
mentions_are_any_where_dynamic_sql_is_run(void **state)
{
	static const struct example examples[] = {
	    {"execute p", "*"},
	    {"begin; EXECUTE p(1)", "*"},
	    {"select execute from b", "b"},
	    {"do $$begin execute 'table a'; end$$", "*"},
	    {"do language plpgsql $x$ begin perform 1 from a, b; end $x$",
	     "a b"},
	    {"do $$ begin if true then execute q; end if; end $$", "*"},
	    {"create function f() returns int as $$ table a $$", "function f "
								 "returns int"},
	};

	(void)state;
	CHECK_ALL(examples);
}

/* However deep, and whatever does not fit together. */
static void
mentions_survive_odd_texts(void **state)
{
	static const char *const parts[] = {
	    "(",     ")",      ",(",       "a.",     "from ", "do $$",    "'",
	    "from(", "using(", "execute ", "update", "::",    "nextval('"};
	enum { TEXT_BYTES = 256 * 1024 };

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t part = strlen(parts[i]);
		char *sql = malloc(TEXT_BYTES);
		struct mention found;
		struct mentions m;
		size_t len = 0;

		assert_non_null(sql);
		for (; len + part <= TEXT_BYTES; len += part)
			memcpy(sql + len, parts[i], part);
		m = mentions_begin(sql, len);
		while (mentions_next(&m, &found))
			;
		free(sql);
	}
	check_mentions("select ((((((((((1))))))))) from a", "a");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mentions_are_the_tables_of_a_query),
	    cmocka_unit_test(mentions_are_the_tables_that_a_statement_writes),
	    cmocka_unit_test(
		mentions_are_no_columns_keywords_strings_or_comments),
	    cmocka_unit_test(mentions_are_names_that_keywords_may_be_as_well),
	    cmocka_unit_test(mentions_are_all_names_of_a_command_about_objects),
	    cmocka_unit_test(mentions_are_strings_that_become_relations),
	    cmocka_unit_test(mentions_are_any_where_dynamic_sql_is_run),
	    cmocka_unit_test(mentions_survive_odd_texts),
	};

	return cmocka_run_group_tests_name("policy/sql/mentions", tests, NULL,
					   NULL);
}
