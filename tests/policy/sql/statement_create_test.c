#include "policy/sql/statement.h"

#include "tests/support/statement.h"

static const struct example examples[] = {
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
    {"create table c (a int primary key, b int references c, d int "
     "references p)",
     " ddl:CREATE TABLE tree(\"p\" partitions SRX)"},
    {"create table s.c (b int references c)",
     " ddl:CREATE TABLE tree(\"c\" partitions SRX)"},
    {"create or replace view s.v as select 1",
     " ddl:CREATE VIEW replace(\"s\".\"v\")"},
    {"create or replace recursive view v (a) as select 1",
     " ddl:CREATE VIEW replace(\"v\")"},
    {"create or replace temp view v as select 1",
     " ddl:CREATE VIEW replace(\"pg_temp\".\"v\")"},
    {"refresh materialized view s.m",
     " ddl:REFRESH MATERIALIZED VIEW lock(\"s\".\"m\" AX)"},
    {"refresh materialized view m with no data",
     " ddl:REFRESH MATERIALIZED VIEW lock(\"m\" AX)"},
};

static void
list_parse_plans_create(void **state)
{
	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_judges_create_only_when_asked(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct example e = {examples[i].sql, ""};

		check_examples(&e, 1, GUARD_SCOPE_DROPS);
		check_examples(&e, 1, GUARD_SCOPE_OFF);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_parse_plans_create),
	    cmocka_unit_test(list_parse_judges_create_only_when_asked),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_create", tests,
					   NULL, NULL);
}
