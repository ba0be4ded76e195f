/*
 * Any text through the three sieves: as it is, behind a drop, and as a DO
 * block's body.  The first may never stop what the third would find, and what
 * is found lies in order within the text.  What its words promise holds.
 */
#include "policy/sql/statement.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql/mentions.h"
#include "policy/sql/statement_unknown.h"
#include "policy/sql/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_quoted(const char *name)
{
	size_t len = strlen(name);

	assert(len > 2 && name[0] == '"' &&
	       (name[len - 1] == '"' || name[len - 1] == ']'));
}

static void
check_object(const struct target *t)
{
	bool has_part = t->part != NULL;

	switch (t->object) {
	case OBJECT_FUNCTION:
		check_quoted(t->relation);
		assert(!has_part || t->part[0] == '(');
		break;
	case OBJECT_OPERATOR:
		assert(t->relation[0] != '\0' && has_part && t->part[0] == '(');
		break;
	case OBJECT_TRIGGER:
	case OBJECT_RULE:
	case OBJECT_POLICY:
		check_quoted(t->relation);
		assert(has_part);
		break;
	case OBJECT_OWNED:
		if (strcmp(t->relation, "current_user") != 0 &&
		    strcmp(t->relation, "session_user") != 0)
			check_quoted(t->relation);
		assert(!has_part);
		break;
	default:
		check_quoted(t->relation);
		assert(!has_part);
		break;
	}
}

static void
check_target(const struct target *t)
{
	bool has_mode = t->kind == TARGET_LOCK || t->kind == TARGET_TREE ||
			t->kind == TARGET_UNDER || t->kind == TARGET_INDEXED ||
			t->kind == TARGET_NAMED || t->kind == TARGET_ENFORCE ||
			t->kind == TARGET_IDENTITY;

	assert((t->mode != LOCK_NONE) == has_mode);
	assert(t->kind == TARGET_TREE || !t->partitions_only);
	if (t->kind == TARGET_OBJECT) {
		check_object(t);
		return;
	}
	check_quoted(t->relation);
	assert((t->part != NULL) ==
	       (t->kind == TARGET_COLUMN || t->kind == TARGET_CONSTRAINT ||
		t->kind == TARGET_DETACH || t->kind == TARGET_ATTACH ||
		t->kind == TARGET_VALIDATE || t->kind == TARGET_ENFORCE ||
		t->kind == TARGET_RETYPE));
	if (t->kind == TARGET_DETACH || t->kind == TARGET_ATTACH)
		check_quoted(t->part);
}

/* Returns the widest scope within. */
static enum guard_scope
check_statements(const struct statement_list *list, size_t len)
{
	enum guard_scope widest = GUARD_SCOPE_OFF;
	size_t before = 0;
	size_t i, j;

	for (i = 0; i < list->count; i++) {
		const struct statement *s = &list->items[i];

		assert(before <= s->start && s->start < s->end &&
		       s->end <= len);
		before = s->end;
		assert((s->tag != NULL) == (s->scope != GUARD_SCOPE_OFF));
		assert(s->has_plan == (s->target_count > 0));
		assert(!s->has_plan || s->tag != NULL);
		if (s->unparsed != NULL)
			assert(list->has_unparsed &&
			       s->target_count <= UNKNOWN_NAMES_MAX);
		for (j = 0; j < s->target_count; j++)
			check_target(&s->targets[j]);
		if (s->scope > widest)
			widest = s->scope;
	}
	return widest;
}

static void
check_list(const struct statement_list *list, const char *sql, size_t len,
	   enum guard_scope scope)
{
	enum guard_scope widest = check_statements(list, len);

	/* Beside a drop that has a plan a wider scope counts. */
	if (scope == GUARD_SCOPE_OFF)
		assert(widest == GUARD_SCOPE_OFF);
	if (widest != GUARD_SCOPE_OFF)
		assert(statement_is_candidate(sql, len, scope));
	if (words_are_harmless(sql, len))
		assert(list->count <= 1 && widest == GUARD_SCOPE_OFF);
}

/* Each token goes on in the text, and stands within. */
static void
check_tokens(const char *sql, size_t len, bool opens_dollars)
{
	struct tokens t = {
	    .sql = sql, .len = len, .opens_dollars = opens_dollars};
	struct token token;
	size_t before = 0;

	while ((token = tokens_next(&t)).kind != TOKEN_END) {
		assert(t.pos > before && t.pos <= len);
		assert(token.text >= sql &&
		       token.text + token.len <= sql + len);
		assert(token_hash(&token) != 0);
		(void)token_is_opaque(&token);
		before = t.pos;
	}
	assert(t.pos == len);
}

static void
check_words(const char *sql, size_t len)
{
	struct mentions m = mentions_begin(sql, len);
	struct mention mention;
	size_t count = 0;

	check_tokens(sql, len, false);
	check_tokens(sql, len, true);
	while (mentions_next(&m, &mention)) {
		assert(mention.name != 0 || mention.schema == 0);
		count++;
	}
	assert(count <= len);
	assert(!mentions_next(&m, &mention));
	(void)words_write(sql, len);
	(void)words_never_wait(sql, len);
}

static void
check_text(const char *before, const uint8_t *data, size_t size,
	   const char *behind)
{
	size_t head = strlen(before);
	size_t len = head + size + strlen(behind);
	enum guard_scope scope;

	for (scope = GUARD_SCOPE_OFF; scope <= GUARD_SCOPE_DDL; scope++) {
		struct statement_list list;
		char *sql = malloc(len + 1);

		assert(sql != NULL);
		memcpy(sql, before, head);
		if (size > 0)
			memcpy(sql + head, data, size);
		strcpy(sql + head + size, behind);
		check_words(sql, len);
		if (statement_list_parse(&list, sql, len, scope,
					 STATEMENT_PARSE_BYTES_DEFAULT) ==
		    STATEMENT_OK)
			check_list(&list, sql, len, scope);
		statement_list_clear(&list);
		free(sql);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_text("", data, size, "");
	check_text("drop table a;", data, size, "");
	check_text("repack a, ", data, size, "; drop table b");
	check_text("do $fuzz$ begin ", data, size, "; drop view v; end $fuzz$");
	return 0;
}
