#include "policy/sql/script.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum block {
	BLOCK_NONE,     /* nothing is open */
	BLOCK_IMPLICIT, /* statements have run that end with the message */
	BLOCK_EXPLICIT, /* BEGIN has */
};

static bool
is_guarded(const struct statement *s)
{
	return s->scope != GUARD_SCOPE_OFF && s->has_plan;
}

static enum block
block_after(enum block block, enum statement_control control)
{
	switch (control) {
	case STATEMENT_BEGIN:
		return BLOCK_EXPLICIT;
	case STATEMENT_END:
		return BLOCK_NONE;
	case STATEMENT_END_CHAIN:
		return block == BLOCK_EXPLICIT ? BLOCK_EXPLICIT : BLOCK_NONE;
	case STATEMENT_PLAIN:
	case STATEMENT_SAVEPOINT:
		break;
	}
	return block == BLOCK_NONE ? BLOCK_IMPLICIT : block;
}

/* The statement behind the last one that shares a transaction with `from`. */
static size_t
transaction_end(const struct statement_list *list, size_t from, bool in_block)
{
	size_t i;

	for (i = from; i < list->count; i++) {
		enum statement_control c = list->items[i].control;

		if (c == STATEMENT_END || c == STATEMENT_END_CHAIN)
			break;
		if (!in_block && c != STATEMENT_PLAIN)
			break;
	}
	return i;
}

static size_t
count_guarded(const struct statement_list *list, size_t from, size_t to)
{
	size_t n = 0;

	for (; from < to; from++)
		n += is_guarded(&list->items[from]);
	return n;
}

/* Begin a piece at statement `index`; the first one begins the text too. */
static struct piece *
script_add_piece(struct script *out, const struct statement_list *list,
		 size_t index)
{
	struct piece *p = &out->pieces[out->count];
	size_t start = out->count == 0 ? 0 : list->items[index].start;

	if (out->count > 0)
		p[-1].end = start;
	*p = (struct piece){.start = start};
	out->count++;
	return p;
}

static struct piece *
script_last_piece(struct script *out)
{
	return &out->pieces[out->count - 1];
}

/*
 * The guarded statement at `index` stands in a block.  Where no statement of
 * its transaction is in the text before the piece begins, no cut is needed.
 */
static void
prepare_in_block(struct script *out, const struct statement_list *list,
		 size_t index, size_t opened)
{
	struct piece *p = script_last_piece(out);
	size_t end = transaction_end(list, index, true);

	if (opened != SIZE_MAX)
		p = script_add_piece(out, list, index);
	p->first = index;
	p->count = end - index;
}

/*
 * The guarded statement at `index` stands in an implicit transaction, whose
 * first statement is `begun`.  False: a block follows in that transaction.
 */
static bool
prepare_implicit(struct script *out, const struct statement_list *list,
		 size_t index, size_t begun)
{
	struct piece *p = script_last_piece(out);

	if (transaction_end(list, begun, false) != list->count)
		return false;
	if (begun > 0)
		p = script_add_piece(out, list, begun);
	p->first = index;
	p->count = list->count - index;
	p->needs_block = true;
	return true;
}

/* True for a statement, alone, that a block of ours would change. */
static bool
stays_outside(const struct statement_list *list, size_t begun)
{
	return list->count - begun == 1 && list->items[begun].is_for_block;
}

static void
script_walk(struct script *out, const struct statement_list *list,
	    bool in_block)
{
	enum block block = in_block ? BLOCK_EXPLICIT : BLOCK_NONE;
	size_t opened = SIZE_MAX; /* the BEGIN in the text, if there was one */
	size_t begun = 0;         /* first statement behind the last COMMIT */
	size_t planned = 0;       /* statements before it are prepared for */
	size_t i;

	for (i = 0; i < list->count; i++) {
		enum statement_control control = list->items[i].control;

		if (block == BLOCK_NONE)
			begun = i;
		if (is_guarded(&list->items[i]) && i >= planned) {
			if (block == BLOCK_EXPLICIT)
				prepare_in_block(out, list, i, opened);
			else if (stays_outside(list, begun))
				break;
			else if (!prepare_implicit(out, list, i, begun))
				out->unguarded++;
			planned = script_last_piece(out)->first +
				  script_last_piece(out)->count;
		}
		if (control == STATEMENT_BEGIN ||
		    (control == STATEMENT_END_CHAIN && block == BLOCK_EXPLICIT))
			opened = i;
		block = block_after(block, control);
	}
}

bool
script_cut(struct script *out, const struct statement_list *list, size_t len,
	   bool in_block)
{
	memset(out, 0, sizeof(*out));
	out->pieces = calloc(list->count + 1, sizeof(*out->pieces));
	if (out->pieces == NULL)
		return false;
	script_add_piece(out, list, 0);
	script_walk(out, list, in_block);
	if (out->count > 1 && !list->is_sound) {
		out->count = 1;
		out->unguarded = count_guarded(list, 0, list->count);
		out->pieces[0] = (struct piece){0};
	}
	script_last_piece(out)->end = len;
	return true;
}

void
script_clear(struct script *script)
{
	free(script->pieces);
	memset(script, 0, sizeof(*script));
}
