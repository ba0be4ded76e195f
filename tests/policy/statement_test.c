#include "policy/statement.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/test.h"

/*
 * The sources and not their library, so that their own allocations can fail:
 * libpg_query does not survive a malloc that does.
 */
static void *failing_calloc(size_t count, size_t size);
static void *failing_realloc(void *old, size_t size);
#define calloc failing_calloc
#define realloc failing_realloc
#include "policy/statement.c"
#include "policy/statement_alter.c"
#include "policy/statement_create.c"
#include "policy/statement_do.c"
#include "policy/statement_drop.c"
#include "policy/statement_name.c"
#include "policy/statement_reference.c"
#include "policy/statement_scan.c"
#include "policy/statement_sieve.c"
#include "policy/statement_target.c"
#include "policy/statement_text.c"
#include "policy/statement_tree.c"
#undef calloc
#undef realloc

enum { MEGABYTE = 1024 * 1024 };

static unsigned allocations_left = UINT_MAX;

static bool
allocation_fails(void)
{
	if (allocations_left == UINT_MAX)
		return false;
	if (allocations_left == 0)
		return true;
	allocations_left--;
	return false;
}

static void *
failing_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : calloc(count, size);
}

static void *
failing_realloc(void *old, size_t size)
{
	return allocation_fails() ? NULL : realloc(old, size);
}

static const char *const controls[] = {
    [STATEMENT_PLAIN] = "",
    [STATEMENT_BEGIN] = " begin",
    [STATEMENT_END] = " end",
    [STATEMENT_END_CHAIN] = " chain",
    [STATEMENT_SAVEPOINT] = " savepoint",
};

static const char *const kinds[] = {
    [TARGET_DROP] = "drop",
    [TARGET_COLUMN] = "column",
    [TARGET_CONSTRAINT] = "constraint",
    [TARGET_DETACH] = "detach",
    [TARGET_TRUNCATE] = "truncate",
    [TARGET_LOCK] = "lock",
    [TARGET_TREE] = "tree",
    [TARGET_VALIDATE] = "validate",
    [TARGET_ATTACH] = "attach",
    [TARGET_PARTITION] = "partition",
    [TARGET_RETYPE] = "retype",
    [TARGET_OWNER] = "owner",
};

static const char *const objects[] = {
    [OBJECT_SCHEMA] = "schema",       [OBJECT_EXTENSION] = "extension",
    [OBJECT_SERVER] = "server",       [OBJECT_WRAPPER] = "wrapper",
    [OBJECT_LANGUAGE] = "language",   [OBJECT_TYPE] = "type",
    [OBJECT_COLLATION] = "collation", [OBJECT_STATISTICS] = "statistics",
    [OBJECT_FUNCTION] = "function",   [OBJECT_OPERATOR] = "operator",
    [OBJECT_TRIGGER] = "trigger",     [OBJECT_RULE] = "rule",
    [OBJECT_POLICY] = "policy",       [OBJECT_OWNED] = "owned",
};

static const char *const modes[] = {"",  "AS",  "RS", "RX", "SUE",
				    "S", "SRX", "X",  "AX"};

static const char *const scopes[] = {
    [GUARD_SCOPE_OFF] = "off",
    [GUARD_SCOPE_DROPS] = "drops",
    [GUARD_SCOPE_DDL] = "ddl",
};

static void
print_target(FILE *to, const struct target *t)
{
	fprintf(to, " %s(%s",
		t->kind == TARGET_OBJECT ? objects[t->object] : kinds[t->kind],
		t->relation);
	if (t->part != NULL)
		fprintf(to, " %s", t->part);
	if (t->only)
		fprintf(to, " only");
	if (t->cascade)
		fprintf(to, " cascade");
	if (t->restart_identity)
		fprintf(to, " restart");
	if (t->partitions_only)
		fprintf(to, " partitions");
	if (t->kind == TARGET_LOCK || t->kind == TARGET_TREE)
		fprintf(to, " %s", modes[t->mode]);
	else
		assert_int_equal(t->mode, LOCK_NONE);
	fprintf(to, ")");
}

/*
 * The list as text: each statement's own bytes in <>, then what it does to
 * the block, then "scope:TAG" if it is guarded, then its targets, or "no
 * plan".
 */
static char *
print_list(const struct statement_list *list, const char *sql)
{
	char *text = NULL;
	size_t size, i, j;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	for (i = 0; i < list->count; i++) {
		const struct statement *s = &list->items[i];

		fprintf(to, "%s<%.*s>%s", i > 0 ? "\n" : "",
			(int)(s->end - s->start), sql + s->start,
			controls[s->control]);
		assert_int_equal(s->tag != NULL, s->scope != GUARD_SCOPE_OFF);
		assert_int_equal(s->has_plan, s->target_count > 0);
		if (s->tag == NULL)
			continue;
		fprintf(to, " %s:%s", scopes[s->scope], s->tag);
		if (!s->has_plan)
			fprintf(to, " no plan");
		for (j = 0; j < s->target_count; j++)
			print_target(to, &s->targets[j]);
	}
	fprintf(to, "%s", list->is_sound ? "\nsound" : "");
	fclose(to);
	return text;
}

static enum statement_status
parse(struct statement_list *out, const char *sql, enum guard_scope scope)
{
	return statement_list_parse(out, sql, strlen(sql), scope,
				    STATEMENT_PARSE_BYTES_DEFAULT);
}

static enum statement_status
parse_status(const char *sql, enum guard_scope scope)
{
	struct statement_list list;
	enum statement_status status = parse(&list, sql, scope);

	if (status != STATEMENT_OK)
		assert_null(list.items);
	statement_list_clear(&list);
	return status;
}

static void
check(const char *sql, enum guard_scope scope, const char *expected)
{
	struct statement_list list;
	char *text;

	if (parse(&list, sql, scope) != STATEMENT_OK)
		fail_msg("does not parse: %s", sql);
	text = print_list(&list, sql);
	assert_string_equal(text, expected);
	/* The first sieve may never stop what the third one finds. */
	if (strstr(text, "drops:") != NULL)
		assert_true(statement_is_candidate(sql, strlen(sql),
						   GUARD_SCOPE_DROPS));
	if (strstr(text, "ddl:") != NULL)
		assert_true(
		    statement_is_candidate(sql, strlen(sql), GUARD_SCOPE_DDL));
	free(text);
	statement_list_clear(&list);
}

struct example {
	const char *sql;
	const char *expected; /* of print_list, behind "<sql>" */
};

static void
check_examples(const struct example *examples, size_t count,
	       enum guard_scope scope)
{
	size_t i;

	for (i = 0; i < count; i++) {
		char *expected = NULL;

		assert_true(asprintf(&expected, "<%s>%s", examples[i].sql,
				     examples[i].expected) > 0);
		check(examples[i].sql, scope, expected);
		free(expected);
	}
}

#define CHECK_EXAMPLES(examples, scope)                                        \
	check_examples(examples, sizeof(examples) / sizeof((examples)[0]),     \
		       scope)

/* `text` that is `head`, then `part` again and again, then `tail`. */
static char *
repeat(const char *head, const char *part, const char *tail, size_t len)
{
	size_t room = len - strlen(head) - strlen(tail);
	char *text = calloc(1, len + 1);
	char *to;

	assert_non_null(text);
	to = stpcpy(text, head);
	for (; room >= strlen(part); room -= strlen(part))
		to = stpcpy(to, part);
	stpcpy(to, tail);
	return text;
}

static void
candidate_is_found_at_each_statement_start(void **state)
{
	static const char *const texts[] = {
	    "drop table c",
	    "DROP TABLE c",
	    "dRoP\ttable c",
	    "\n\t \f\v\rdrop table c",
	    "begin; drop table c; commit",
	    "begin;;;;drop table c",
	    "begin ; ; drop table c",
	    "select 1;/**/drop table c",
	    "-- hello; world\ndrop table c",
	    "-- hello\rdrop table c",
	    "/* a; /* b; */ c; */drop table c",
	    "/***//**/drop table c",
	    "/*/**/*/drop table c",
	    "begin; /* ; */ -- ;\n drop table c",
	    "select ';/*'; drop table c",
	    "select ';--'; drop table c",
	    "select $$;/*$$; drop table c",
	    "select \";/*\" from a; drop table c",
	    "drop/**/table c",
	    "drop--\ntable c",
	    "alter table t drop column c",
	    "truncate t",
	    "truncate\"t\"",
	    "drop",
	    "do $$begin end$$",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i]);
		struct span copy = bytes_copy(bytes(texts[i], len));

		if (!statement_is_candidate((const char *)copy.data, len,
					    GUARD_SCOPE_DROPS))
			fail_msg("not found: %s", texts[i]);
		assert_false(statement_is_candidate((const char *)copy.data,
						    len, GUARD_SCOPE_OFF));
		bytes_free(copy);
	}
}

static void
candidate_is_not_ordinary_traffic(void **state)
{
	static const char *const texts[] = {
	    "",
	    ";",
	    ";;;",
	    "select 1",
	    "begin",
	    "select drop from truncate",
	    "dropped",
	    "drop_it",
	    "drop1",
	    "drop$",
	    "drop\xc3\xa4",
	    "xdrop",
	    "insert into log values ('drop table c')",
	    "update t set a = 1 where b = $1;",
	    "/* drop table c */ select 1",
	    "-- drop table c",
	    "/* drop table c",
	    "/",
	    "-",
	    "select 1;/",
	    "select 1;-",
	    "create table t (a int references b)",
	    "vacuum full t",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i]);
		struct span copy = bytes_copy(bytes(texts[i], len));

		if (statement_is_candidate((const char *)copy.data, len,
					   GUARD_SCOPE_DROPS))
			fail_msg("found: %s", texts[i]);
		bytes_free(copy);
	}
}

static void
candidate_with_create_is_of_scope_ddl_only(void **state)
{
	const char *sql = "create table t (a int references b)";

	(void)state;
	assert_true(statement_is_candidate(sql, strlen(sql), GUARD_SCOPE_DDL));
	assert_false(
	    statement_is_candidate(sql, strlen(sql), GUARD_SCOPE_DROPS));
}

/* Each length on both sides of the look-ahead's end. */
static void
candidate_is_found_behind_a_gap_of_any_length(void **state)
{
	static const char *const gaps[][3] = {
	    {"select 1;", " ", "drop table c"},
	    {"select 1;", " ", "/*x*/drop table c"},
	    {"select 1;/*", "x", "*/drop table c"},
	    {"select 1;--", "x", "\ndrop table c"},
	    {"select 1;/*", "/**/", "*/drop table c"},
	    {"", " ", "drop table c"},
	    {"/*", "x", "*/drop table c"},
	};
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		for (len = 40; len < 400; len++) {
			char *sql =
			    repeat(gaps[i][0], gaps[i][1], gaps[i][2], len);

			assert_true(statement_is_candidate(sql, strlen(sql),
							   GUARD_SCOPE_DROPS));
			free(sql);
		}
	}
}

static void
candidate_is_looked_for_in_linear_time(void **state)
{
	static const char *const parts[] = {
	    ";", "; ", ";--\n", ";/*;*/", "/*", ";/*", ";--;", ";;;;\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *sql = repeat("select 1", parts[i], "", 4 * MEGABYTE);

		statement_is_candidate(sql, strlen(sql), GUARD_SCOPE_DDL);
		free(sql);
	}
}

static void
list_parse_plans_drops_of_relations(void **state)
{
	static const struct example examples[] = {
	    {"drop table c", " drops:DROP TABLE drop(\"c\")"},
	    {"DROP TABLE IF EXISTS A.b, C CASCADE",
	     " drops:DROP TABLE drop(\"a\".\"b\" cascade)"
	     " drop(\"c\" cascade)"},
	    {"drop table db.s.t restrict",
	     " drops:DROP TABLE drop(\"db\".\"s\".\"t\")"},
	    {"drop view v", " drops:DROP VIEW drop(\"v\")"},
	    {"drop materialized view v",
	     " drops:DROP MATERIALIZED VIEW drop(\"v\")"},
	    {"drop sequence q", " drops:DROP SEQUENCE drop(\"q\")"},
	    {"drop foreign table f", " drops:DROP FOREIGN TABLE drop(\"f\")"},
	    {"drop index i, s.j",
	     " drops:DROP INDEX drop(\"i\") drop(\"s\".\"j\")"},
	    {"drop table a.b.c.d", " drops:DROP TABLE no plan"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_plans_drops_of_other_objects(void **state)
{
	static const struct example examples[] = {
	    {"drop schema s, \"S 2\" cascade",
	     " drops:DROP SCHEMA schema(\"s\" cascade)"
	     " schema(\"S 2\" cascade)"},
	    {"drop extension if exists e",
	     " drops:DROP EXTENSION extension(\"e\")"},
	    {"drop server s", " drops:DROP SERVER server(\"s\")"},
	    {"drop foreign data wrapper f",
	     " drops:DROP FOREIGN DATA WRAPPER wrapper(\"f\")"},
	    {"drop language l", " drops:DROP LANGUAGE language(\"l\")"},
	    {"drop type t, s.\"u\"\"v\"",
	     " drops:DROP TYPE type(\"t\") type(\"s\".\"u\"\"v\")"},
	    {"drop type int, t[]",
	     " drops:DROP TYPE type(\"pg_catalog\".\"int4\") type(\"t\"[])"},
	    {"drop domain d cascade", " drops:DROP DOMAIN type(\"d\" cascade)"},
	    {"drop collation s.c",
	     " drops:DROP COLLATION collation(\"s\".\"c\")"},
	    {"drop statistics s", " drops:DROP STATISTICS statistics(\"s\")"},
	    {"drop trigger \"G\"\"\" on s.t cascade",
	     " drops:DROP TRIGGER trigger(\"s\".\"t\" G\" cascade)"},
	    {"drop rule r on t", " drops:DROP RULE rule(\"t\" r)"},
	    {"drop policy p on db.s.t",
	     " drops:DROP POLICY policy(\"db\".\"s\".\"t\" p)"},
	    {"drop owned by r, current_user, current_role, session_user "
	     "cascade",
	     " drops:DROP OWNED owned(\"r\" cascade)"
	     " owned(current_user cascade) owned(current_user cascade)"
	     " owned(session_user cascade)"},
	    {"drop function f", " drops:DROP FUNCTION function(\"f\")"},
	    {"drop function s.f(), g(int, s.\"T\"[], \"char\", varchar(3))",
	     " drops:DROP FUNCTION function(\"s\".\"f\" ())"
	     " function(\"g\" (\"pg_catalog\".\"int4\",\"s\".\"T\"[],"
	     "\"char\",\"pg_catalog\".\"varchar\"))"},
	    {"drop function f(a int, out b int, variadic text[])",
	     " drops:DROP FUNCTION function(\"f\""
	     " (\"pg_catalog\".\"int4\",\"text\"[]))"},
	    {"drop procedure p(int)", " drops:DROP PROCEDURE function(\"p\""
				      " (\"pg_catalog\".\"int4\"))"},
	    {"drop routine r", " drops:DROP ROUTINE function(\"r\")"},
	    {"drop aggregate a(*), b(int order by text)",
	     " drops:DROP AGGREGATE function(\"a\" ())"
	     " function(\"b\" (\"pg_catalog\".\"int4\",\"text\"))"},
	    {"drop operator +(int, t), s.@@(none, bigint) cascade",
	     " drops:DROP OPERATOR operator(+"
	     " (\"pg_catalog\".\"int4\",\"t\") cascade)"
	     " operator(\"s\".@@ (NONE,\"pg_catalog\".\"int8\") cascade)"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_knows_rare_drops_without_a_plan(void **state)
{
	static const struct example examples[] = {
	    {"drop function f(setof int)", " drops:DROP FUNCTION no plan"},
	    {"drop function g, f(t.a%type)", " drops:DROP FUNCTION no plan"},
	    {"drop function a.b.c.d", " drops:DROP FUNCTION no plan"},
	    {"drop type a.b.c.d", " drops:DROP TYPE no plan"},
	    {"drop trigger g on a.b.c.d", " drops:DROP TRIGGER no plan"},
	    {"drop owned by public", " drops:DROP OWNED no plan"},
	    {"drop operator class o using btree",
	     " drops:DROP OPERATOR CLASS no plan"},
	    {"drop operator family o using btree",
	     " drops:DROP OPERATOR FAMILY no plan"},
	    {"drop cast (int as text)", " drops:DROP CAST no plan"},
	    {"drop access method a", " drops:DROP ACCESS METHOD no plan"},
	    {"drop transform for t language l",
	     " drops:DROP TRANSFORM no plan"},
	    {"drop text search configuration c",
	     " drops:DROP TEXT SEARCH CONFIGURATION no plan"},
	    {"drop text search dictionary c",
	     " drops:DROP TEXT SEARCH DICTIONARY no plan"},
	    {"drop text search parser c",
	     " drops:DROP TEXT SEARCH PARSER no plan"},
	    {"drop text search template c",
	     " drops:DROP TEXT SEARCH TEMPLATE no plan"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
}

static void
list_parse_plans_alter_table_with_drops(void **state)
{
	static const struct example examples[] = {
	    {"alter table c drop column a",
	     " drops:ALTER TABLE lock(\"c\" AX) column(\"c\" a)"},
	    {"alter table c drop a, drop if exists \"B\" cascade",
	     " drops:ALTER TABLE lock(\"c\" AX) column(\"c\" a)"
	     " column(\"c\" B cascade)"},
	    {"alter table if exists only s.c drop constraint f cascade",
	     " drops:ALTER TABLE lock(\"s\".\"c\" only AX)"
	     " constraint(\"s\".\"c\" f only cascade)"},
	    {"alter table c drop constraint f, add d int references r,"
	     " add constraint g foreign key (a) references s.p (b),"
	     " alter e set not null, add check (1 = 1)",
	     " drops:ALTER TABLE tree(\"c\" AX) constraint(\"c\" f)"
	     " tree(\"r\" partitions SRX) tree(\"s\".\"p\" partitions SRX)"},
	    {"alter table c drop a, alter b type text, validate constraint f,"
	     " add foreign key (b) references p, owner to r",
	     " drops:ALTER TABLE tree(\"c\" AX) column(\"c\" a)"
	     " retype(\"c\" b) validate(\"c\" f)"
	     " tree(\"p\" partitions SRX) owner(\"c\")"},
	    {"alter table p detach partition s.p1",
	     " drops:ALTER TABLE lock(\"p\" AX)"
	     " detach(\"p\" \"s\".\"p1\")"},
	    {"alter foreign table f drop column a",
	     " drops:ALTER FOREIGN TABLE lock(\"f\" AX)"
	     " column(\"f\" a)"},
	    {"alter view v drop column a",
	     " drops:ALTER VIEW lock(\"v\" AX) column(\"v\" a)"},
	    {"alter type t drop attribute a", " drops:ALTER TYPE no plan"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_plans_truncate(void **state)
{
	static const struct example examples[] = {
	    {"truncate t", " drops:TRUNCATE TABLE truncate(\"t\")"},
	    {"truncate table only a, s.b *, c restart identity cascade",
	     " drops:TRUNCATE TABLE truncate(\"a\" only cascade restart)"
	     " truncate(\"s\".\"b\" cascade restart)"
	     " truncate(\"c\" cascade restart)"},
	    {"truncate a continue identity restrict",
	     " drops:TRUNCATE TABLE truncate(\"a\")"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
}

static void
list_parse_leaves_what_is_never_guarded(void **state)
{
	static const struct example examples[] = {
	    {"drop index concurrently i", ""},
	    {"alter table p detach partition c concurrently", ""},
	    {"alter table p detach partition c finalize", ""},
	    {"drop database d", ""},
	    {"drop tablespace t", ""},
	    {"drop role r", ""},
	    {"drop user mapping for u server s", ""},
	    {"drop subscription s", ""},
	    {"drop publication p", ""},
	    {"drop event trigger e", ""},
	    {"alter role r set search_path = 'drop'", ""},
	    {"alter domain d drop constraint c", ""},
	    {"create index concurrently i on t (a)", ""},
	    {"create table t (a int)", ""},
	    {"create table t as select 1", ""},
	    {"create view v as select 1", ""},
	    {"create table t (like u)", ""},
	    {"vacuum full t", ""},
	    {"cluster t using i", ""},
	    {"reindex table t", ""},
	    {"refresh materialized view concurrently m", ""},
	    {"create statistics s on a, b from t, u", ""},
	    {"create or replace view v as select 1", ""},
	    {"create publication p for table t", ""},
	    {"comment on table t is 'x'", ""},
	    {"alter function f() depends on extension e", ""},
	    {"alter type t add value 'x'", ""},
	    {"alter type t rename to u", ""},
	    {"alter schema s rename to u", ""},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static const struct example ddl_examples[] = {
    {"alter table c add column a int", " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c add a int references p",
     " ddl:ALTER TABLE tree(\"c\" AX) tree(\"p\" partitions SRX)"},
    {"alter table c add a int unique references p check (a > 1) references q",
     " ddl:ALTER TABLE tree(\"c\" AX) tree(\"p\" partitions SRX) tree(\"q\" "
     "partitions SRX)"},
    {"alter table c add foreign key (a) references p",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX) tree(\"p\" partitions SRX)"},
    {"alter table c add constraint f foreign key (a) references s.p not valid",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX) tree(\"s\".\"p\" partitions "
     "SRX)"},
    {"alter table c add foreign key (a) references p, disable trigger g",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX) tree(\"p\" partitions SRX)"},
    {"alter table c add foreign key (a) references p, enable rule r",
     " ddl:ALTER TABLE tree(\"c\" partitions AX) tree(\"p\" partitions SRX)"},
    {"alter table only c add foreign key (a) references p",
     " ddl:ALTER TABLE lock(\"c\" only SRX) tree(\"p\" partitions SRX)"},
    {"alter table c add check (a > 1)", " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c add check (a > 1) no inherit",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table only c add check (a > 1)",
     " ddl:ALTER TABLE lock(\"c\" only AX)"},
    {"alter table c add primary key (a)", " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c add primary key using index i",
     " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c add unique (a)",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" partitions S)"},
    {"alter table c add unique using index i",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table only c add unique (a)",
     " ddl:ALTER TABLE lock(\"c\" only AX)"},
    {"alter table c add exclude using gist (a with =)",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" partitions S)"},
    {"alter table c alter constraint f deferrable",
     " ddl:ALTER TABLE tree(\"c\" partitions AX)"},
    {"alter table c validate constraint f",
     " ddl:ALTER TABLE lock(\"c\" SUE) validate(\"c\" f)"},
    {"alter table c validate constraint f, disable trigger all",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX) validate(\"c\" f)"},
    {"alter table c alter a type bigint",
     " ddl:ALTER TABLE tree(\"c\" AX) retype(\"c\" a)"},
    {"alter table c alter \"A b\" type bigint using 1",
     " ddl:ALTER TABLE tree(\"c\" AX) retype(\"c\" A b)"},
    {"alter table c alter a set not null", " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c alter a drop not null", " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c alter a set default 1", " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c alter a drop default", " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c alter a drop expression",
     " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c alter a set storage plain",
     " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table only c alter a set not null",
     " ddl:ALTER TABLE lock(\"c\" only AX)"},
    {"alter table c alter a set compression pglz",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c alter a add generated always as identity",
     " ddl:ALTER TABLE tree(\"c\" partitions AX)"},
    {"alter table c alter a set generated always",
     " ddl:ALTER TABLE tree(\"c\" partitions AX)"},
    {"alter table c alter a drop identity",
     " ddl:ALTER TABLE tree(\"c\" partitions AX)"},
    {"alter table c alter a set statistics 9",
     " ddl:ALTER TABLE tree(\"c\" SUE)"},
    {"alter table c alter a set (n_distinct = 5)",
     " ddl:ALTER TABLE lock(\"c\" SUE)"},
    {"alter table c alter a reset (n_distinct)",
     " ddl:ALTER TABLE lock(\"c\" SUE)"},
    {"alter table c attach partition s.d default",
     " ddl:ALTER TABLE lock(\"c\" SUE) attach(\"c\" \"s\".\"d\")"},
    {"alter table c inherit p",
     " ddl:ALTER TABLE lock(\"c\" AX) lock(\"p\" SUE)"},
    {"alter table c no inherit p", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c owner to r",
     " ddl:ALTER TABLE lock(\"c\" AX) owner(\"c\")"},
    {"alter table c set logged",
     " ddl:ALTER TABLE lock(\"c\" AX) owner(\"c\")"},
    {"alter table c set unlogged",
     " ddl:ALTER TABLE lock(\"c\" AX) owner(\"c\")"},
    {"alter table c of t", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c not of", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c set without oids", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c set tablespace x", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c set access method heap", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c replica identity full", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c replica identity using index i",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c enable row level security",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c disable row level security",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c force row level security",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c no force row level security",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c enable rule r", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c enable always rule r", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c enable replica rule r", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c disable rule r", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c options (add x '1')", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c alter a options (add x '1')",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c enable trigger g",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX)"},
    {"alter table c enable always trigger g",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX)"},
    {"alter table c enable replica trigger g",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX)"},
    {"alter table c disable trigger g",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX)"},
    {"alter table c enable trigger all",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX)"},
    {"alter table c disable trigger all",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX)"},
    {"alter table c enable trigger user",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX)"},
    {"alter table c disable trigger user",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX)"},
    {"alter table c cluster on i", " ddl:ALTER TABLE lock(\"c\" SUE)"},
    {"alter table c set without cluster", " ddl:ALTER TABLE lock(\"c\" SUE)"},
    {"alter table c set (fillfactor = 50, toast.autovacuum_enabled = off)",
     " ddl:ALTER TABLE lock(\"c\" SUE)"},
    {"alter table c reset (fillfactor)", " ddl:ALTER TABLE lock(\"c\" SUE)"},
    {"alter table c set (fillfactor = 50, user_catalog_table = true)",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c set (fillfactor = 50), set tablespace x",
     " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c rename to d", " ddl:ALTER TABLE lock(\"c\" AX)"},
    {"alter table c rename a to b", " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c rename constraint a to b",
     " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c set schema s",
     " ddl:ALTER TABLE lock(\"c\" AX) owner(\"c\")"},
    {"alter table all in tablespace a set tablespace b",
     " ddl:ALTER TABLE no plan"},
    {"alter view c rename to d", " ddl:ALTER VIEW lock(\"c\" AX)"},
    {"alter view c rename a to b", " ddl:ALTER VIEW tree(\"c\" AX)"},
    {"alter view c alter a set default 1", " ddl:ALTER VIEW tree(\"c\" AX)"},
    {"alter view c set (security_barrier)", " ddl:ALTER VIEW lock(\"c\" AX)"},
    {"alter view c reset (check_option)", " ddl:ALTER VIEW lock(\"c\" AX)"},
    {"alter view c owner to r", " ddl:ALTER VIEW lock(\"c\" AX) owner(\"c\")"},
    {"alter view c set schema s",
     " ddl:ALTER VIEW lock(\"c\" AX) owner(\"c\")"},
    {"alter materialized view c rename to d",
     " ddl:ALTER MATERIALIZED VIEW lock(\"c\" AX)"},
    {"alter materialized view c set (fillfactor = 50)",
     " ddl:ALTER MATERIALIZED VIEW lock(\"c\" SUE)"},
    {"alter sequence c increment 2", " ddl:ALTER SEQUENCE lock(\"c\" SRX)"},
    {"alter sequence c owned by t.a", " ddl:ALTER SEQUENCE lock(\"c\" SRX)"},
    {"alter sequence c rename to d", " ddl:ALTER SEQUENCE lock(\"c\" AX)"},
    {"alter sequence c owner to r",
     " ddl:ALTER SEQUENCE lock(\"c\" AX) owner(\"c\")"},
    {"alter sequence c set schema s",
     " ddl:ALTER SEQUENCE lock(\"c\" AX) owner(\"c\")"},
    {"alter index c rename to d", " ddl:ALTER INDEX lock(\"c\" SUE)"},
    {"alter index c set (fillfactor = 50)", " ddl:ALTER INDEX lock(\"c\" SUE)"},
    {"alter index c set (fastupdate = off)", " ddl:ALTER INDEX lock(\"c\" AX)"},
    {"alter index c set tablespace x", " ddl:ALTER INDEX lock(\"c\" AX)"},
    {"alter index c attach partition d", " ddl:ALTER INDEX lock(\"c\" SUE)"},
    {"alter foreign table c add a int",
     " ddl:ALTER FOREIGN TABLE tree(\"c\" AX)"},
    {"alter trigger c on s.t rename to d",
     " ddl:ALTER TRIGGER tree(\"s\".\"t\" partitions AX)"},
    {"alter rule c on t rename to d", " ddl:ALTER RULE lock(\"t\" AX)"},
    {"alter policy c on t rename to d", " ddl:ALTER POLICY lock(\"t\" AX)"},
    {"alter policy p on t using (exists (select from u))",
     " ddl:ALTER POLICY lock(\"t\" AX)"},
    {"alter type c add attribute a int", " ddl:ALTER TYPE no plan"},
    {"alter type c rename attribute a to b", " ddl:ALTER TYPE no plan"},
    {"create table c (a int references p)",
     " ddl:CREATE TABLE tree(\"p\" partitions SRX)"},
    {"create table c (b int, foreign key (b) references q, a int references "
     "s.p)",
     " ddl:CREATE TABLE tree(\"q\" partitions SRX) tree(\"s\".\"p\" partitions "
     "SRX)"},
    {"create table c () inherits (p, s.q)",
     " ddl:CREATE TABLE lock(\"p\" SUE) lock(\"s\".\"q\" SUE)"},
    {"create table c partition of s.p default",
     " ddl:CREATE TABLE partition(\"s\".\"p\")"},
    {"create table c partition of p (foreign key (a) references q) for values "
     "in (1) partition by list (a)",
     " ddl:CREATE TABLE partition(\"p\") tree(\"q\" partitions SRX)"},
    {"create table c of t (a references p)",
     " ddl:CREATE TABLE tree(\"p\" partitions SRX)"},
    {"create foreign table c partition of p default server s",
     " ddl:CREATE FOREIGN TABLE partition(\"p\")"},
    {"create foreign table c () inherits (p) server s",
     " ddl:CREATE FOREIGN TABLE lock(\"p\" SUE)"},
    {"create schema s create table a (b int references c) create index on a "
     "(b) create view v as select 1",
     " ddl:CREATE SCHEMA tree(\"c\" partitions SRX)"},
    {"create trigger g before insert on s.t for each row execute function f()",
     " ddl:CREATE TRIGGER tree(\"s\".\"t\" partitions SRX)"},
    {"create or replace trigger g before insert on t execute function f()",
     " ddl:CREATE TRIGGER lock(\"t\" SRX)"},
    {"create constraint trigger g after insert on t from p for each row "
     "execute function f()",
     " ddl:CREATE TRIGGER tree(\"t\" partitions SRX)"},
    {"create index on t (a)", " ddl:CREATE INDEX tree(\"t\" partitions S)"},
    {"create unique index i on only t (a)",
     " ddl:CREATE INDEX lock(\"t\" only S)"},
    {"create rule r as on insert to t do (select 1; insert into u values (1); "
     "delete from s.v; update only w set a = 1; notify x)",
     " ddl:CREATE RULE lock(\"t\" AX) lock(\"u\" RX) lock(\"s\".\"v\" RX) "
     "lock(\"w\" only RX)"},
    {"create or replace rule r as on insert to t do nothing",
     " ddl:CREATE RULE lock(\"t\" AX)"},
    {"create policy p on t using (exists (select from u))",
     " ddl:CREATE POLICY lock(\"t\" AX)"},
    {"create statistics s on a, b from t",
     " ddl:CREATE STATISTICS lock(\"t\" SUE)"},
    {"refresh materialized view s.m",
     " ddl:REFRESH MATERIALIZED VIEW lock(\"s\".\"m\" AX)"},
    {"refresh materialized view m with no data",
     " ddl:REFRESH MATERIALIZED VIEW lock(\"m\" AX)"},
};

static void
list_parse_plans_what_locks_existing_tables(void **state)
{
	(void)state;
	CHECK_EXAMPLES(ddl_examples, GUARD_SCOPE_DDL);
}

static void
list_parse_judges_ddl_only_when_asked(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ddl_examples) / sizeof(ddl_examples[0]); i++) {
		struct example example = {ddl_examples[i].sql, ""};

		check_examples(&example, 1, GUARD_SCOPE_DROPS);
		check_examples(&example, 1, GUARD_SCOPE_OFF);
	}
}

/* It shares their transaction: one plan for all. */
static void
list_parse_judges_ddl_beside_a_drop(void **state)
{
	(void)state;
	check("alter table c add foreign key (a) references z; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<alter table c add foreign key (a) references z> ddl:ALTER TABLE"
	      " tree(\"c\" partitions SRX) tree(\"z\" partitions SRX)\n"
	      "<drop table c> drops:DROP TABLE drop(\"c\")");
	check("drop table c; create index on t (a); create table n (b int);"
	      " alter type t add attribute a int; select 1;"
	      " alter table x add",
	      GUARD_SCOPE_DROPS,
	      "<drop table c> drops:DROP TABLE drop(\"c\")\n"
	      "<create index on t (a)> ddl:CREATE INDEX"
	      " tree(\"t\" partitions S)\n<create table n (b int)>\n"
	      "<alter type t add attribute a int>\n<select 1>\n"
	      "<alter table x add>");
	check("begin; do $$begin alter table c rename to d; end$$; truncate a;"
	      " commit",
	      GUARD_SCOPE_DROPS,
	      "<begin> begin\n<do $$begin alter table c rename to d; end$$>"
	      " ddl:DO lock(\"c\" AX)\n<truncate a> drops:TRUNCATE TABLE"
	      " truncate(\"a\")\n<commit> end\nsound");
	/* Nothing to plan for. */
	check("alter table c rename to d; drop cast (int as text)",
	      GUARD_SCOPE_DROPS,
	      "<alter table c rename to d>\n<drop cast (int as text)>"
	      " drops:DROP CAST no plan");
}

static void
list_parse_leaves_neighbours_that_are_too_large(void **state)
{
	char *sql = repeat("drop table c; create table n (a int check (1",
			   " + 1", "))", STATEMENT_PARSE_BYTES_DEFAULT + 100);
	struct statement_list list;

	(void)state;
	assert_int_equal(parse(&list, sql, GUARD_SCOPE_DROPS), STATEMENT_OK);
	assert_int_equal(list.count, 2);
	assert_true(list.items[0].has_plan);
	assert_null(list.items[1].tag);
	statement_list_clear(&list);
	free(sql);
}

static void
list_parse_plans_the_statements_of_a_do_block(void **state)
{
	static const struct example examples[] = {
	    {"do $$ begin drop table c; end $$", " drops:DO drop(\"c\")"},
	    {"DO LANGUAGE plpgsql 'begin drop table \"it''s\"; end'",
	     " drops:DO drop(\"it's\")"},
	    {"do E'begin\\n drop\\ttable c; end' language 'plpgsql'",
	     " drops:DO drop(\"c\")"},
	    {"do $a$ declare r record; x s.t%rowtype; begin"
	     " if exists (select from a) then drop table a; drop view v;"
	     " elsif true then truncate b; else alter table d drop e; end if;"
	     " for r in select 1 loop drop index i; end loop;"
	     " while false loop drop index j; end LOOP;"
	     " loop drop index k; exit; end loop;"
	     " <<l>> drop index l; <<m>>/**/drop index m;"
	     " case 1 when 1 then drop index n; else drop index o; end case;"
	     " begin drop index p; exception when others then drop index q;"
	     " end; end $a$",
	     " drops:DO drop(\"a\") drop(\"v\") truncate(\"b\")"
	     " lock(\"d\" AX) column(\"d\" e) drop(\"i\") drop(\"j\")"
	     " drop(\"k\") drop(\"l\") drop(\"m\") drop(\"n\")"
	     " drop(\"o\") drop(\"p\") drop(\"q\")"},
	    {"do $$ begin alter table c add foreign key (a) references z;"
	     " drop table c; end $$",
	     " drops:DO tree(\"c\" partitions SRX)"
	     " tree(\"z\" partitions SRX) drop(\"c\")"},
	    {"do $$ begin create rule r as on insert to t do (delete from u;"
	     " delete from v); drop table t -- the end\n; end $$",
	     " drops:DO lock(\"t\" AX) lock(\"u\" RX) lock(\"v\" RX)"
	     " drop(\"t\")"},
	    {"do $$ begin raise notice 'x'; drop table c /* no end */ $$",
	     " drops:DO drop(\"c\")"},
	    {"do $$ begin drop cast (a as b); end $$", " drops:DO no plan"},
	    {"do $$ begin drop cast (a as b); drop table c; end $$",
	     " drops:DO drop(\"c\")"},
	    {"do $$ begin drop table c; commit; end $$", " drops:DO no plan"},
	    {"do $$ begin drop table c; if a then rollback; end if; end $$",
	     " drops:DO no plan"},
	    {"do $$ begin call p(); drop table c; end $$", " drops:DO no plan"},
	    {"do $$ begin drop table c; do 'begin end'; end $$",
	     " drops:DO no plan"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_leaves_a_do_block_without_guarded_statements(void **state)
{
	static const struct example examples[] = {
	    {"do $$ begin perform 1; end $$", ""},
	    {"do $$ begin commit; end $$", ""},
	    {"do $$ begin execute 'drop table c'; end $$", ""},
	    {"do $$ begin execute format('drop table %I', c); end $$", ""},
	    {"do $$ begin select 1 as drop; raise 'drop table c'; end $$", ""},
	    {"do $$ begin -- ; drop table c;\n /* ; drop table d; */ end $$",
	     ""},
	    {"do $$ declare drop int; begin drop := 1; end $$", ""},
	    {"do $$ begin a := case when b then drop else alter end; end $$",
	     ""},
	    {"do $$ begin a := (case when b then drop table c end); end $$",
	     ""},
	    {"do $$ begin drop index concurrently i; end $$", ""},
	    {"do $$ begin drop table; end $$", ""},
	    {"do $$ begin drop table 'unfinished; end $$", ""},
	    {"do $$ begin drop table c; end $$ language plperl", ""},
	    {"do 'begin drop table a; end' 'begin drop table b; end'", ""},
	    {"do /* drop */ language plpgsql", ""},
	    {"do /* drop */ ''", ""},
	};
	size_t i;

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_OFF);
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct statement_list list;

		assert_int_equal(parse(&list, examples[i].sql, GUARD_SCOPE_DDL),
				 STATEMENT_OK);
		assert_int_equal(list.count, 1);
		if (list.items[0].tag != NULL)
			fail_msg("claimed: %s", examples[i].sql);
		statement_list_clear(&list);
	}
}

static void
list_parse_judges_ddl_in_a_do_block_only_when_asked(void **state)
{
	static const struct example not_asked[] = {
	    {"do $$ begin alter table c add a int; end $$", ""},
	    {"do $$ begin create index on c (a); end $$", ""},
	};
	static const struct example asked[] = {
	    {"do $$ begin alter table c add a int; end $$",
	     " ddl:DO tree(\"c\" AX)"},
	    {"do $$ begin create index on c (a); end $$",
	     " ddl:DO tree(\"c\" partitions S)"},
	    {"do $$ begin refresh materialized view c; end $$",
	     " ddl:DO lock(\"c\" AX)"},
	    {"do $$ begin create table c (a int); end $$", ""},
	};

	(void)state;
	CHECK_EXAMPLES(not_asked, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(asked, GUARD_SCOPE_DDL);
}

static void
list_parse_caps_what_stands_in_a_do_block(void **state)
{
	static const struct {
		const char *head, *part, *tail;
		size_t len;
		enum statement_status status;
	} cases[] = {
	    {"do $$ begin ", "drop table a;", "end$$", 13 * 500 + 17,
	     STATEMENT_OK},
	    {"do $$ begin ", "drop table a;", "end$$", 13 * 501 + 17,
	     STATEMENT_TOO_LARGE},
	    {"do $$ begin alter table t drop c, add check (1", "+1", "); end$$",
	     2000, STATEMENT_TOO_LARGE},
	    {"do $$ begin drop table a; perform 1", "+1", "; end$$", 16384,
	     STATEMENT_OK},
	    {"do $$ begin drop table a; perform 1", "+1", "; end$$", 16388,
	     STATEMENT_TOO_LARGE},
	    {"do $$ begin perform 1", "+1", "; end$$", 100000, STATEMENT_OK},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *sql = repeat(cases[i].head, cases[i].part, cases[i].tail,
				   cases[i].len);

		assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
				 cases[i].status);
		free(sql);
	}
}

static void
list_parse_knows_transaction_control(void **state)
{
	static const struct example examples[] = {
	    {"begin", " begin"},
	    {"BEGIN isolation level serializable", " begin"},
	    {"start transaction read only", " begin"},
	    {"commit", " end"},
	    {"commit work and no chain", " end"},
	    {"commit and chain", " chain"},
	    {"end", " end"},
	    {"end and chain", " chain"},
	    {"rollback", " end"},
	    {"rollback and chain", " chain"},
	    {"abort", " end"},
	    {"prepare transaction 'x'", " end"},
	    {"prepare /**/ transaction 'x'", " end"},
	    {"prepare transaction as select 1", ""},
	    {"prepare p as select 1", ""},
	    {"commit prepared 'x'", ""},
	    {"rollback prepared 'x'", ""},
	    {"savepoint s", " savepoint"},
	    {"release s", " savepoint"},
	    {"release savepoint s", " savepoint"},
	    {"rollback to s", " savepoint"},
	    {"set transaction read only", ""},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_OFF);
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
}

static void
list_parse_quotes_names(void **state)
{
	static const struct example examples[] = {
	    {"drop table \"a\"\"; drop table x; --\"",
	     " drops:DROP TABLE drop(\"a\"\"; drop table x; --\")"},
	    {"drop table \"\"\"\".\".\", \"A b\"",
	     " drops:DROP TABLE drop(\"\"\"\".\".\") drop(\"A b\")"},
	    {"drop table \xc3\x84\xc3\xb6.\"\xe8\xa1\xa8\"",
	     " drops:DROP TABLE drop(\"\xc3\x84\xc3\xb6\".\"\xe8\xa1\xa8\")"},
	    {"drop table U&\"d\\0061t\\+000061\"",
	     " drops:DROP TABLE drop(\"data\")"},
	    {"drop table U&\"d!0061t!!\\\" UESCAPE '!'",
	     " drops:DROP TABLE drop(\"dat!\\\")"},
	    {"alter table \"t'\" drop column \"a\"\"b\"",
	     " drops:ALTER TABLE lock(\"t'\" AX) column(\"t'\" a\"b)"},
	    {"alter table a detach partition \"x\"\"y\".\"$1\"",
	     " drops:ALTER TABLE lock(\"a\" AX)"
	     " detach(\"a\" \"x\"\"y\".\"$1\")"},
	    {"drop table \"\\\"", " drops:DROP TABLE drop(\"\\\")"},
	    /* Cut to 63 bytes, as the server does, within no character. */
	    {"drop table "
	     "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xc3\xa4y",
	     " drops:DROP TABLE drop(\""
	     "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
	     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\")"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DROPS);
}

static void
list_parse_finds_where_statements_begin_and_end(void **state)
{
	(void)state;
	check("begin; drop table table_c; commit;", GUARD_SCOPE_DROPS,
	      "<begin> begin\n<drop table table_c>"
	      " drops:DROP TABLE drop(\"table_c\")\n<commit> end\nsound");
	check("", GUARD_SCOPE_DROPS, "");
	check(" ;; ; -- x", GUARD_SCOPE_DROPS, "");
	check(" /* ; */ select 1 /* ; */ ; ;-- ;\n drop table b ; /* ' */",
	      GUARD_SCOPE_DROPS,
	      "<select 1>\n<drop table b> drops:DROP TABLE drop(\"b\")");
	check("drop table b -- ;", GUARD_SCOPE_DROPS,
	      "<drop table b> drops:DROP TABLE drop(\"b\")");
	check("drop/*a*/table/*b*/c/*d*//*e*/ --f\n ", GUARD_SCOPE_DROPS,
	      "<drop/*a*/table/*b*/c> drops:DROP TABLE drop(\"c\")");
	check("select '--' \n; select '*/'; select U&'x' --y\n;"
	      " drop table \"--\" /* /* */ */",
	      GUARD_SCOPE_DROPS,
	      "<select '--'>\n<select '*/'>\n<select U&'x'>\n<drop table"
	      " \"--\"> drops:DROP TABLE drop(\"--\")");
	check("select 'a' -- c\n 'b'", GUARD_SCOPE_DROPS,
	      "<select 'a' -- c\n 'b'>");
}

static void
list_parse_sees_no_statement_within_another(void **state)
{
	(void)state;
	check("select '; drop table c;', E'\\'; drop table c; ', $$; drop"
	      " table c;$$, $a$; $$ drop table c; $a$",
	      GUARD_SCOPE_DROPS,
	      "<select '; drop table c;', E'\\'; drop table c; ', $$; drop"
	      " table c;$$, $a$; $$ drop table c; $a$>");
	check("select \";drop table c;\" from a; drop table d",
	      GUARD_SCOPE_DROPS,
	      "<select \";drop table c;\" from a>\n<drop table d>"
	      " drops:DROP TABLE drop(\"d\")");
	check("do $$begin drop table c; end$$ language x; drop table d",
	      GUARD_SCOPE_DROPS,
	      "<do $$begin drop table c; end$$ language x>\n<drop table d>"
	      " drops:DROP TABLE drop(\"d\")");
	check("create function f() returns void language sql as"
	      " 'drop table a; drop table b'; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<create function f() returns void language sql as"
	      " 'drop table a; drop table b'>\n<drop table c>"
	      " drops:DROP TABLE drop(\"c\")");
	check("create rule r as on insert to t do also (select 1; delete from"
	      " x); drop table c",
	      GUARD_SCOPE_DROPS,
	      "<create rule r as on insert to t do also (select 1; delete from"
	      " x)> ddl:CREATE RULE lock(\"t\" AX) lock(\"x\" RX)"
	      "\n<drop table c> drops:DROP TABLE drop(\"c\")");
}

#define BODY                                                                   \
	"create or /**/ replace function f() returns int begin -- x\n"         \
	"atomic select 1; truncate a; select case when 1 then 2 end as end;"   \
	" drop table b; select x.case, 1 as case; commit; end"

static void
list_parse_keeps_the_body_of_a_routine_whole(void **state)
{
	(void)state;
	check("begin; " BODY "; drop table c; commit", GUARD_SCOPE_DROPS,
	      "<begin> begin\n<" BODY ">\n<drop table c>"
	      " drops:DROP TABLE drop(\"c\")\n<commit> end\nsound");
	check("CREATE PROCEDURE p() BEGIN ATOMIC END; DROP TABLE c",
	      GUARD_SCOPE_DROPS,
	      "<CREATE PROCEDURE p() BEGIN ATOMIC END>\n<DROP TABLE c>"
	      " drops:DROP TABLE drop(\"c\")");
	check("create procedure p() begin atomic select 1; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<create procedure p() begin atomic select 1; drop table c>");
	check("create table t as select begin atomic from a; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<create table t as select begin atomic from a>\n<drop table c>"
	      " drops:DROP TABLE drop(\"c\")");
	check("create function atomic() returns int return 1; drop table c",
	      GUARD_SCOPE_DROPS,
	      "<create function atomic() returns int return 1>\n<drop table c>"
	      " drops:DROP TABLE drop(\"c\")");
}

static bool
is_sound(const char *sql)
{
	struct statement_list list;
	bool sound;

	assert_int_equal(parse(&list, sql, GUARD_SCOPE_DROPS), STATEMENT_OK);
	sound = list.is_sound;
	statement_list_clear(&list);
	return sound;
}

static void
list_is_sound_if_every_statement_parses(void **state)
{
	char *sql;

	(void)state;
	assert_true(is_sound("begin; select 1; drop table c; commit"));
	assert_true(is_sound("drop table c; commit"));
	assert_true(is_sound(";; begin; /* x */ ; drop table c; -- y"));
	assert_false(is_sound("begin; select from where; drop table c"));
	assert_false(is_sound("begin; drop table c; garbage"));
	assert_false(is_sound("begin; garbage; drop table c"));
	assert_false(is_sound("garbage; begin; drop table c"));
	assert_false(is_sound("begin; drop table c; select 1)"));
	assert_false(is_sound("begin; drop table c; )"));
	assert_false(is_sound("begin; drop table c; \\d"));
	/* Not asked for. */
	assert_false(is_sound("drop table c"));
	assert_false(is_sound("drop table c; select 1"));
	assert_false(is_sound("begin; select 1; commit"));

	sql = repeat("begin; drop table c; select ", "1+", "1",
		     STATEMENT_PARSE_BYTES_DEFAULT);
	assert_true(is_sound(sql));
	free(sql);
	sql = repeat("begin; drop table c; select ", "1+", "1",
		     STATEMENT_PARSE_BYTES_DEFAULT + 100);
	assert_false(is_sound(sql));
	free(sql);
}

static void
list_parse_refuses_what_does_not_parse(void **state)
{
	static const char *const texts[] = {
	    "drop table",
	    "begin; drop table a b; commit",
	    "alter table t drop column",
	    "truncate",
	    "begin later",
	    "drop table \"\"",
	    "select 'abc",
	    "select \"abc",
	    "select $$ abc",
	    "/* drop table c",
	    "/* /* */ drop table c",
	    "drop table U&\"\\zzzz\"",
	    "drop table U&\"x\" uescape 'aa'",
	};
	struct statement_list list;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (parse_status(texts[i], GUARD_SCOPE_DROPS) !=
		    STATEMENT_UNPARSED)
			fail_msg("parses: %s", texts[i]);
	assert_int_equal(statement_list_parse(&list, "drop\0table c", 12,
					      GUARD_SCOPE_DROPS, 16384),
			 STATEMENT_UNPARSED);
	assert_int_equal(statement_list_parse(&list, "drop table c", 4,
					      GUARD_SCOPE_DROPS, 16384),
			 STATEMENT_UNPARSED);
	assert_null(list.items);
	statement_list_clear(&list);
}

static void
list_parse_passes_broken_text_that_cannot_matter(void **state)
{
	(void)state;
	check("selec 1; begin; alter system garbage", GUARD_SCOPE_DROPS,
	      "<begin> begin\n<alter system garbage>");
	check("drop table c)", GUARD_SCOPE_DROPS, "");
}

static void
list_parse_caps_the_length_of_a_candidate(void **state)
{
	static const char *const tails[] = {"", "; select 1"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		char *sql = repeat("", "drop table c", "", 12);
		struct statement_list list;

		assert_int_equal(
		    statement_list_parse(&list, sql, 12, GUARD_SCOPE_DROPS, 12),
		    STATEMENT_OK);
		statement_list_clear(&list);
		assert_int_equal(
		    statement_list_parse(&list, sql, 12, GUARD_SCOPE_DROPS, 11),
		    STATEMENT_TOO_LARGE);
		statement_list_clear(&list);
		free(sql);
	}
}

static void
list_parse_caps_the_number_of_candidates(void **state)
{
	char *sql = repeat("", "drop table a;", "", 13 * 500);

	(void)state;
	assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS), STATEMENT_OK);
	free(sql);
	sql = repeat("", "drop table a;", "", 13 * 501);
	assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
			 STATEMENT_TOO_LARGE);
	free(sql);
	/* All of them together. */
	sql = repeat("",
		     "alter table t drop c, add check ('' = '"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		     "');",
		     "", 280000);
	assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
			 STATEMENT_TOO_LARGE);
	free(sql);
}

struct bomb {
	const char *head;
	const char *part;
	const char *tail;
};

/* Of any length: the whole is a candidate, the parts are what nests. */
static const struct bomb bombs[] = {
    {"alter table t drop c, add check (1", "+1", ")"},
    {"alter table t drop c, add check (", "@ ", "1)"},
    {"alter table t drop c, add check (", "not ", "a)"},
    {"alter table t drop c, add check (", "- ", "a)"},
    {"alter table t drop c, add check (a", "::a", ")"},
    {"alter table t drop c, add check (a", "[1]", ")"},
    {"alter table t drop c, add check (a", " and a", ")"},
    {"alter table t drop c, add check (a", "||a", ")"},
    {"alter table t drop c, add check (exists(select 1,1", " union select 1,1",
     "))"},
    {"alter table t drop c, add check (exists(select from a", " cross join a",
     "))"},
    {"alter table t drop c, add check (", "(", ""},
    {"alter table t drop c, add check (", "(select ", ""},
    {"alter table t drop c, add check (", "array[", ""},
    {"alter table t drop c, add check (", "case when ", ""},
    {"alter table t drop c, add check (", "f(", ""},
    {"drop table ", "a,", "a"},
    {"drop table a", ".a", ""},
    {"truncate ", "a,", "a"},
    {"alter table t ", "drop a,", "drop a"},
    {"", "drop table a;", ""},
    {"", "drop ", ""},
    {"drop table a;", "/*", ""},
    {"drop table a;", "/* ", "*/"},
    {"drop table a;", "/**/", ""},
    {"drop table a;", "--\n", ""},
    {"drop table a;", "''", ""},
    {"drop table a; select '", "x", ""},
    {"drop table a; select $x$", "x", "$y$"},
    {"drop table a; select ", "1+", "1"},
    {"drop table a; select 1", "+", "1"},
    {"drop table a; select 1", "/*", "*/"},
    {"drop table a; select ", "(", ""},
    {"drop table a; select ", ")", ""},
    {"begin; drop table a;", "select 1;", ""},
    {"begin; drop table a;", "select -- 1\n;", ""},
    {"begin; drop table a;", ";", ""},
    {"begin; drop table a;", "x;", ""},
    {"begin; create function f() begin atomic ",
     "select case when 1 then 1 end;", "drop table a"},
    {"", "create function f() begin atomic select case when 1 then 1 end;",
     "drop table a"},
    {"drop table a; create ", "or replace ", ""},
    {"do $$drop table a;", "begin ", "$$"},
    {"do $$drop table a;", "drop ", "$$"},
    {"do $$drop table a;", "drop;", "$$"},
    {"do $$drop table a;", "drop table a;", "$$"},
    {"do $$drop table a;", "(", "$$"},
    {"do $$drop table a;", ")", "$$"},
    {"do $$begin alter table t drop c, add check (", "(", "$$"},
    {"do $$begin alter table t drop c, add check (1", "+1", ");$$"},
    {"do $$begin create rule r as on insert to a do (", "delete from t;",
     ");drop table x;$$"},
    {"do 'drop ", "''", "'"},
    {"do 'a' ", "'drop' ", ""},
    {"drop function f(", "int,", "int)"},
    {"drop function f(int", "[]", ")"},
    {"drop owned by ", "a,", "a"},
    {"drop operator ", "s.", "+(int,int)"},
    {"create table t (", "a int references b,", "a int)"},
    {"create schema s ", "create table t (a int references b) ", ""},
    {"create rule r as on insert to a do (", "delete from t;",
     "delete from t)"},
};

static void *
parse_bombs(void *arg)
{
	const size_t *len = arg;
	size_t i;

	for (i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		char *sql =
		    repeat(bombs[i].head, bombs[i].part, bombs[i].tail, *len);
		struct statement_list list;

		statement_list_parse(&list, sql, strlen(sql), GUARD_SCOPE_DDL,
				     STATEMENT_PARSE_BYTES_MAX);
		statement_list_clear(&list);
		free(sql);
	}
	return NULL;
}

static void
run_thread_with_stack(void *(*run)(void *), void *arg, size_t bytes)
{
	pthread_attr_t attr;
	pthread_t thread;

	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, bytes), 0);
	assert_int_equal(pthread_create(&thread, &attr, run, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
}

static void
list_parse_refuses_what_the_scanner_is_slow_with(void **state)
{
	static const struct bomb slow[] = {
	    {"drop table a; select 1", "+", "1"},
	    {"drop table a;", "/*", "*/"},
	    {"drop table a; select '", "/", "'"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		char *sql =
		    repeat(slow[i].head, slow[i].part, slow[i].tail, 290);

		assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
				 STATEMENT_TOO_LARGE);
		free(sql);
	}
	assert_int_equal(
	    parse_status("drop table a; -- "
			 "----------------------------------------------------"
			 "----------------------------------------------------",
			 GUARD_SCOPE_DROPS),
	    STATEMENT_OK);
}

/* Lengths around each cap; a megabyte is above them all. */
static void
list_parse_needs_two_megabytes_of_stack_at_most(void **state)
{
	static size_t lens[] = {400, 1500, 4000, 16384, 65536, MEGABYTE};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		run_thread_with_stack(parse_bombs, &lens[i], 2 * MEGABYTE);
}

static void
list_parse_refuses_to_nest_deep_and_takes_long_lists(void **state)
{
	static const struct bomb deep[] = {
	    {"alter table t drop c, add check (1", "+1", ")"},
	    {"alter table t drop c, add check ((1),(1", "+(1)", "))"},
	    {"alter table t drop c, add check (1 in (select 1,1",
	     " union select 1,1", "))"},
	};
	static const struct bomb flat[] = {
	    {"drop table ", "s.a,", "a"},
	    {"truncate ", "only s.a,", "a"},
	    {"alter table t ", "drop column a cascade,", "drop a"},
	    {"alter table t drop b, add check (a in (", "1+1,", "1))"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(deep) / sizeof(deep[0]); i++) {
		char *sql = repeat(deep[i].head, deep[i].part, deep[i].tail,
				   STATEMENT_PARSE_BYTES_DEFAULT);

		assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
				 STATEMENT_TOO_LARGE);
		free(sql);
	}
	for (i = 0; i < sizeof(flat) / sizeof(flat[0]); i++) {
		char *sql = repeat(flat[i].head, flat[i].part, flat[i].tail,
				   STATEMENT_PARSE_BYTES_DEFAULT);

		assert_int_equal(parse_status(sql, GUARD_SCOPE_DROPS),
				 STATEMENT_OK);
		free(sql);
	}
}

/* Chains within chains: ((1+1+1)+1+1)+1+1 is as deep as all of them. */
static void
list_parse_counts_the_nesting_of_closed_groups(void **state)
{
	char *inner = repeat("(a", "+1", "),", 100);
	char *sql = NULL;
	char *more;
	int i;

	(void)state;
	assert_true(asprintf(&sql, "a") > 0);
	for (i = 0; i < 20; i++) {
		assert_true(asprintf(&more, "(%s%.90s)", sql, inner + 2) > 0);
		free(sql);
		sql = more;
	}
	assert_true(
	    asprintf(&more, "alter table t drop c, add check(%s)", sql) > 0);
	assert_int_equal(parse_status(more, GUARD_SCOPE_DROPS),
			 STATEMENT_TOO_LARGE);
	free(more);
	free(sql);
	free(inner);
}

static void *
parse_examples(void *arg)
{
	int round;

	(void)arg;
	for (round = 0; round < 100; round++) {
		check("begin; drop table a, b; alter table c drop d; commit",
		      GUARD_SCOPE_DROPS,
		      "<begin> begin\n<drop table a, b> drops:DROP TABLE"
		      " drop(\"a\") drop(\"b\")\n<alter table c drop d>"
		      " drops:ALTER TABLE lock(\"c\" AX) column(\"c\" d)"
		      "\n<commit> end\nsound");
		assert_int_equal(parse_status("drop table", GUARD_SCOPE_DROPS),
				 STATEMENT_UNPARSED);
	}
	return NULL;
}

static void
list_parse_works_in_many_threads_at_once(void **state)
{
	pthread_t threads[8];
	int round;
	size_t i;

	(void)state;
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 8; i++)
			assert_int_equal(pthread_create(&threads[i], NULL,
							parse_examples, NULL),
					 0);
		for (i = 0; i < 8; i++)
			assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
}

static void
list_parse_survives_each_failing_allocation(void **state)
{
	static const char *const texts[] = {
	    "drop table a, s.b",
	    "truncate a, b",
	    "alter table a drop b, drop constraint c, add d int references e",
	    "alter table a detach partition b",
	    "drop function f(int, t), g",
	    "drop operator s.+(none, t)",
	    "drop trigger g on s.t",
	    "drop owned by a, current_user",
	    "drop schema a, b",
	    "drop type a, b",
	    "drop table c; create table t partition of p (a references q);"
	    " alter table a attach partition b; alter table a inherit c,"
	    " validate constraint d, alter e type text, owner to f",
	    "do 'begin drop table a; alter table c drop d; drop view a;"
	    " drop table a; drop table a; drop table a; drop table a;"
	    " drop table a; drop table a; drop table a; end'",
	};
	struct statement_list list;
	size_t i;
	unsigned n;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		enum statement_status status = STATEMENT_NO_MEMORY;

		for (n = 0; status != STATEMENT_OK; n++) {
			allocations_left = n;
			status = parse(&list, texts[i], GUARD_SCOPE_DROPS);
			if (status != STATEMENT_OK) {
				assert_int_equal(status, STATEMENT_NO_MEMORY);
				assert_null(list.items);
				assert_int_equal(list.count, 0);
			}
			statement_list_clear(&list);
		}
		allocations_left = UINT_MAX;
		if (n < 4)
			fail_msg("%u only: %s", n, texts[i]);
	}
}

/* Warnings of the scanner and the parser are the server's to give. */
static void
list_parse_writes_nothing_to_stderr(void **state)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	long written;

	(void)state;
	assert_non_null(file);
	assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
	parse_status("select 'a\\b'; drop table aaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		     GUARD_SCOPE_DROPS);
	parse_status("drop table a b", GUARD_SCOPE_DROPS);
	parse_status("select 'abc", GUARD_SCOPE_DROPS);
	parse_status("create global temp table a (b int)", GUARD_SCOPE_DDL);
	fseek(file, 0, SEEK_END);
	written = ftell(file);
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(file);
	assert_int_equal(written, 0);
}

static void
list_clear_accepts_a_zeroed_list(void **state)
{
	struct statement_list list = {.items = NULL};

	(void)state;
	statement_list_clear(&list);
	assert_null(list.items);
	assert_int_equal(list.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(candidate_is_found_at_each_statement_start),
	    cmocka_unit_test(candidate_is_not_ordinary_traffic),
	    cmocka_unit_test(candidate_with_create_is_of_scope_ddl_only),
	    cmocka_unit_test(candidate_is_found_behind_a_gap_of_any_length),
	    cmocka_unit_test(candidate_is_looked_for_in_linear_time),
	    cmocka_unit_test(list_parse_plans_drops_of_relations),
	    cmocka_unit_test(list_parse_plans_drops_of_other_objects),
	    cmocka_unit_test(list_parse_knows_rare_drops_without_a_plan),
	    cmocka_unit_test(list_parse_plans_alter_table_with_drops),
	    cmocka_unit_test(list_parse_plans_truncate),
	    cmocka_unit_test(list_parse_leaves_what_is_never_guarded),
	    cmocka_unit_test(list_parse_plans_what_locks_existing_tables),
	    cmocka_unit_test(list_parse_judges_ddl_only_when_asked),
	    cmocka_unit_test(list_parse_judges_ddl_beside_a_drop),
	    cmocka_unit_test(list_parse_leaves_neighbours_that_are_too_large),
	    cmocka_unit_test(list_parse_plans_the_statements_of_a_do_block),
	    cmocka_unit_test(
		list_parse_leaves_a_do_block_without_guarded_statements),
	    cmocka_unit_test(
		list_parse_judges_ddl_in_a_do_block_only_when_asked),
	    cmocka_unit_test(list_parse_caps_what_stands_in_a_do_block),
	    cmocka_unit_test(list_parse_knows_transaction_control),
	    cmocka_unit_test(list_parse_quotes_names),
	    cmocka_unit_test(list_parse_finds_where_statements_begin_and_end),
	    cmocka_unit_test(list_parse_sees_no_statement_within_another),
	    cmocka_unit_test(list_parse_keeps_the_body_of_a_routine_whole),
	    cmocka_unit_test(list_is_sound_if_every_statement_parses),
	    cmocka_unit_test(list_parse_refuses_what_does_not_parse),
	    cmocka_unit_test(list_parse_passes_broken_text_that_cannot_matter),
	    cmocka_unit_test(list_parse_caps_the_length_of_a_candidate),
	    cmocka_unit_test(list_parse_caps_the_number_of_candidates),
	    cmocka_unit_test(list_parse_refuses_what_the_scanner_is_slow_with),
	    cmocka_unit_test(list_parse_needs_two_megabytes_of_stack_at_most),
	    cmocka_unit_test(
		list_parse_refuses_to_nest_deep_and_takes_long_lists),
	    cmocka_unit_test(list_parse_counts_the_nesting_of_closed_groups),
	    cmocka_unit_test(list_parse_works_in_many_threads_at_once),
	    cmocka_unit_test(list_parse_survives_each_failing_allocation),
	    cmocka_unit_test(list_parse_writes_nothing_to_stderr),
	    cmocka_unit_test(list_clear_accepts_a_zeroed_list),
	};

	return cmocka_run_group_tests_name("policy/statement", tests, NULL,
					   NULL);
}
