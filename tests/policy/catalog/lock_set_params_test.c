#include "policy/catalog/lock_set.h"

#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

#define HOSTILE "a\"; drop table x; --"

/* In the order of the query's parameters. */
enum {
	KIND,
	SCHEMA,
	NAME,
	PART,
	ONLY,
	CASCADED,
	RESTART,
	MODE,
};

static void
free_params(char *params[LOCK_SET_PARAMS])
{
	for (int i = 0; i < LOCK_SET_PARAMS; i++)
		free(params[i]);
}

static void
params_of(char *params[LOCK_SET_PARAMS], struct target *targets, size_t count)
{
	struct statement statement = {.targets = targets,
				      .target_count = count};

	assert_true(lock_set_params(params, &statement, 1));
}

static void
lock_set_params_quotes_every_value(void **state)
{
	struct target targets[] = {
	    {.kind = TARGET_DROP, .relation = "\"s\".\"a\"", .cascade = true},
	    {.kind = TARGET_COLUMN,
	     .relation = "\"t\"",
	     .part = HOSTILE "\\",
	     .only = true},
	    {.kind = TARGET_TRUNCATE,
	     .relation = "\"u\"\"\\.v\"",
	     .restart_identity = true},
	};
	char *params[LOCK_SET_PARAMS];

	(void)state;
	params_of(params, targets, 3);
	assert_string_equal(params[KIND], "{\"drop\",\"column\",\"truncate\"}");
	assert_string_equal(params[SCHEMA], "{\"s\",NULL,NULL}");
	assert_string_equal(params[NAME], "{\"a\",\"t\",\"u\\\"\\\\.v\"}");
	assert_string_equal(params[PART],
			    "{NULL,\"a\\\"; drop table x; --\\\\\",NULL}");
	assert_string_equal(params[ONLY], "{\"f\",\"t\",\"f\"}");
	assert_string_equal(params[CASCADED], "{\"t\",\"f\",\"f\"}");
	assert_string_equal(params[RESTART], "{\"f\",\"f\",\"t\"}");
	assert_string_equal(params[MODE], "{\"8\",\"8\",\"8\"}");
	free_params(params);
}

static void
lock_set_params_splits_names(void **state)
{
	static const struct {
		char *relation;
		const char *schema;
		const char *name;
	} names[] = {
	    {"\"a\"", "{NULL}", "{\"a\"}"},
	    {"\"s\".\"a\"", "{\"s\"}", "{\"a\"}"},
	    {"\"d\".\"s\".\"a\"", "{\"s\"}", "{\"a\"}"},
	    {"\"x\".\"d\".\"s\".\"a\"", "{\"s\"}", "{\"a\"}"},
	    {"\"s.\"\"t\".\"\"\"\"", "{\"s.\\\"t\"}", "{\"\\\"\"}"},
	    {"\"\"", "{NULL}", "{\"\"}"},
	    /* what statement.h does not promise finds nothing */
	    {"a", "{NULL}", "{NULL}"},
	    {"\"a", "{NULL}", "{NULL}"},
	    {"\"a\"\"", "{NULL}", "{NULL}"},
	    {"\"s\".a", "{NULL}", "{\"s\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct target target = {.kind = TARGET_DROP,
					.relation = names[i].relation};
		char *params[LOCK_SET_PARAMS];

		params_of(params, &target, 1);
		assert_string_equal(params[SCHEMA], names[i].schema);
		assert_string_equal(params[NAME], names[i].name);
		free_params(params);
	}
}

static void
lock_set_params_puts_the_other_relation_behind(void **state)
{
	struct target targets[] = {
	    {.kind = TARGET_DETACH, .relation = "\"p\"", .part = "\"s\".\"q\""},
	    {.kind = TARGET_ATTACH, .relation = "\"p\"", .part = "\"r\""},
	    {.kind = TARGET_KEY,
	     .relation = "\"c\"",
	     .part = "\"r\"",
	     .shape = "{\"f\"}"},
	};
	char *params[LOCK_SET_PARAMS];

	(void)state;
	params_of(params, targets, 3);
	assert_string_equal(params[KIND], "{\"detach\",\"other\","
					  "\"attach\",\"other\","
					  "\"key\",\"other\"}");
	assert_string_equal(params[SCHEMA], "{NULL,\"s\",NULL,NULL,NULL,NULL}");
	assert_string_equal(params[NAME],
			    "{\"p\",\"q\",\"p\",\"r\",\"c\",\"r\"}");
	assert_string_equal(params[PART],
			    "{NULL,NULL,NULL,NULL,NULL,\"{\\\"f\\\"}\"}");
	assert_string_equal(params[ONLY],
			    "{\"f\",\"f\",\"f\",\"f\",\"f\",\"f\"}");
	assert_string_equal(params[MODE],
			    "{\"8\",\"0\",\"4\",\"0\",\"6\",\"0\"}");
	free_params(params);
}

/* An object that is no relation has no mode. */
static void
lock_set_params_knows_what_is_neither_dropped_nor_altered(void **state)
{
	struct target targets[] = {
	    {.kind = TARGET_REPLACE, .relation = "\"v\""},
	    {.kind = TARGET_UNDER, .relation = "\"v\"", .mode = LOCK_SHARE},
	    {.kind = TARGET_INDEXED, .relation = "\"i\"", .mode = LOCK_SHARE},
	    {.kind = TARGET_TYPED, .relation = "\"c\"", .part = "a"},
	    {.kind = TARGET_DOMAIN, .relation = "\"d\""},
	    {.kind = TARGET_DOMAIN,
	     .relation = "\"d\"",
	     .part = "k",
	     .condition = CONDITION_DOMAIN_UNPROVEN},
	    {.kind = TARGET_DOMAIN,
	     .relation = "\"d\"",
	     .condition = CONDITION_DOMAIN_NULLABLE},
	    {.kind = TARGET_REASSIGN, .relation = "session_user"},
	    {.kind = TARGET_PUBLICATION, .relation = "\"p\""},
	    {.kind = TARGET_NAMED,
	     .relation = "\"n\"",
	     .mode = LOCK_ACCESS_EXCLUSIVE},
	    {.kind = TARGET_TREE,
	     .relation = "\"t\"",
	     .condition = CONDITION_PLAIN,
	     .mode = LOCK_SHARE},
	};
	char *params[LOCK_SET_PARAMS];

	(void)state;
	params_of(params, targets, 11);
	assert_string_equal(params[KIND],
			    "{\"replace\",\"under\",\"indexed\",\"typed\","
			    "\"domain\",\"domain_if_unproven\","
			    "\"domain_if_nullable\",\"reassign\","
			    "\"publication\",\"named\",\"tree_if_plain\"}");
	assert_string_equal(params[NAME],
			    "{\"v\",\"v\",\"i\",\"c\",\"d\",\"d\",\"d\",NULL,"
			    "\"p\",\"n\",\"t\"}");
	assert_string_equal(params[PART],
			    "{NULL,NULL,NULL,\"a\",\"\",\"k\",\"\","
			    "\"session_user\",\"\",NULL,NULL}");
	assert_string_equal(
	    params[MODE],
	    "{\"8\",\"5\",\"5\",\"8\",NULL,NULL,NULL,NULL,NULL,\"8\",\"5\"}");
	free_params(params);
}

static void
lock_set_params_knows_every_object(void **state)
{
	static const struct {
		enum object_kind object;
		char *relation;
		char *part;
		const char *expected[4]; /* kind, schema, name, part */
	} objects[] = {
	    {OBJECT_SCHEMA, "\"a.b\"", NULL, {"schema", NULL, "a.b", ""}},
	    {OBJECT_EXTENSION, "\"e\"", NULL, {"extension", NULL, "e", ""}},
	    {OBJECT_SERVER, "\"e\"", NULL, {"server", NULL, "e", ""}},
	    {OBJECT_WRAPPER, "\"e\"", NULL, {"wrapper", NULL, "e", ""}},
	    {OBJECT_LANGUAGE, "\"e\"", NULL, {"language", NULL, "e", ""}},
	    {OBJECT_ACCESS_METHOD,
	     "\"e\"",
	     NULL,
	     {"access_method", NULL, "e", ""}},
	    {OBJECT_TS_CONFIGURATION,
	     "\"s\".\"t\"",
	     NULL,
	     {"ts_configuration", "s", "t", ""}},
	    {OBJECT_TS_DICTIONARY,
	     "\"t\"",
	     NULL,
	     {"ts_dictionary", NULL, "t", ""}},
	    {OBJECT_TS_PARSER, "\"t\"", NULL, {"ts_parser", NULL, "t", ""}},
	    {OBJECT_TS_TEMPLATE, "\"t\"", NULL, {"ts_template", NULL, "t", ""}},
	    {OBJECT_OPCLASS,
	     "\"s\".\"o\"",
	     "a.b",
	     {"opclass", "s", "o", "a.b"}},
	    {OBJECT_OPFAMILY, "\"o\"", "m", {"opfamily", NULL, "o", "m"}},
	    {OBJECT_TYPE, "\"s\".\"t\"", NULL, {"type", "s", "t", ""}},
	    {OBJECT_TYPE, "\"s\".\"t\"[]", NULL, {"type", NULL, NULL, "[]"}},
	    {OBJECT_COLLATION, "\"c\"", NULL, {"collation", NULL, "c", ""}},
	    {OBJECT_STATISTICS,
	     "\"s\".\"t\"",
	     NULL,
	     {"statistics", "s", "t", ""}},
	    {OBJECT_FUNCTION, "\"f\"", NULL, {"function", NULL, "f", NULL}},
	    {OBJECT_FUNCTION, "\"f\"", "()", {"function", NULL, "f", "{}"}},
	    {OBJECT_FUNCTION,
	     "\"s\".\"f\"",
	     "(\"s,)\".\"a\"\"b\",\"int\"[],\"d\".\"s\".\"t\"[])",
	     {"function", "s", "f",
	      "{{\\\"s,)\\\",\\\"\\\\\\\"s,)\\\\\\\".\\\\\\\"a\\\\\\\"\\\\\\\""
	      "b\\\\\\\"\\\"},{NULL,\\\"\\\\\\\"int\\\\\\\"[]\\\"},"
	      "{\\\"s\\\",\\\"\\\\\\\"s\\\\\\\".\\\\\\\"t\\\\\\\"[]\\\"}}"}},
	    {OBJECT_OPERATOR,
	     "\"s\".+",
	     "(NONE,\"t\")",
	     {"operator", "s", "+",
	      "{{NULL,\\\"NONE\\\"},{NULL,\\\"\\\\\\\"t\\\\\\\"\\\"}}"}},
	    {OBJECT_OPERATOR,
	     "<@",
	     "(\"t\",\"t\")",
	     {"operator", NULL, "<@",
	      "{{NULL,\\\"\\\\\\\"t\\\\\\\"\\\"},"
	      "{NULL,\\\"\\\\\\\"t\\\\\\\"\\\"}}"}},
	    {OBJECT_TRIGGER,
	     "\"s\".\"t\"",
	     "a.b",
	     {"trigger", "s", "t", "a.b"}},
	    {OBJECT_RULE, "\"t\"", "r", {"rule", NULL, "t", "r"}},
	    {OBJECT_POLICY, "\"t\"", "p", {"policy", NULL, "t", "p"}},
	    {OBJECT_OWNED, "\"r\"", NULL, {"owned", NULL, "r", ""}},
	    {OBJECT_OWNED,
	     "current_user",
	     NULL,
	     {"owned", NULL, NULL, "current_user"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		struct target target = {.kind = TARGET_OBJECT,
					.object = objects[i].object,
					.relation = objects[i].relation,
					.part = objects[i].part};
		bool of_table = objects[i].object == OBJECT_TRIGGER ||
				objects[i].object == OBJECT_RULE ||
				objects[i].object == OBJECT_POLICY;
		char *params[LOCK_SET_PARAMS];

		params_of(params, &target, 1);
		for (int j = 0; j < 4; j++) {
			const char *expected = objects[i].expected[j];
			char text[256] = "{NULL}";

			if (expected != NULL)
				(void)snprintf(text, sizeof(text), "{\"%s\"}",
					       expected);
			assert_string_equal(params[j], text);
		}
		assert_string_equal(params[MODE],
				    of_table ? "{\"0\"}" : "{NULL}");
		free_params(params);
	}
}

static void
lock_set_params_tells_each_kind_and_its_mode(void **state)
{
	struct target targets[] = {
	    {.kind = TARGET_CONSTRAINT, .part = "k"},
	    {.kind = TARGET_LOCK, .mode = LOCK_SHARE},
	    {.kind = TARGET_TREE, .mode = LOCK_SHARE_ROW_EXCLUSIVE},
	    {.kind = TARGET_TREE, .mode = LOCK_SHARE, .partitions_only = true},
	    {.kind = TARGET_VALIDATE, .part = "k"},
	    {.kind = TARGET_ENFORCE,
	     .part = "k",
	     .mode = LOCK_SHARE_ROW_EXCLUSIVE},
	    {.kind = TARGET_PARTITION},
	    {.kind = TARGET_RETYPE, .part = "c"},
	    {.kind = TARGET_OWNER},
	    {.kind = TARGET_IDENTITY, .part = "c", .mode = LOCK_SHARE},
	};
	char *params[LOCK_SET_PARAMS];

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		targets[i].relation = "\"t\"";
	params_of(params, targets, sizeof(targets) / sizeof(*targets));
	assert_string_equal(
	    params[KIND],
	    "{\"constraint\",\"lock\",\"tree\",\"partitions\",\"validate\","
	    "\"enforce\",\"partition_of\",\"retype\",\"owner\",\"identity\"}");
	assert_string_equal(
	    params[PART],
	    "{\"k\",NULL,NULL,NULL,\"k\",\"k\",NULL,\"c\",NULL,\"c\"}");
	assert_string_equal(params[MODE],
			    "{\"8\",\"5\",\"6\",\"5\",\"4\",\"6\","
			    "\"8\",\"8\",\"8\",\"5\"}");
	free_params(params);
}

static void
lock_set_params_tells_each_condition(void **state)
{
	static const struct {
		enum target_kind kind;
		enum target_condition condition;
		const char *expected;
	} conditions[] = {
	    {TARGET_TREE, CONDITION_BEFORE_18, "{\"tree_before_18\"}"},
	    {TARGET_TREE, CONDITION_FROM_18, "{\"tree_from_18\"}"},
	    {TARGET_TREE, CONDITION_CHECK, "{\"tree_if_check\"}"},
	    {TARGET_TREE, CONDITION_NULLABLE, "{\"tree_if_nullable\"}"},
	    {TARGET_TREE, CONDITION_FROM_15, "{\"partitions_from_15\"}"},
	    {TARGET_TREE, CONDITION_FROM_17, "{\"partitions_from_17\"}"},
	    {TARGET_TREE, CONDITION_TRIGGER, "{\"partitions_if_trigger\"}"},
	    {TARGET_TREE, CONDITION_USER_TRIGGER,
	     "{\"partitions_if_user_trigger\"}"},
	    {TARGET_CONSTRAINT, CONDITION_NOT_NULL, "{\"not_null\"}"},
	    {TARGET_OWNER, CONDITION_OWNER, "{\"owner_if_other\"}"},
	    {TARGET_OWNER, CONDITION_LOGGED, "{\"owner_if_logged\"}"},
	    {TARGET_OWNER, CONDITION_UNLOGGED, "{\"owner_if_unlogged\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++) {
		struct target target = {.kind = conditions[i].kind,
					.relation = "\"t\"",
					.condition = conditions[i].condition};
		char *params[LOCK_SET_PARAMS];

		params_of(params, &target, 1);
		assert_string_equal(params[KIND], conditions[i].expected);
		free_params(params);
	}
}

static void
lock_set_params_takes_all_statements(void **state)
{
	struct target drop = {.kind = TARGET_DROP, .relation = "\"a\""};
	struct target lock = {.kind = TARGET_LOCK,
			      .relation = "\"b\"",
			      .mode = LOCK_SHARE_ROW_EXCLUSIVE};
	struct target key = {
	    .kind = TARGET_CONSTRAINT, .relation = "\"c\"", .part = "k"};
	struct statement statements[] = {
	    {.targets = &drop, .target_count = 1},
	    {.targets = NULL, .target_count = 0},
	    {.targets = &lock, .target_count = 1},
	    {.targets = &key, .target_count = 1},
	};
	char *params[LOCK_SET_PARAMS];

	(void)state;
	assert_true(lock_set_params(params, statements, 4));
	assert_string_equal(params[KIND], "{\"drop\",\"lock\",\"constraint\"}");
	assert_string_equal(params[PART], "{NULL,NULL,\"k\"}");
	assert_string_equal(params[MODE], "{\"8\",\"6\",\"8\"}");
	free_params(params);
}

static void
lock_set_params_of_nothing_are_empty_arrays(void **state)
{
	char *params[LOCK_SET_PARAMS];

	(void)state;
	assert_true(lock_set_params(params, NULL, 0));
	for (int i = 0; i < LOCK_SET_PARAMS; i++)
		assert_string_equal(params[i], "{}");
	free_params(params);
}

static void
lock_set_params_leaves_nothing_when_memory_is_out(void **state)
{
	char name[200];
	struct target targets[] = {
	    {.kind = TARGET_DROP, .relation = name},
	    {.kind = TARGET_OBJECT,
	     .object = OBJECT_FUNCTION,
	     .relation = name,
	     .part = "(\"a\",\"b\")"},
	};
	struct statement statement = {.targets = targets, .target_count = 2};
	char *params[LOCK_SET_PARAMS];
	bool done = false;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[0] = name[sizeof(name) - 2] = '"';
	name[sizeof(name) - 1] = '\0';
	for (unsigned nth = 0; !done; nth++) {
		allocation_fail_after(nth);
		done = lock_set_params(params, &statement, 1);
		assert_int_equal(allocation_restore(), !done);
		for (int i = 0; i < LOCK_SET_PARAMS && !done; i++)
			assert_null(params[i]);
	}
	free_params(params);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lock_set_params_quotes_every_value),
	    cmocka_unit_test(lock_set_params_splits_names),
	    cmocka_unit_test(lock_set_params_puts_the_other_relation_behind),
	    cmocka_unit_test(
		lock_set_params_knows_what_is_neither_dropped_nor_altered),
	    cmocka_unit_test(lock_set_params_knows_every_object),
	    cmocka_unit_test(lock_set_params_tells_each_kind_and_its_mode),
	    cmocka_unit_test(lock_set_params_tells_each_condition),
	    cmocka_unit_test(lock_set_params_takes_all_statements),
	    cmocka_unit_test(lock_set_params_of_nothing_are_empty_arrays),
	    cmocka_unit_test(lock_set_params_leaves_nothing_when_memory_is_out),
	};

	return cmocka_run_group_tests_name("policy/catalog/lock_set_params",
					   tests, NULL, NULL);
}
