/*
 * Any text, cut into pieces: together they are the text, each plans for
 * statements of its own, in order, and a piece that may be split is still all
 * of itself.
 */
#include "policy/sql/script.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_pieces(const struct script *s, const struct statement_list *list,
	     size_t len)
{
	size_t at = 0;
	size_t planned = 0;
	size_t i;

	assert(s->count > 0 && s->unguarded <= list->count);
	for (i = 0; i < s->count; i++) {
		const struct piece *p = &s->pieces[i];

		assert(p->start == at && p->end >= p->start);
		at = p->end;
		if (p->count == 0)
			continue;
		assert(p->first >= planned);
		planned = p->first + p->count;
		assert(planned <= list->count);
		assert(list->items[p->first].start >= p->start);
	}
	assert(at == len);
}

static void
check_splits(struct script *s, const struct statement_list *list, size_t len)
{
	size_t before;
	size_t i;

	for (i = 0; i < s->count; i++) {
		if (!script_can_split(s, list, i))
			continue;
		before = s->count;
		script_split(s, list, i);
		assert(s->count == before || s->count == before + 1);
		check_pieces(s, list, len);
	}
}

static void
check_script(const struct statement_list *list, size_t len, bool in_block)
{
	struct script s = {0};
	size_t i;

	if (!script_cut(&s, list, len, in_block))
		abort();
	check_pieces(&s, list, len);
	check_splits(&s, list, len);
	for (i = 0; i < list->count; i++)
		(void)script_can_undo(&list->items[i]);
	script_clear(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *sql = malloc(size + 1);
	struct statement_list list = {0};

	if (sql == NULL)
		abort();
	memcpy(sql, data, size);
	sql[size] = '\0';
	if (statement_list_parse(&list, sql, size, GUARD_SCOPE_DDL,
				 STATEMENT_PARSE_BYTES_DEFAULT) ==
	    STATEMENT_OK) {
		check_script(&list, size, false);
		check_script(&list, size, true);
		statement_list_clear(&list);
	}
	free(sql);
	return 0;
}
