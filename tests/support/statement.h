/*
 * statement.h - a list of statements as text, to compare it with what is
 * expected.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_STATEMENT_H
#define LOCKSTEP_TESTS_SUPPORT_STATEMENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql/statement.h"
#include "tests/support/test.h"

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
    [TARGET_ENFORCE] = "enforce",
    [TARGET_ATTACH] = "attach",
    [TARGET_PARTITION] = "partition",
    [TARGET_RETYPE] = "retype",
    [TARGET_OWNER] = "owner",
    [TARGET_IDENTITY] = "identity",
    [TARGET_KEY] = "key",
    [TARGET_REPLACE] = "replace",
    [TARGET_UNDER] = "under",
    [TARGET_INDEXED] = "indexed",
    [TARGET_NAMED] = "named",
    [TARGET_TYPED] = "typed",
    [TARGET_DOMAIN] = "domain",
    [TARGET_REASSIGN] = "reassign",
    [TARGET_PUBLICATION] = "publication",
};

static const char *const conditions[] = {
    [CONDITION_NONE] = "",
    [CONDITION_BEFORE_18] = " before-18",
    [CONDITION_FROM_18] = " from-18",
    [CONDITION_CHECK] = " if-check",
    [CONDITION_NULLABLE] = " if-nullable",
    [CONDITION_FROM_15] = " from-15",
    [CONDITION_FROM_17] = " from-17",
    [CONDITION_TRIGGER] = " if-trigger",
    [CONDITION_USER_TRIGGER] = " if-user-trigger",
    [CONDITION_NOT_NULL] = " not-null",
    [CONDITION_PLAIN] = " if-plain",
    [CONDITION_DOMAIN_NULLABLE] = " if-nullable",
    [CONDITION_DOMAIN_UNPROVEN] = " if-unproven",
    [CONDITION_OWNER] = " if-other",
    [CONDITION_LOGGED] = " if-logged",
    [CONDITION_UNLOGGED] = " if-unlogged",
};

static const char *const objects[] = {
    [OBJECT_SCHEMA] = "schema",
    [OBJECT_EXTENSION] = "extension",
    [OBJECT_SERVER] = "server",
    [OBJECT_WRAPPER] = "wrapper",
    [OBJECT_LANGUAGE] = "language",
    [OBJECT_TYPE] = "type",
    [OBJECT_COLLATION] = "collation",
    [OBJECT_STATISTICS] = "statistics",
    [OBJECT_FUNCTION] = "function",
    [OBJECT_OPERATOR] = "operator",
    [OBJECT_TRIGGER] = "trigger",
    [OBJECT_RULE] = "rule",
    [OBJECT_POLICY] = "policy",
    [OBJECT_OWNED] = "owned",
    [OBJECT_ACCESS_METHOD] = "access-method",
    [OBJECT_TS_CONFIGURATION] = "ts-configuration",
    [OBJECT_TS_DICTIONARY] = "ts-dictionary",
    [OBJECT_TS_PARSER] = "ts-parser",
    [OBJECT_TS_TEMPLATE] = "ts-template",
    [OBJECT_OPCLASS] = "opclass",
    [OBJECT_OPFAMILY] = "opfamily",
};

static const char *const modes[] = {"",  "AS",  "RS", "RX", "SUE",
				    "S", "SRX", "X",  "AX"};

static const char *const scopes[] = {
    [GUARD_SCOPE_OFF] = "off",
    [GUARD_SCOPE_DROPS] = "drops",
    [GUARD_SCOPE_DDL] = "ddl",
    [GUARD_SCOPE_BEHIND] = "behind",
};

static inline void
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
	fprintf(to, "%s", conditions[t->condition]);
	if (t->kind == TARGET_LOCK || t->kind == TARGET_TREE ||
	    t->kind == TARGET_IDENTITY || t->kind == TARGET_UNDER ||
	    t->kind == TARGET_INDEXED || t->kind == TARGET_NAMED ||
	    t->kind == TARGET_ENFORCE)
		fprintf(to, " %s", modes[t->mode]);
	else
		assert_int_equal(t->mode, LOCK_NONE);
	fprintf(to, ")");
}

/*
 * The list as text: each statement's own bytes in <>, then what it does to
 * the block, then "scope:TAG" if it is guarded, then its targets, or "no
 * plan"; at the end whether it is sound, and whether anything is unparsed.
 */
static inline char *
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
	fprintf(to, "%s", list->has_unparsed ? "\nunparsed" : "");
	fclose(to);
	return text;
}

static inline enum statement_status
parse(struct statement_list *out, const char *sql, enum guard_scope scope)
{
	return statement_list_parse(out, sql, strlen(sql), scope,
				    STATEMENT_PARSE_BYTES_DEFAULT);
}

static inline enum statement_status
parse_status(const char *sql, enum guard_scope scope)
{
	struct statement_list list;
	enum statement_status status = parse(&list, sql, scope);

	if (status != STATEMENT_OK)
		assert_null(list.items);
	statement_list_clear(&list);
	return status;
}

static inline void
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
	if (strstr(text, "ddl:") != NULL || strstr(text, "behind:") != NULL)
		assert_true(
		    statement_is_candidate(sql, strlen(sql), GUARD_SCOPE_DDL));
	free(text);
	statement_list_clear(&list);
}

struct example {
	const char *sql;
	const char *expected; /* of print_list, behind "<sql>" */
};

static inline void
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
static inline char *
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

#endif
