#include "policy/sql/statement_follow.h"

#include "tests/support/allocation.h"
#include "tests/support/statement.h"

#define ADD_KEY "alter table c add foreign key (a) references z"
#define ADDED_KEY                                                              \
	"<" ADD_KEY "> ddl:ALTER TABLE tree(\"c\" partitions SRX)"             \
	" tree(\"c\" from-18 SRX) key(\"c\" \"z\")\n"

static void
statement_follow_locks_the_other_end_of_a_key(void **state)
{
	(void)state;
	check(ADD_KEY "; drop table c", GUARD_SCOPE_DROPS,
	      ADDED_KEY "<drop table c> drops:DROP TABLE drop(\"c\")"
			" lock(\"z\" only AX)\nsound");
	check(ADD_KEY "; truncate z", GUARD_SCOPE_DROPS,
	      ADDED_KEY "<truncate z> drops:TRUNCATE TABLE truncate(\"z\")"
			" lock(\"c\" only AX)\nsound");
	check(ADD_KEY "; drop table d", GUARD_SCOPE_DROPS,
	      ADDED_KEY "<drop table d> drops:DROP TABLE drop(\"d\")\nsound");
}

/* A key that is added behind it was not there. */
static void
statement_follow_does_not_look_ahead(void **state)
{
	(void)state;
	check("drop table c; " ADD_KEY, GUARD_SCOPE_DDL,
	      "<drop table c> drops:DROP TABLE drop(\"c\")\n"
	      "<" ADD_KEY "> ddl:ALTER TABLE tree(\"c\" partitions SRX)"
	      " tree(\"c\" from-18 SRX) key(\"c\" \"z\")\nsound");
}

/* A table that is made or altered in the block ends with its ties, which the
 * catalogs do not have. */
static void
statement_follow_locks_what_is_tied(void **state)
{
	static const struct example blocks[] = {
	    {"do $$ begin create table n (a int references z); drop table n;"
	     " end $$",
	     " drops:DO tree(\"z\" partitions SRX) drop(\"n\")"
	     " lock(\"z\" only AX)"},
	    {"do $$ begin create table n () inherits (y); truncate y; end $$",
	     " drops:DO lock(\"y\" SUE) truncate(\"y\") lock(\"n\" only AX)"},
	    {"do $$ begin create index i on c (a); drop index i; end $$",
	     " drops:DO tree(\"c\" partitions S) drop(\"i\")"
	     " lock(\"c\" only AX)"},
	    {"do $$ begin create index i on c (a); drop index j; end $$",
	     " drops:DO tree(\"c\" partitions S) drop(\"j\")"},
	    {"do $$ begin alter table c add foreign key (a) references z;"
	     " truncate z cascade; end $$",
	     " drops:DO tree(\"c\" partitions SRX) tree(\"c\" from-18 SRX)"
	     " key(\"c\" \"z\") truncate(\"z\" cascade)"
	     " truncate(\"c\" cascade)"},
	    {"do $$ begin create trigger t after insert on c for each row"
	     " execute function f(); drop trigger t on c; end $$",
	     " drops:DO tree(\"c\" partitions SRX) trigger(\"c\" t)"
	     " lock(\"c\" only AX)"},
	    {"do $$ begin lock table a, b in share mode; drop table a; end $$",
	     " drops:DO under(\"a\" S) under(\"b\" S) drop(\"a\")"},
	};

	(void)state;
	CHECK_EXAMPLES(blocks, GUARD_SCOPE_DDL);
}

static void
statement_follow_says_that_memory_is_out(void **state)
{
	struct target key = {.kind = TARGET_KEY};
	struct statement earlier = {.targets = &key, .target_count = 1};
	char c[] = "\"c\"";
	char z[] = "\"z\"";

	(void)state;
	key.relation = c;
	key.part = z;
	for (unsigned int n = 0; n < 2; n++) {
		struct statement_list list;
		enum statement_status status;

		assert_int_equal(
		    parse(&list, "drop table c", GUARD_SCOPE_DROPS),
		    STATEMENT_OK);
		allocation_fail_after(n);
		status = statement_follow(&list.items[0], &earlier);
		assert_true(allocation_restore());
		assert_int_equal(status, STATEMENT_NO_MEMORY);
		statement_list_clear(&list);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(statement_follow_locks_the_other_end_of_a_key),
	    cmocka_unit_test(statement_follow_does_not_look_ahead),
	    cmocka_unit_test(statement_follow_locks_what_is_tied),
	    cmocka_unit_test(statement_follow_says_that_memory_is_out),
	};

	return cmocka_run_group_tests_name("policy/sql/statement_follow", tests,
					   NULL, NULL);
}
