/*
 * Any text, read for whether it may be done again: what is found is bounded,
 * names are whole, and nothing is found behind an obstacle's back: reading the
 * same text again finds the same.
 */
#include "policy/sql/statement_repeat.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql/repeat.h"
#include "policy/sql/statement_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_names(const struct repeat_names *names, int is_quoted)
{
	size_t i;

	assert(names->count <= REPEAT_NAMES_MAX);
	for (i = 0; i < names->count; i++)
		assert(names->items[i] != NULL &&
		       (!is_quoted || names->items[i][0] == '"'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *sql = malloc(size + 1);
	struct repeat r = {0};
	struct repeat again = {0};

	memcpy(sql, data, size);
	sql[size] = '\0';
	(void)repeat_hint(sql, size);
	(void)statement_repeat_begins(sql, size);
	statement_repeat_read(&r, sql, size, STATEMENT_PARSE_BYTES_DEFAULT);
	check_names(&r.functions, 0);
	check_names(&r.shown, 1);
	check_names(&r.written, 1);
	statement_repeat_read(&again, sql, size, STATEMENT_PARSE_BYTES_DEFAULT);
	assert(r.obstacle == again.obstacle);
	assert(r.shown.count == again.shown.count);
	repeat_clear(&r);
	repeat_clear(&again);
	free(sql);
	return 0;
}
