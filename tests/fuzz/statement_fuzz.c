/*
 * Any text through the three sieves.  The first may never stop what the third
 * would find, and what is found lies in order within the text.
 */
#include "policy/statement.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_target(const struct target *t)
{
	size_t len = strlen(t->relation);

	assert(len > 2 && t->relation[0] == '"' && t->relation[len - 1] == '"');
	assert((t->part != NULL) ==
	       (t->kind == TARGET_COLUMN || t->kind == TARGET_CONSTRAINT ||
		t->kind == TARGET_DETACH));
	assert((t->mode != LOCK_NONE) == (t->kind == TARGET_LOCK));
}

static void
check_list(const struct statement_list *list, const char *sql, size_t len,
	   enum guard_scope scope)
{
	size_t before = 0;
	size_t i, j;

	for (i = 0; i < list->count; i++) {
		const struct statement *s = &list->items[i];

		assert(before <= s->start && s->start < s->end &&
		       s->end <= len);
		before = s->end;
		assert((s->tag != NULL) == (s->scope != GUARD_SCOPE_OFF));
		assert(s->scope <= scope);
		assert(s->has_plan == (s->target_count > 0));
		for (j = 0; j < s->target_count; j++)
			check_target(&s->targets[j]);
		if (s->tag != NULL)
			assert(statement_is_candidate(sql, len, scope));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum guard_scope scope;

	for (scope = GUARD_SCOPE_OFF; scope <= GUARD_SCOPE_DDL; scope++) {
		struct statement_list list;
		char *sql = malloc(size + 1);

		assert(sql != NULL);
		if (size > 0)
			memcpy(sql, data, size);
		sql[size] = '\0';
		if (statement_list_parse(&list, sql, size, scope,
					 STATEMENT_PARSE_BYTES_DEFAULT) ==
		    STATEMENT_OK)
			check_list(&list, sql, size, scope);
		statement_list_clear(&list);
		free(sql);
	}
	return 0;
}
