/*
 * exchange_probe.c - whether the server knows what the grammar does not.
 *
 * The server may be newer than the grammar, or the text be wrong.  A Parse of
 * the statements in question tells: it runs nothing, and of DDL it looks at
 * nothing but the words.  What the server does not know either goes to it as it
 * is, at once and whole, for it to say so; and what it knows is guarded by what
 * it names, and its text cut like any other.
 *
 * In a cycle of the client's that has begun it is not asked: it has had the
 * client's own Parse.
 */
#include "proxy/guard/exchange_start.h"

#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/guarded.h"

static const struct statement_list *
exchange_probe_list(const struct exchange *x)
{
	return exchange_is_query(x) ? &x->query.list : &x->facts->list;
}

bool
exchange_wants_probe(const struct exchange *x)
{
	return exchange_probe_list(x)->has_unparsed &&
	       !x->pair->pipeline.tail_open &&
	       exchange_status(x) != TRANSACTION_FAILED;
}

void
exchange_probe(struct exchange *x)
{
	const struct statement_list *list = exchange_probe_list(x);

	x->context = exchange_status(x) == TRANSACTION_BLOCK ? CONTEXT_BLOCK
							     : CONTEXT_IDLE;
	x->log.begun_ms = clock_now_ms();
	exchange_begin_batch(x, EXCHANGE_PROBING);
	exchange_add_savepoint(x);
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].unparsed != NULL)
			batch_add_parse(&x->batch, list->items[i].unparsed);
	if (x->has_savepoint)
		batch_end_with(&x->batch, SAVEPOINT_RELEASE);
	(void)batch_send(&x->batch, true);
}

/* Take back what the error has left, and the savepoint. */
static void
exchange_undo_probe(struct exchange *x)
{
	exchange_begin_batch(x, EXCHANGE_UNDOING);
	exchange_end_skipping(x);
	batch_add_command(&x->batch, SAVEPOINT_UNDO);
	batch_add_command(&x->batch, SAVEPOINT_RELEASE);
	x->has_savepoint = false;
	(void)batch_send(&x->batch, true);
}

void
exchange_probed(struct exchange *x)
{
	if (exchange_has_lost(x)) {
		exchange_fail(x);
		return;
	}
	x->is_unsound = batch_has_error(&x->batch);
	if (!x->is_unsound) {
		x->has_savepoint = false;
		exchange_go(x);
	} else if (x->has_savepoint) {
		exchange_undo_probe(x);
	} else {
		exchange_leave_alone(x);
	}
}

bool
exchange_is_unknown(const struct exchange *x)
{
	size_t count;
	const struct statement *s = exchange_statements(x, &count);
	bool is_unknown = false;

	for (size_t i = 0; i < count; i++) {
		if (s[i].tag != NULL && !statement_is_unknown(&s[i]))
			return false;
		is_unknown |= statement_is_unknown(&s[i]);
	}
	return is_unknown;
}
