#include "proxy/guard/prepared.h"

#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static struct span
text(const char *name)
{
	return span_of(name, strlen(name));
}

/* One use of the facts of a real statement: what leaks, leaks for real. */
static struct prepared_facts *
facts_new(void)
{
	static const char sql[] = "drop table a, b";
	struct statement_list list = {0};
	struct prepared_facts *facts;

	assert_int_equal(statement_list_parse(&list, sql, strlen(sql),
					      GUARD_SCOPE_DROPS,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	facts = prepared_facts_new(&list);
	assert_non_null(facts);
	assert_int_equal(list.count, 0);
	assert_int_equal(facts->list.count, 1);
	return facts;
}

static void
prepared_bind_makes_a_portal_of_a_guarded_statement(void **state)
{
	struct prepared p = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	prepared_parse(&p, text("s"), facts);
	assert_null(prepared_portal(&p, text("p")));
	assert_true(prepared_bind(&p, text("p"), text("s")));
	assert_ptr_equal(prepared_portal(&p, text("p")), facts);
	assert_null(prepared_portal(&p, text("s")));
	prepared_clear(&p);
	assert_null(p.statements);
	assert_null(p.portals);
}

static void
prepared_bind_of_an_ordinary_statement_costs_nothing(void **state)
{
	struct prepared p = {0};

	(void)state;
	prepared_parse(&p, text("s"), NULL);
	assert_false(prepared_bind(&p, text("p"), text("s")));
	prepared_close(&p, 'S', text("s"));
	assert_false(p.has_leaving);
	prepared_restore(&p);
	prepared_settle(&p);
	prepared_clear_statements(&p);
	assert_null(p.statements);
	assert_null(p.portals);
}

static void
prepared_bind_of_an_ordinary_statement_takes_the_portal_over(void **state)
{
	struct prepared p = {0};

	(void)state;
	prepared_parse(&p, text("s"), facts_new());
	assert_true(prepared_bind(&p, text(""), text("s")));
	assert_false(prepared_bind(&p, text(""), text("ordinary")));
	assert_null(prepared_portal(&p, text("")));
	prepared_clear(&p);
}

static void
prepared_parse_replaces_what_had_the_name(void **state)
{
	struct prepared p = {0};
	struct prepared_facts *second;

	(void)state;
	prepared_parse(&p, text(""), facts_new());
	second = facts_new();
	prepared_parse(&p, text(""), second);
	assert_true(prepared_bind(&p, text(""), text("")));
	assert_ptr_equal(prepared_portal(&p, text("")), second);
	prepared_parse(&p, text(""), NULL);
	assert_false(prepared_bind(&p, text("other"), text("")));
	prepared_clear(&p);
}

/* PostgreSQL keeps a portal's plan when its statement is closed. */
static void
prepared_close_of_the_statement_leaves_its_portals(void **state)
{
	struct prepared p = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	prepared_parse(&p, text("s"), facts);
	assert_true(prepared_bind(&p, text("p"), text("s")));
	prepared_close(&p, 'S', text("s"));
	assert_ptr_equal(prepared_portal(&p, text("p")), facts);
	assert_int_equal(facts->users, 2);
	prepared_settle(&p);
	assert_null(p.statements);
	assert_ptr_equal(prepared_portal(&p, text("p")), facts);
	assert_int_equal(facts->users, 1);
	assert_int_equal(facts->list.count, 1);
	prepared_close(&p, 'P', text("p"));
	assert_null(prepared_portal(&p, text("p")));
	prepared_close(&p, 'P', text("p"));
	assert_null(p.portals);
}

/* Two guarded statements, the first of them on its way out. */
static void
setup_leaving(struct prepared *p, struct prepared_facts *facts[2])
{
	memset(p, 0, sizeof(*p));
	facts[0] = facts_new();
	facts[1] = facts_new();
	prepared_facts_use(facts[0]);
	prepared_parse(p, text("s"), facts[0]);
	prepared_parse(p, text("t"), facts[1]);
	assert_false(p->has_leaving);
	prepared_close(p, 'S', text("s"));
	assert_true(p->has_leaving);
}

static void
prepared_bind_does_not_find_what_is_leaving(void **state)
{
	struct prepared p;
	struct prepared_facts *facts[2];

	(void)state;
	setup_leaving(&p, facts);
	assert_true(prepared_bind(&p, text("p"), text("t")));
	assert_false(prepared_bind(&p, text("p"), text("s")));
	assert_null(prepared_portal(&p, text("p")));
	prepared_clear(&p);
	assert_int_equal(facts[0]->users, 1);
	prepared_facts_drop(facts[0]);
}

static void
prepared_settle_forgets_what_was_leaving(void **state)
{
	struct prepared p;
	struct prepared_facts *facts[2];

	(void)state;
	setup_leaving(&p, facts);
	assert_int_equal(facts[0]->users, 2);
	prepared_settle(&p);
	assert_int_equal(facts[0]->users, 1);
	assert_false(p.has_leaving);
	prepared_restore(&p);
	assert_false(prepared_bind(&p, text("p"), text("s")));
	assert_true(prepared_bind(&p, text("p"), text("t")));
	assert_ptr_equal(prepared_portal(&p, text("p")), facts[1]);
	prepared_clear(&p);
	prepared_facts_drop(facts[0]);
}

/* Wherever they stand in the list, and several of them. */
static void
prepared_settle_forgets_all_that_were_leaving(void **state)
{
	static const char *const names[] = {"a", "b", "c"};

	(void)state;
	for (unsigned leaving = 0; leaving < 8; leaving++) {
		struct prepared p = {0};

		for (int i = 0; i < 3; i++)
			prepared_parse(&p, text(names[i]), facts_new());
		for (int i = 0; i < 3; i++)
			if (leaving & 1u << i)
				prepared_close(&p, 'S', text(names[i]));
		prepared_settle(&p);
		for (int i = 0; i < 3; i++)
			assert_int_equal(
			    prepared_bind(&p, text("p"), text(names[i])),
			    !(leaving & 1u << i));
		assert_int_equal(p.statements == NULL, leaving == 7);
		prepared_clear(&p);
	}
}

static void
prepared_restore_brings_back_what_was_closed(void **state)
{
	struct prepared p;
	struct prepared_facts *facts[2];

	(void)state;
	setup_leaving(&p, facts);
	prepared_restore(&p);
	assert_false(p.has_leaving);
	prepared_settle(&p); /* the cycle ends all the same */
	assert_true(prepared_bind(&p, text("p"), text("s")));
	assert_ptr_equal(prepared_portal(&p, text("p")), facts[0]);
	assert_true(prepared_bind(&p, text("p"), text("t")));
	prepared_clear(&p);
	prepared_facts_drop(facts[0]);
}

/* The server refused or skipped the Parse that took its place. */
static void
prepared_restore_brings_back_what_was_replaced(void **state)
{
	struct prepared p = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	prepared_parse(&p, text(""), facts);
	prepared_parse(&p, text(""), NULL);
	assert_true(p.has_leaving);
	assert_false(prepared_bind(&p, text("p"), text("")));
	prepared_restore(&p);
	assert_true(prepared_bind(&p, text("p"), text("")));
	assert_ptr_equal(prepared_portal(&p, text("p")), facts);

	prepared_parse(&p, text(""), NULL);
	prepared_settle(&p);
	assert_null(p.statements);
	prepared_restore(&p);
	assert_false(prepared_bind(&p, text("q"), text("")));
	prepared_clear(&p);
}

/* The server refuses it with 42P05. */
static void
prepared_parse_of_a_taken_name_changes_nothing(void **state)
{
	struct prepared p = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	prepared_parse(&p, text("s"), facts);
	prepared_parse(&p, text("s"), NULL);
	assert_false(p.has_leaving);
	prepared_parse(&p, text("s"), facts_new()); /* and dropped */
	assert_true(prepared_bind(&p, text("p"), text("s")));
	assert_ptr_equal(prepared_portal(&p, text("p")), facts);
	prepared_clear(&p);
}

static void
prepared_parse_after_a_doubt_replaces_the_name(void **state)
{
	struct prepared p = {0};

	(void)state;
	prepared_parse(&p, text("s"), facts_new());
	prepared_doubt(&p);
	prepared_parse(&p, text("s"), NULL);
	assert_true(p.has_leaving);
	prepared_settle(&p);
	assert_false(prepared_bind(&p, text("p"), text("s")));
	prepared_clear(&p);
}

static void
prepared_parse_takes_the_place_of_what_is_leaving(void **state)
{
	struct prepared p;
	struct prepared_facts *facts[2];
	struct prepared_facts *third = facts_new();

	(void)state;
	setup_leaving(&p, facts);
	prepared_parse(&p, text("s"), third);
	assert_int_equal(facts[0]->users, 1);
	assert_true(prepared_bind(&p, text("p"), text("s")));
	prepared_settle(&p);
	assert_true(prepared_bind(&p, text("p"), text("s")));
	assert_ptr_equal(prepared_portal(&p, text("p")), third);
	assert_true(prepared_bind(&p, text("p"), text("t")));
	prepared_clear(&p);
	prepared_facts_drop(facts[0]);
}

/* As DEALLOCATE ALL has it. */
static void
prepared_clear_statements_leaves_the_portals(void **state)
{
	struct prepared p;
	struct prepared_facts *facts[2];

	(void)state;
	setup_leaving(&p, facts);
	assert_true(prepared_bind(&p, text("p"), text("t")));
	prepared_clear_statements(&p);
	assert_null(p.statements);
	assert_false(p.has_leaving);
	assert_int_equal(facts[0]->users, 1);
	assert_int_equal(facts[1]->users, 1);
	assert_ptr_equal(prepared_portal(&p, text("p")), facts[1]);
	prepared_restore(&p);
	assert_false(prepared_bind(&p, text("q"), text("s")));
	assert_false(prepared_bind(&p, text("q"), text("t")));
	prepared_clear(&p);
	prepared_facts_drop(facts[0]);
}

static void
prepared_facts_live_until_their_last_use(void **state)
{
	struct prepared p = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	prepared_facts_use(facts);
	prepared_parse(&p, text("s"), facts);
	assert_true(prepared_bind(&p, text("p"), text("s")));
	prepared_clear(&p);
	assert_int_equal(facts->users, 1);
	assert_int_equal(facts->list.count, 1);
	prepared_facts_drop(facts);
	prepared_facts_drop(NULL);
}

static void
prepared_names_are_compared_whole(void **state)
{
	struct prepared p = {0};

	(void)state;
	prepared_parse(&p, text("ab"), facts_new());
	assert_false(prepared_bind(&p, text("p"), text("a")));
	assert_false(prepared_bind(&p, text("p"), text("abc")));
	assert_false(prepared_bind(&p, text("p"), text("aB")));
	assert_false(prepared_bind(&p, text("p"), text("")));
	assert_true(prepared_bind(&p, text("p"), text("ab")));
	prepared_close(&p, 'S', text("a"));
	assert_true(prepared_bind(&p, text("p"), text("ab")));
	prepared_clear(&p);
}

static void
prepared_remembers_no_more_than_it_may(void **state)
{
	struct prepared p = {0};
	struct prepared_facts *facts = facts_new();
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < PREPARED_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		prepared_facts_use(facts);
		prepared_parse(&p, text(name), facts);
	}
	assert_int_equal(facts->users, PREPARED_MAX + 1);
	prepared_facts_use(facts);
	prepared_parse(&p, text("one too many"), facts);
	assert_int_equal(facts->users, PREPARED_MAX + 1);
	assert_false(prepared_bind(&p, text("p"), text("one too many")));

	/* A name that is known takes no further place. */
	prepared_facts_use(facts);
	prepared_parse(&p, text("0"), facts);
	assert_int_equal(facts->users, PREPARED_MAX + 1);
	assert_true(prepared_bind(&p, text("p"), text("0")));
	prepared_clear(&p);
	assert_int_equal(facts->users, 1);
	prepared_facts_drop(facts);
}

static void
prepared_without_memory_forgets(void **state)
{
	struct prepared p = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	prepared_facts_use(facts);
	prepared_parse(&p, text(""), facts);
	prepared_facts_use(facts);
	allocation_fail_after(0);
	prepared_parse(&p, text(""), facts);
	assert_true(allocation_restore());
	assert_int_equal(facts->users, 1);
	assert_false(prepared_bind(&p, text("p"), text("")));

	prepared_parse(&p, text("s"), facts);
	allocation_fail_after(0);
	(void)prepared_bind(&p, text("p"), text("s"));
	assert_true(allocation_restore());
	assert_null(prepared_portal(&p, text("p")));
	assert_int_equal(facts->users, 1);
	prepared_clear(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		prepared_bind_makes_a_portal_of_a_guarded_statement),
	    cmocka_unit_test(
		prepared_bind_of_an_ordinary_statement_costs_nothing),
	    cmocka_unit_test(
		prepared_bind_of_an_ordinary_statement_takes_the_portal_over),
	    cmocka_unit_test(prepared_parse_replaces_what_had_the_name),
	    cmocka_unit_test(
		prepared_close_of_the_statement_leaves_its_portals),
	    cmocka_unit_test(prepared_bind_does_not_find_what_is_leaving),
	    cmocka_unit_test(prepared_settle_forgets_what_was_leaving),
	    cmocka_unit_test(prepared_settle_forgets_all_that_were_leaving),
	    cmocka_unit_test(prepared_restore_brings_back_what_was_closed),
	    cmocka_unit_test(prepared_restore_brings_back_what_was_replaced),
	    cmocka_unit_test(prepared_parse_of_a_taken_name_changes_nothing),
	    cmocka_unit_test(prepared_parse_after_a_doubt_replaces_the_name),
	    cmocka_unit_test(prepared_parse_takes_the_place_of_what_is_leaving),
	    cmocka_unit_test(prepared_clear_statements_leaves_the_portals),
	    cmocka_unit_test(prepared_facts_live_until_their_last_use),
	    cmocka_unit_test(prepared_names_are_compared_whole),
	    cmocka_unit_test(prepared_remembers_no_more_than_it_may),
	    cmocka_unit_test(prepared_without_memory_forgets),
	};

	return cmocka_run_group_tests_name("proxy/guard/prepared", tests, NULL,
					   NULL);
}
