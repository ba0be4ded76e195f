#include <stdlib.h>

#include "policy/sql/statement.h"

#include "tests/support/statement.h"

static void
list_parse_plans_what_is_enforced(void **state)
{
	static const struct example enforced[] = {
	    {"alter table c alter constraint f enforced",
	     " ddl:ALTER TABLE lock(\"c\" AX) enforce(\"c\" f SRX) "
	     "tree(\"c\" partitions AX)"},
	    {"alter table c alter constraint f not enforced",
	     " drops:ALTER TABLE lock(\"c\" AX) enforce(\"c\" f AX) "
	     "tree(\"c\" partitions AX)"},
	    {"alter table c alter constraint n inherit",
	     " ddl:ALTER TABLE lock(\"c\" AX) enforce(\"c\" n AX) "
	     "tree(\"c\" partitions AX)"},
	};

	(void)state;
	if (strtoul(statement_grammar(), NULL, 10) < 18)
		skip();
	CHECK_EXAMPLES(enforced, GUARD_SCOPE_DDL);
	check_examples(&enforced[1], 1, GUARD_SCOPE_DROPS);
}

static void
list_parse_plans_no_more_for_deferrable(void **state)
{
	static const struct example deferrable[] = {
	    {"alter table c alter constraint f deferrable",
	     " ddl:ALTER TABLE lock(\"c\" AX) tree(\"c\" partitions AX)"},
	};

	(void)state;
	CHECK_EXAMPLES(deferrable, GUARD_SCOPE_DDL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_parse_plans_what_is_enforced),
	    cmocka_unit_test(list_parse_plans_no_more_for_deferrable),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_enforce",
					   tests, NULL, NULL);
}
