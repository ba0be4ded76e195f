/*
 * exchange_trail.c - what a transaction's guarded statements tell the memory,
 * and what the first of them gets from it.
 *
 * The first one is where locks can be taken in order while none is held yet: so
 * it takes those of the others, too, as far as they are remembered.  What each
 * of the others wants is learned when its plan is there, whatever comes of it:
 * the one that failed is what the next try must know of.
 */
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/guarded.h"

static struct memory *
exchange_memory(const struct exchange *x)
{
	return x->pair->daemon->memory;
}

void
exchange_learn(struct exchange *x)
{
	const struct memory_key *key = x->guarded->trail.key;

	if (key != NULL && x->settings.has_memory)
		memory_learn(exchange_memory(x), key, &x->batch.planned,
			     clock_now_ms());
}

static uint64_t
exchange_shape(const struct exchange *x)
{
	if (exchange_is_query(x))
		return shape_of_text(x->query.text, x->query.text_len);
	return x->facts->shape;
}

static void
exchange_begin_trail(struct exchange *x)
{
	struct memory_key key = {.is_utf8 = x->pair->is_utf8};

	memcpy(key.database, x->pair->database, sizeof(key.database));
	memcpy(key.user, x->pair->user, sizeof(key.user));
	memcpy(key.application_name, x->application_name,
	       sizeof(key.application_name));
	trail_begin(&x->guarded->trail, &key, exchange_shape(x),
		    clock_now_ms());
}

/* True if the transaction ends with the statement. */
static bool
exchange_is_alone(const struct exchange *x)
{
	return x->context == CONTEXT_IDLE && exchange_is_query(x) &&
	       !query_has_more(&x->query);
}

/*
 * True if the statement is the first of its transaction to take locks, and has
 * not tried to.  That can come to pass twice: behind a ROLLBACK TO.
 */
static bool
exchange_is_first(const struct exchange *x)
{
	struct guard_account a = guard_account(&x->guard, clock_now_ms());
	const struct trail *t = &x->guarded->trail;

	return a.attempts == 0 &&
	       (t->key == NULL || (t->is_lost && !a.facts->holds_strong_locks));
}

bool
exchange_recall(struct exchange *x, const struct guard_step *step)
{
	struct statement_list wanted;

	if (!x->settings.has_memory || step->outcome != GUARD_PENDING ||
	    exchange_is_alone(x) || !exchange_is_first(x))
		return false;
	exchange_begin_trail(x);
	if (x->guarded->trail.key == NULL ||
	    !memory_recall(exchange_memory(x), x->guarded->trail.key,
			   clock_now_ms(), &wanted))
		return false;
	exchange_begin_question(x, EXCHANGE_RECALLING);
	batch_add_plan(&x->batch, wanted.items, wanted.count, true);
	statement_list_clear(&wanted);
	(void)batch_send(&x->batch, exchange_may_sync(x));
	return true;
}

bool
exchange_begin_first_trail(struct exchange *x)
{
	struct trail *t = &x->guarded->trail;
	struct statement_list wanted;

	x->begins_trail = false;
	if (!x->settings.has_memory || exchange_is_alone(x))
		return true;
	if (t->key != NULL)
		return !t->is_lost;
	exchange_begin_trail(x);
	if (t->key == NULL)
		return true;
	x->begins_trail =
	    !memory_recall(exchange_memory(x), t->key, clock_now_ms(), &wanted);
	if (!x->begins_trail) {
		statement_list_clear(&wanted);
		trail_clear(t);
	}
	return x->begins_trail;
}

void
exchange_forget_first_trail(struct exchange *x)
{
	if (x->begins_trail)
		trail_clear(&x->guarded->trail);
	x->begins_trail = false;
}

void
exchange_recalled(struct exchange *x)
{
	struct guard_step step;

	if (exchange_is_cut_short(x))
		return;
	step = guard_remember(&x->guard, &x->batch.planned);
	if (guard_log_remembered(&x->log, x->pair, &x->guard, clock_now_ms()))
		exchange_act(x, step);
}

void
exchange_trim_trail(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (!pipeline_is_settled(p) || p->status != TRANSACTION_IDLE)
		return;
	trail_end(&x->guarded->trail, exchange_memory(x));
	trail_note_idle(&x->guarded->trail);
}
