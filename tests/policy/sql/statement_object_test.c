#include "policy/sql/statement.h"

#include "tests/support/statement.h"

static const struct example examples[] = {
    {"alter domain s.d add constraint c check (value > 0)",
     " ddl:ALTER DOMAIN domain(\"s\".\"d\")"},
    {"alter domain d set not null",
     " ddl:ALTER DOMAIN domain(\"d\" if-nullable)"},
    {"alter domain d validate constraint \"C c\"",
     " ddl:ALTER DOMAIN domain(\"d\" C c if-unproven)"},
    {"alter domain a.b.c.d set not null", " ddl:ALTER DOMAIN no plan"},
    {"alter materialized view m depends on extension e",
     " ddl:ALTER MATERIALIZED VIEW lock(\"m\" AX)"},
    {"alter extension e update", " ddl:ALTER EXTENSION no plan"},
    {"alter extension e add table s.t",
     " behind:ALTER EXTENSION lock(\"s\".\"t\" SUE)"},
    {"alter extension e drop view v",
     " behind:ALTER EXTENSION lock(\"v\" SUE)"},
    {"create publication p for table t, only u",
     " ddl:CREATE PUBLICATION lock(\"t\" SUE) tree(\"t\" if-plain SUE) "
     "lock(\"u\" only SUE)"},
    {"alter publication p add table t",
     " ddl:ALTER PUBLICATION lock(\"t\" SUE) tree(\"t\" if-plain SUE)"},
    {"alter publication p drop table only t",
     " ddl:ALTER PUBLICATION lock(\"t\" only SUE)"},
    {"alter publication p set table t",
     " ddl:ALTER PUBLICATION publication(\"p\") lock(\"t\" SUE) tree(\"t\" "
     "if-plain SUE)"},
    {"alter publication p set tables in schema s",
     " ddl:ALTER PUBLICATION publication(\"p\")"},
    {"reassign owned by a, current_user, \"B b\" to c",
     " ddl:REASSIGN OWNED reassign(\"a\") reassign(current_user) reassign(\"B "
     "b\")"},
};

static void
list_parse_plans_objects(void **state)
{
	(void)state;
	CHECK_EXAMPLES(examples, GUARD_SCOPE_DDL);
}

static void
list_parse_judges_objects_only_when_asked(void **state)
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
	    cmocka_unit_test(list_parse_plans_objects),
	    cmocka_unit_test(list_parse_judges_objects_only_when_asked),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_object", tests,
					   NULL, NULL);
}
