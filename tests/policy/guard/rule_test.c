#include "policy/guard/rule.h"

#include <stdio.h>

#include "policy/sql/statement.h"
#include "tests/support/test.h"

enum { VALUES_MAX = 4 };

/* A rule as a literal has it. */
struct example {
	bool is_negated[RULE_PREDICATES];
	const char *values[RULE_PREDICATES][VALUES_MAX];
};

/* rule_find writes to nothing of it, so the literals may serve. */
static struct rule
rule_of(const struct example *e)
{
	struct rule rule = {0};

	for (size_t i = 0; i < RULE_PREDICATES; i++) {
		struct rule_match *m = &rule.matches[i];

		m->is_negated = e->is_negated[i];
		m->values = (char **)(uintptr_t)e->values[i];
		while (m->count < VALUES_MAX && e->values[i][m->count] != NULL)
			m->count++;
	}
	return rule;
}

static struct lock_item tables[] = {
    {.name = (char[]){"public.orders"}},
    {.name = (char[]){"\"My.Shop\".\"Line \"\"items\"\"\""}},
    {.name = (char[]){"audit.\"user\""}},
};
static const struct lock_set set = {tables, 3};

static const struct rule_subject drop = {
    .database = "shop",
    .user = "migrator",
    .application_name = "Flyway 9, nightly",
    .client = "10.0.7.1",
    .tag = "DROP TABLE",
    .set = &set,
};

static bool
matches(const struct example *e, const struct rule_subject *subject)
{
	const struct rule rule = rule_of(e);

	return rule_find(&rule, 1, subject) == &rule;
}

static const struct {
	const char *pattern;
	const char *text;
	bool fits;
} patterns[] = {
    {"shop", "shop", true},
    {"shop", "Shop", false},
    {"shop", "shop2", false},
    {"shop", "sho", false},
    {"shop", "", false},
    {"*", "", true},
    {"**", "", true},
    {"*", "shop", true},
    {"sh*", "sh", true},
    {"sh*", "shop", true},
    {"sh*", "Sshop", false},
    {"*op", "shop", true},
    {"*op", "shopp", false},
    {"*op", "opop", true},
    {"s*p", "sp", true},
    {"s*p", "shopp", true},
    {"s*p", "shops", false},
    {"*h*p", "shop", true},
    {"*h*x*", "shop", false},
    {"a*b*c", "aXbXbXc", true},
    {"a*b*c", "aXbXbX", false},
    {"*aab", "aaaab", true},
    {"*ab*ab", "abab", true},
    {"*ab*ab", "aab", false},
    /* Only the * means more than itself. */
    {"sh?p", "shop", false},
    {"sh?p", "sh?p", true},
    {"[a-z]", "a", false},
    {"[a-z]", "[a-z]", true},
    {"a\\*", "a*", false},
    {"a\\*", "a\\x", true},
    {"gr\xc3\xbc*", "gr\xc3\xbc\xc3\x9f", true},
};

static void
rule_find_reads_a_star_in_names(void **state)
{
	static const enum rule_predicate names[] = {
	    RULE_DATABASE, RULE_USER, RULE_APPLICATION_NAME, RULE_CLIENT};

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		struct rule_subject s = {patterns[i].text,
					 patterns[i].text,
					 patterns[i].text,
					 patterns[i].text,
					 "DO",
					 NULL};

		for (size_t j = 0; j < 4; j++) {
			struct example e = {0};

			e.values[names[j]][0] = patterns[i].pattern;
			if (matches(&e, &s) != patterns[i].fits)
				fail_msg("%s: %s", patterns[i].pattern,
					 patterns[i].text);
		}
	}
}

/* Exponential for a matcher that goes back to every star. */
static void
rule_find_takes_no_time_with_many_stars(void **state)
{
	static const struct example e = {
	    .values[RULE_APPLICATION_NAME] = {
		"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"}};
	char name[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct rule_subject s = drop;

	(void)state;
	s.application_name = name;
	assert_false(matches(&e, &s));
	name[sizeof(name) - 2] = 'b';
	assert_true(matches(&e, &s));
}

static const struct {
	const char *name;
	bool is_there;
} names[] = {
    {"orders", true},
    {"public.orders", true},
    {"\"orders\"", true},
    {"\"public\".\"orders\"", true},
    {"audit.orders", false},
    {"Orders", false},
    {"order", false},
    {"public", false},
    {"public.", false},
    {"orders.x", false},
    {"\"public.orders\"", false},
    {"\"Line \"\"items\"\"\"", true},
    {"\"My.Shop\".\"Line \"\"items\"\"\"", true},
    {"\"Line items\"", false},
    {"\"My.Shop\"", false},
    {"my.\"Line \"\"items\"\"\"", false},
    /* The server quotes a key word; whoever writes a rule need not. */
    {"user", true},
    {"audit.user", true},
    {"audit.\"user\"", true},
};

static void
rule_find_knows_tables_with_and_without_schema(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct example e = {.values[RULE_TABLE] = {names[i].name}};

		if (matches(&e, &drop) != names[i].is_there)
			fail_msg("%s", names[i].name);
		e.is_negated[RULE_TABLE] = true;
		if (matches(&e, &drop) == names[i].is_there)
			fail_msg("!%s", names[i].name);
	}
}

static const struct {
	struct example rule;
	bool matches;
} examples[] = {
    {{.values = {[RULE_DATABASE] = {NULL}}}, true},
    {{.values = {[RULE_DATABASE] = {"shop"}}}, true},
    {{.values = {[RULE_DATABASE] = {"till", "shop"}}}, true},
    {{.values = {[RULE_DATABASE] = {"till", "stock"}}}, false},
    {{.values = {[RULE_USER] = {"migrator"}}}, true},
    {{.values = {[RULE_USER] = {"shop"}}}, false},
    {{.values = {[RULE_APPLICATION_NAME] = {"Flyway*"}}}, true},
    {{.values = {[RULE_APPLICATION_NAME] = {"psql"}}}, false},
    {{.values = {[RULE_CLIENT] = {"10.0.*", "local"}}}, true},
    {{.values = {[RULE_CLIENT] = {"10.1.*", "local"}}}, false},
    {{.values = {[RULE_STATEMENT] = {"DROP TABLE"}}}, true},
    {{.values = {[RULE_STATEMENT] = {"ALTER TABLE", "DROP TABLE"}}}, true},
    {{.values = {[RULE_STATEMENT] = {"DROP"}}}, false},
    {{.values = {[RULE_TABLE] = {"x", "orders"}}}, true},
    {{.values = {[RULE_TABLE] = {"x", "y"}}}, false},
    /* All of them must be true. */
    {{.values = {[RULE_DATABASE] = {"shop"},
		 [RULE_USER] = {"m*"},
		 [RULE_APPLICATION_NAME] = {"*nightly"},
		 [RULE_STATEMENT] = {"DROP TABLE"},
		 [RULE_TABLE] = {"orders"}}},
     true},
    {{.values = {[RULE_DATABASE] = {"shop"}, [RULE_USER] = {"x"}}}, false},
    {{.values = {[RULE_DATABASE] = {"x"}, [RULE_USER] = {"migrator"}}}, false},
    {{.values = {[RULE_USER] = {"m*"}, [RULE_TABLE] = {"x"}}}, false},
    /* Not: none of them. */
    {{{[RULE_USER] = true}, {[RULE_USER] = {"migrator"}}}, false},
    {{{[RULE_USER] = true}, {[RULE_USER] = {"x", "mig*"}}}, false},
    {{{[RULE_USER] = true}, {[RULE_USER] = {"x", "y"}}}, true},
    {{{[RULE_STATEMENT] = true}, {[RULE_STATEMENT] = {"DROP TABLE"}}}, false},
    {{{[RULE_STATEMENT] = true}, {[RULE_STATEMENT] = {"DROP VIEW"}}}, true},
    {{{[RULE_TABLE] = true}, {[RULE_TABLE] = {"x", "orders"}}}, false},
    {{{[RULE_TABLE] = true}, {[RULE_TABLE] = {"x"}}}, true},
    {{{[RULE_USER] = true}, {[RULE_DATABASE] = {"shop"}, [RULE_USER] = {"x"}}},
     true},
    {{{[RULE_USER] = true}, {[RULE_DATABASE] = {"x"}, [RULE_USER] = {"x"}}},
     false},
};

static void
rule_find_wants_every_predicate_to_be_true(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++)
		if (matches(&examples[i].rule, &drop) != examples[i].matches)
			fail_msg("example %zu", i);
}

static void
rule_find_takes_no_set_for_an_empty_one(void **state)
{
	static const struct lock_set empty = {NULL, 0};
	struct example e = {.values[RULE_TABLE] = {"orders"}};
	struct rule_subject s = drop;

	(void)state;
	for (int i = 0; i < 2; i++) {
		s.set = i == 0 ? NULL : &empty;
		e.is_negated[RULE_TABLE] = false;
		assert_false(matches(&e, &s));
		e.is_negated[RULE_TABLE] = true;
		assert_true(matches(&e, &s));
	}
}

static void
rule_find_takes_the_first(void **state)
{
	static const struct example other = {.values[RULE_USER] = {"x"}};
	static const struct example some = {.values[RULE_USER] = {"m*"}};
	static const struct example all = {0};
	const struct rule rules[] = {rule_of(&other), rule_of(&some),
				     rule_of(&all)};
	const struct rule reverse[] = {rule_of(&all), rule_of(&some)};

	(void)state;
	assert_null(rule_find(NULL, 0, &drop));
	assert_null(rule_find(rules, 1, &drop));
	assert_ptr_equal(rule_find(rules, 3, &drop), &rules[1]);
	assert_ptr_equal(rule_find(reverse, 2, &drop), &reverse[0]);
}

static void
rule_find_knows_the_tags_of_statements(void **state)
{
	/* One for each place where statement_tree.c has tags. */
	static const char *const statements[] = {
	    "drop table a, b",
	    "drop index i",
	    "drop function f",
	    "drop owned by current_user",
	    "truncate a, b",
	    "alter table a drop column b",
	    "alter view v rename to w",
	    "alter table a set schema s",
	    "alter policy p on a using (true)",
	    "create table a (b int references c)",
	    "create trigger t after insert on a execute function f()",
	    "create index on a (b)",
	    "create rule r as on insert to a do instead nothing",
	    "create policy p on a",
	    "create schema s create table a (b int references c)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++) {
		struct statement_list list;
		size_t at = 0;

		assert_int_equal(
		    statement_list_parse(&list, statements[i],
					 strlen(statements[i]), GUARD_SCOPE_DDL,
					 STATEMENT_PARSE_BYTES_DEFAULT),
		    STATEMENT_OK);
		assert_non_null(list.items[0].tag);
		while (rule_statements[at] != NULL &&
		       strcmp(rule_statements[at], list.items[0].tag) != 0)
			at++;
		if (rule_statements[at] == NULL)
			fail_msg("no rule can name %s", list.items[0].tag);
		statement_list_clear(&list);
	}
}

static void
rule_statements_are_sorted(void **state)
{
	(void)state;
	for (size_t i = 1; rule_statements[i] != NULL; i++)
		assert_true(strcmp(rule_statements[i - 1], rule_statements[i]) <
			    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rule_find_reads_a_star_in_names),
	    cmocka_unit_test(rule_find_takes_no_time_with_many_stars),
	    cmocka_unit_test(rule_find_knows_tables_with_and_without_schema),
	    cmocka_unit_test(rule_find_wants_every_predicate_to_be_true),
	    cmocka_unit_test(rule_find_takes_no_set_for_an_empty_one),
	    cmocka_unit_test(rule_find_takes_the_first),
	    cmocka_unit_test(rule_find_knows_the_tags_of_statements),
	    cmocka_unit_test(rule_statements_are_sorted),
	};

	return cmocka_run_group_tests_name("policy/guard/rule", tests, NULL,
					   NULL);
}
