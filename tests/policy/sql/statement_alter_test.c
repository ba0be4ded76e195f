#include <stdlib.h>

#include "policy/sql/statement.h"

#include "tests/support/statement.h"

static const struct example examples[] = {
    {"alter table c add column a int", " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c add a int references p",
     " ddl:ALTER TABLE tree(\"c\" AX) tree(\"p\" partitions SRX)"},
    {"alter table c add a int unique references p check (a > 1) references q",
     " ddl:ALTER TABLE tree(\"c\" AX) tree(\"p\" partitions SRX) tree(\"q\" "
     "partitions SRX)"},
    {"alter table c add foreign key (a) references p",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX) tree(\"c\" "
     "from-18 SRX) key(\"c\" \"p\")"},
    {"alter table c add constraint f foreign key (a) references s.p not valid",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX) tree(\"c\" "
     "from-18 SRX) key(\"c\" \"s\".\"p\")"},
    {"alter table c add foreign key (a) references p, disable trigger g",
     " ddl:ALTER TABLE tree(\"c\" partitions SRX) tree(\"c\" "
     "from-18 SRX) key(\"c\" \"p\") tree(\"c\" g if-trigger SRX)"},
    {"alter table c add foreign key (a) references p, enable rule r",
     " ddl:ALTER TABLE tree(\"c\" partitions AX) tree(\"c\" "
     "from-18 AX) key(\"c\" \"p\")"},
    {"alter table only c add foreign key (a) references p",
     " ddl:ALTER TABLE lock(\"c\" only SRX) key(\"c\" \"p\" "
     "only)"},
    {"alter table c add check (a > 1)", " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c add check (a > 1) no inherit",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" from-18 AX)"},
    {"alter table only c add check (a > 1)",
     " ddl:ALTER TABLE lock(\"c\" only AX)"},
    {"alter table c add primary key (a)",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" from-18 AX) "
     "tree(\"c\" a if-nullable AX) tree(\"c\" partitions S)"},
    {"alter table c add primary key using index i",
     " ddl:ALTER TABLE tree(\"c\" AX)"},
    {"alter table c add unique (a)",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" from-18 AX) "
     "tree(\"c\" partitions S)"},
    {"alter table c add unique using index i",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" from-18 AX)"},
    {"alter table only c add unique (a)",
     " ddl:ALTER TABLE lock(\"c\" only AX)"},
    {"alter table c add exclude using gist (a with =)",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" from-18 AX) "
     "tree(\"c\" partitions S)"},
    {"alter table c alter constraint f deferrable",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" partitions AX)"},
    {"alter table only c alter constraint f deferrable",
     " ddl:ALTER TABLE lock(\"c\" only AX) tree(\"c\" partitions AX)"},
    {"alter table c validate constraint f",
     " ddl:ALTER TABLE lock(\"c\" SUE) validate(\"c\" f)"},
    {"alter table c validate constraint f, disable trigger all",
     " ddl:ALTER TABLE lock(\"c\" SRX) validate(\"c\" f) "
     "tree(\"c\" if-trigger SRX)"},
    {"alter table c alter a type bigint",
     " ddl:ALTER TABLE tree(\"c\" AX) retype(\"c\" a)"},
    {"alter table c alter \"A b\" type bigint using 1",
     " ddl:ALTER TABLE tree(\"c\" AX) retype(\"c\" A b)"},
    {"alter table c alter a set not null",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" a if-nullable "
     "AX)"},
    {"alter table c alter a drop not null",
     " ddl:ALTER TABLE lock(\"c\" AX) constraint(\"c\" a "
     "not-null) tree(\"c\" before-18 AX)"},
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
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" from-17 AX)"},
    {"alter table c alter a set generated always",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" a from-17 AX) "
     "identity(\"c\" a SRX)"},
    {"alter table c alter a drop identity",
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" a from-17 AX) "
     "identity(\"c\" a AX)"},
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
     " ddl:ALTER TABLE lock(\"c\" AX) owner(\"c\" \"r\" "
     "if-other)"},
    {"alter table c set logged",
     " ddl:ALTER TABLE lock(\"c\" AX) owner(\"c\" if-unlogged)"},
    {"alter table c set unlogged",
     " ddl:ALTER TABLE lock(\"c\" AX) owner(\"c\" if-logged)"},
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
     " ddl:ALTER TABLE lock(\"c\" SRX) tree(\"c\" g if-trigger "
     "SRX)"},
    {"alter table c enable always trigger g",
     " ddl:ALTER TABLE lock(\"c\" SRX) tree(\"c\" g if-trigger "
     "SRX)"},
    {"alter table c enable replica trigger g",
     " ddl:ALTER TABLE lock(\"c\" SRX) tree(\"c\" g if-trigger "
     "SRX)"},
    {"alter table c disable trigger g",
     " ddl:ALTER TABLE lock(\"c\" SRX) tree(\"c\" g if-trigger "
     "SRX)"},
    {"alter table c enable trigger all",
     " ddl:ALTER TABLE lock(\"c\" SRX) tree(\"c\" if-trigger "
     "SRX)"},
    {"alter table c disable trigger all",
     " ddl:ALTER TABLE lock(\"c\" SRX) tree(\"c\" if-trigger "
     "SRX)"},
    {"alter table c enable trigger user",
     " ddl:ALTER TABLE lock(\"c\" SRX) tree(\"c\" "
     "if-user-trigger SRX)"},
    {"alter table c disable trigger user",
     " ddl:ALTER TABLE lock(\"c\" SRX) tree(\"c\" "
     "if-user-trigger SRX)"},
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
     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" a if-check AX)"},
    {"alter table c set schema s",
     " ddl:ALTER TABLE lock(\"c\" AX) owner(\"c\")"},
    {"alter table all in tablespace a set tablespace b",
     " ddl:ALTER TABLE no plan"},
    {"alter view c rename to d", " ddl:ALTER VIEW lock(\"c\" AX)"},
    {"alter view c rename a to b", " ddl:ALTER VIEW tree(\"c\" AX)"},
    {"alter view c alter a set default 1", " ddl:ALTER VIEW tree(\"c\" AX)"},
    {"alter view c set (security_barrier)", " ddl:ALTER VIEW lock(\"c\" AX)"},
    {"alter view c reset (check_option)", " ddl:ALTER VIEW lock(\"c\" AX)"},
    {"alter view c owner to r",
     " ddl:ALTER VIEW lock(\"c\" AX) owner(\"c\" \"r\" if-other)"},
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
     " ddl:ALTER SEQUENCE lock(\"c\" AX) owner(\"c\" \"r\" "
     "if-other)"},
    {"alter sequence c set schema s",
     " ddl:ALTER SEQUENCE lock(\"c\" AX) owner(\"c\")"},
    {"alter index c rename to d", " ddl:ALTER INDEX lock(\"c\" AX)"},
    {"alter index c set (fillfactor = 50)", " ddl:ALTER INDEX lock(\"c\" SUE)"},
    {"alter index c set (fastupdate = off)", " ddl:ALTER INDEX lock(\"c\" AX)"},
    {"alter index c set tablespace x", " ddl:ALTER INDEX lock(\"c\" AX)"},
    {"alter index c attach partition d", " ddl:ALTER INDEX lock(\"c\" SUE)"},
    {"alter foreign table c add a int",
     " ddl:ALTER FOREIGN TABLE tree(\"c\" AX)"},
    {"alter trigger c on s.t rename to d",
     " ddl:ALTER TRIGGER lock(\"s\".\"t\" AX) tree(\"s\".\"t\" "
     "from-15 AX)"},
    {"alter rule c on t rename to d", " ddl:ALTER RULE lock(\"t\" AX)"},
    {"alter policy c on t rename to d", " ddl:ALTER POLICY lock(\"t\" AX)"},
    {"alter policy p on t using (exists (select from u))",
     " ddl:ALTER POLICY lock(\"t\" AX)"},
    {"alter type c add attribute a int", " ddl:ALTER TYPE typed(\"c\" only)"},
    {"alter type s.c add attribute a int cascade",
     " ddl:ALTER TYPE typed(\"s\".\"c\" only cascade)"},
    {"alter type c rename attribute a to b",
     " ddl:ALTER TYPE typed(\"c\" only)"},
    {"alter type c rename attribute a to b cascade",
     " ddl:ALTER TYPE typed(\"c\" only cascade)"},
    {"alter type c alter attribute a type text",
     " ddl:ALTER TYPE typed(\"c\" only)"},
    {"alter type c alter attribute a type text cascade",
     " ddl:ALTER TYPE no plan"},
};

static void
list_parse_plans_alter(void **state)
{
	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_plans_set_expression(void **state)
{
	static const struct example expression[] = {
	    {"alter table c alter a set expression as (b)",
	     " ddl:ALTER TABLE tree(\"c\" AX)"},
	};

	(void)state;
	if (strtoul(statement_grammar(), NULL, 10) < 17)
		skip();
	CHECK_EXAMPLES(expression, GUARD_SCOPE_DDL);
}

static void
list_parse_judges_alter_only_when_asked(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct example e = {examples[i].sql, ""};

		check_examples(&e, 1, GUARD_SCOPE_DROPS);
		check_examples(&e, 1, GUARD_SCOPE_OFF);
	}
}

static void
list_parse_plans_alter_table_with_drops(void **state)
{
	static const struct example drops[] = {
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
	     " drops:ALTER TABLE tree(\"c\" AX) constraint(\"c\" f) "
	     "tree(\"r\" partitions SRX) tree(\"c\" from-18 AX) key(\"c\" "
	     "\"s\".\"p\") tree(\"c\" e if-nullable AX)"},
	    {"alter table c drop a, alter b type text, validate constraint f,"
	     " add foreign key (b) references p, owner to r",
	     " drops:ALTER TABLE tree(\"c\" AX) column(\"c\" a) "
	     "retype(\"c\" b) validate(\"c\" f) tree(\"c\" from-18 AX) "
	     "key(\"c\" \"p\") owner(\"c\" \"r\" if-other)"},
	    {"alter table p detach partition s.p1",
	     " drops:ALTER TABLE lock(\"p\" AX)"
	     " detach(\"p\" \"s\".\"p1\")"},
	    {"alter foreign table f drop column a",
	     " drops:ALTER FOREIGN TABLE lock(\"f\" AX)"
	     " column(\"f\" a)"},
	    {"alter view v drop column a",
	     " drops:ALTER VIEW lock(\"v\" AX) column(\"v\" a)"},
	    {"alter type t drop attribute a",
	     " drops:ALTER TYPE typed(\"t\" a only)"},
	    {"alter type t add attribute b int, drop attribute a cascade",
	     " drops:ALTER TYPE typed(\"t\" only) typed(\"t\" a only cascade)"},
	};

	(void)state;
	CHECK_EXAMPLES(drops, GUARD_SCOPE_DROPS);
	CHECK_EXAMPLES(drops, GUARD_SCOPE_DDL);
}

static void
list_parse_tells_keys_apart(void **state)
{
	static const struct {
		const char *sql;
		const char *shape;
	} keys[] = {
	    {"alter table c add foreign key (a) references p",
	     "{\"f\",\"f\",\"a\",\"a\",\"s\",\"1\",\"a\"}"},
	    {"alter table c add foreign key (a, \"B\"\"\\\") references p (c, "
	     "d)"
	     " match full on delete cascade on update set null"
	     " deferrable initially deferred",
	     "{\"t\",\"t\",\"n\",\"c\",\"f\",\"2\",\"a\",\"B\\\"\\\\\","
	     "\"c\",\"d\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct statement_list list;
		const struct statement *s;

		assert_int_equal(parse(&list, keys[i].sql, GUARD_SCOPE_DDL),
				 STATEMENT_OK);
		s = &list.items[0];
		assert_string_equal(s->targets[s->target_count - 1].shape,
				    keys[i].shape);
		statement_list_clear(&list);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_parse_plans_alter),
	    cmocka_unit_test(list_parse_plans_set_expression),
	    cmocka_unit_test(list_parse_judges_alter_only_when_asked),
	    cmocka_unit_test(list_parse_plans_alter_table_with_drops),
	    cmocka_unit_test(list_parse_tells_keys_apart),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_alter", tests,
					   NULL, NULL);
}
