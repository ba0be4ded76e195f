#include "proxy/guard/trail.h"

#include <stdlib.h>

#include "protocol/backend.h"

void
trail_begin(struct trail *t, const struct memory_key *key,
	    uint64_t statement_shape, uint64_t now_ms)
{
	if (t->key != NULL)
		return;
	t->key = malloc(sizeof(*t->key));
	if (t->key == NULL)
		return;
	*t->key = *key;
	t->key->shape = shape_add(t->shape, statement_shape);
	t->key->statement = statement_shape;
	t->since_ms = now_ms;
	t->is_lost = false;
	t->has_untold = false;
}

/* COMMIT AND CHAIN leaves no ReadyForQuery that says so; ROLLBACK may be TO a
 * savepoint, and takes back at least a part. */
static void
trail_note_command(struct trail *t, struct memory *m, struct span body)
{
	struct span tag;

	if (!command_complete_decode(&tag, body))
		return;
	if (span_equals(tag, "COMMIT"))
		trail_end(t, m);
	else if (span_equals(tag, "ROLLBACK"))
		t->is_lost = true;
}

void
trail_note_answer(struct trail *t, struct memory *m, const struct frame *f,
		  enum transaction_status status)
{
	if (t->is_on_trial)
		return;
	if (f->type == BACKEND_ERROR_RESPONSE)
		t->is_lost = true;
	else if (f->type == BACKEND_COMMAND_COMPLETE)
		trail_note_command(t, m, f->body);
	else if (f->type == BACKEND_READY_FOR_QUERY &&
		 status == TRANSACTION_IDLE)
		trail_end(t, m);
}

void
trail_end(struct trail *t, struct memory *m)
{
	if (t->key != NULL && !t->is_lost && !t->has_untold)
		memory_settle(m, t->key, t->since_ms);
	trail_clear(t);
}

void
trail_clear(struct trail *t)
{
	free(t->key);
	t->key = NULL;
}
