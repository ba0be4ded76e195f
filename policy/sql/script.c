#include "policy/sql/script.h"

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

/* True for DDL that the grammar does not know: it is planned for alone, as
 * nothing may be locked ahead of it. */
static bool
is_apart(const struct statement_list *list, size_t index)
{
	return is_guarded(&list->items[index]) &&
	       statement_is_unknown(&list->items[index]);
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

/*
 * The statement behind the last one to plan for together with that at `from`,
 * all before `end`.  is_again: they have been planned for before, and the next
 * guarded one behind a change will be planned again anyway.
 */
static size_t
plan_end(const struct statement_list *list, size_t from, size_t end,
	 bool is_again)
{
	size_t i = from;

	while (i < end && (i == from || !is_apart(list, i))) {
		enum statement_effect effect = list->items[i++].effect;

		if (effect == EFFECT_ANY || (is_again && effect != EFFECT_LESS))
			break;
	}
	return i;
}

/* A walk over the statements of a text. */
struct walk {
	struct script *script;
	const struct statement_list *list;
	enum block block; /* before the statement that the walk is at */
	size_t begun;     /* the first statement behind the last COMMIT */
	size_t cut;       /* the first statement of the last piece */
	size_t changed;   /* behind the last one that can change a plan */
	size_t planned;   /* statements before it have been planned for */
};

static struct piece *
walk_piece(const struct walk *w)
{
	return &w->script->pieces[w->script->count - 1];
}

/* Begin a piece at statement `index`; the first one begins the text too. */
static void
walk_cut(struct walk *w, size_t index)
{
	struct script *out = w->script;
	struct piece *p = &out->pieces[out->count];
	size_t start = out->count == 0 ? 0 : w->list->items[index].start;

	if (out->count > 0)
		p[-1].end = start;
	*p = (struct piece){.start = start};
	out->count++;
	w->cut = index;
}

/*
 * Have the implicit transaction under way run in a block of ours.  False: a
 * block follows in that transaction.
 */
static bool
walk_wrap(struct walk *w)
{
	if (w->begun <= w->cut && walk_piece(w)->needs_block)
		return true;
	if (transaction_end(w->list, w->begun, false) != w->list->count)
		return false;
	if (w->begun > w->cut)
		walk_cut(w, w->begun);
	walk_piece(w)->needs_block = true;
	return true;
}

/* True for a statement that is its transaction. */
static bool
walk_is_alone(const struct walk *w, size_t index)
{
	return w->begun == index && w->list->count - index == 1;
}

/* Prepare for a statement that may be one which no block can have. */
static void
walk_prepare_outside(struct walk *w, size_t index)
{
	if (index > w->cut)
		walk_cut(w, index);
	walk_piece(w)->first = index;
	walk_piece(w)->count = 1;
}

/* Prepare for the guarded statement at `index`. */
static void
walk_prepare(struct walk *w, size_t index)
{
	bool is_explicit = w->block == BLOCK_EXPLICIT;
	bool is_again = index < w->planned;
	size_t end;

	if (!is_explicit && walk_is_alone(w, index)) {
		if (w->list->items[index].is_for_block)
			return; /* a block of ours would change it */
		if (is_apart(w->list, index)) {
			walk_prepare_outside(w, index);
			return;
		}
	}
	if (!is_explicit && !walk_wrap(w)) {
		w->script->unguarded++;
		return;
	}
	if (w->changed > w->cut ||
	    (index > w->cut && is_apart(w->list, index))) {
		walk_cut(w, index);
		walk_piece(w)->needs_block = !is_explicit;
	} else if (is_again) {
		return;
	}
	end = transaction_end(w->list, index, is_explicit);
	end = plan_end(w->list, index, end, is_again);
	walk_piece(w)->first = index;
	walk_piece(w)->count = end - index;
	if (end > w->planned)
		w->planned = end;
}

static void
walk_move(struct walk *w, size_t index)
{
	const struct statement *s = &w->list->items[index];

	if (s->control != STATEMENT_PLAIN || s->effect != EFFECT_LESS)
		w->changed = index + 1;
	w->block = block_after(w->block, s->control);
	if (w->block == BLOCK_NONE)
		w->begun = index + 1;
}

static void
script_walk(struct script *out, const struct statement_list *list,
	    bool in_block)
{
	struct walk w = {
	    .script = out,
	    .list = list,
	    .block = in_block ? BLOCK_EXPLICIT : BLOCK_NONE,
	};
	size_t i;

	walk_cut(&w, 0);
	for (i = 0; i < list->count; i++) {
		if (is_guarded(&list->items[i]))
			walk_prepare(&w, i);
		walk_move(&w, i);
	}
}

/*
 * Leave the text in one piece, as it must not be cut.  If it is of one
 * transaction it is planned for as a whole, unless a snapshot could come too
 * early for what it begins with.
 */
static void
script_leave_whole(struct script *out, const struct statement_list *list,
		   bool in_block)
{
	size_t first = 0;
	bool is_early = true;

	while (first < list->count && !is_guarded(&list->items[first]))
		is_early &= list->items[first++].effect != EFFECT_SETTINGS;
	out->count = 1;
	out->pieces[0] = (struct piece){0};
	if (is_early && transaction_end(list, 0, in_block) == list->count) {
		out->unguarded = 0;
		out->pieces[0].first = first;
		out->pieces[0].count = list->count - first;
		out->pieces[0].needs_block = !in_block;
	} else {
		out->unguarded = count_guarded(list, 0, list->count);
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
	script_walk(out, list, in_block);
	if (out->count > 1 && !list->is_sound)
		script_leave_whole(out, list, in_block);
	out->pieces[out->count - 1].end = len;
	return true;
}

bool
script_can_undo(const struct statement *s)
{
	return s->control == STATEMENT_PLAIN && is_guarded(s) &&
	       !s->draws_numbers &&
	       (s->effect == EFFECT_LESS || s->effect == EFFECT_DEFINITIONS);
}

/* The first statement that begins at this byte of the text or behind it. */
static size_t
statement_from(const struct statement_list *list, size_t pos)
{
	size_t i = 0;

	while (i < list->count && list->items[i].start < pos)
		i++;
	return i;
}

/* The statement behind those at the piece's start that can be undone. */
static size_t
undo_end(const struct statement_list *list, const struct piece *p)
{
	size_t end = statement_from(list, p->end);
	size_t i = statement_from(list, p->start);

	while (i < end && script_can_undo(&list->items[i]))
		i++;
	return i;
}

bool
script_can_split(const struct script *script, const struct statement_list *list,
		 size_t piece)
{
	const struct piece *p = &script->pieces[piece];
	size_t end = statement_from(list, p->end);
	size_t split = undo_end(list, p);

	return split > statement_from(list, p->start) &&
	       count_guarded(list, split, end) == 0 &&
	       (split == end || list->is_sound);
}

void
script_split(struct script *script, const struct statement_list *list,
	     size_t piece)
{
	struct piece *p = &script->pieces[piece];
	size_t split = undo_end(list, p);

	if (split == statement_from(list, p->end))
		return;
	memmove(p + 1, p, (script->count - piece) * sizeof(*p));
	script->count++;
	p[0].end = list->items[split].start;
	p[1].start = p[0].end;
	p[1].first = 0;
	p[1].count = 0;
}

void
script_clear(struct script *script)
{
	free(script->pieces);
	memset(script, 0, sizeof(*script));
}
