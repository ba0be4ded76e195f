/*
 * exchange_fence.c - all that was sent before has been answered: where the
 * client's message stands shows how it goes on.
 */
#include "proxy/guard/exchange_start.h"

#include "proxy/guard/exchange_state.h"
#include "proxy/guard/guarded.h"

/*
 * Pass the statement unguarded: in the server's state nothing can protect it.
 */
static void
exchange_pass_on(struct exchange *x)
{
	if (exchange_is_query(x))
		guard_log_unguarded(x->pair, 1);
	exchange_leave_alone(x);
}

void
exchange_leave_alone(struct exchange *x)
{
	if (exchange_is_query(x)) {
		query_leave_whole(&x->query);
		exchange_send_piece(x);
	} else {
		exchange_end(x);
		guarded_release_kept(x->guarded);
	}
}

static void
exchange_fence_query(struct exchange *x)
{
	struct query *q = &x->query;

	if (q->script.unguarded > 0)
		guard_log_unguarded(x->pair, q->script.unguarded);
	exchange_start_piece(x);
}

/* True for an Execute that a transaction of ours would change. */
static bool
exchange_is_for_block(const struct exchange *x)
{
	return x->facts != NULL && x->facts->list.count == 1 &&
	       x->facts->list.items[0].is_for_block;
}

static void
exchange_fence_execute(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (p->tail_open)
		exchange_protect(x, CONTEXT_TAIL);
	else if (p->status == TRANSACTION_BLOCK)
		exchange_protect(x, CONTEXT_BLOCK);
	else if (p->status == TRANSACTION_IDLE && !exchange_is_for_block(x))
		exchange_protect(x, CONTEXT_IDLE);
	else
		exchange_pass_on(x);
}

void
exchange_sync_tail(struct exchange *x)
{
	struct injection i = {.guarded = x->guarded};

	inject_sync(&i);
	(void)inject_send(&i);
}

void
exchange_go(struct exchange *x)
{
	if (exchange_is_query(x))
		exchange_fence_query(x);
	else
		exchange_fence_execute(x);
}

/* True for a text that must not be cut: in a transaction that has failed the
 * server cannot be asked whether all of it is sound. */
static bool
exchange_is_unsure(const struct exchange *x)
{
	return exchange_is_query(x) && x->query.list.has_unparsed &&
	       exchange_status(x) == TRANSACTION_FAILED;
}

void
exchange_leave_fence(struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	if (x->errand != ERRAND_STATEMENT)
		exchange_fence_gate(x);
	else if (exchange_is_query(x) &&
		 !query_cut(&x->query, p->status != TRANSACTION_IDLE))
		pair_close(x->pair, CLOSE_MEMORY, NULL);
	else if (p->skipping && exchange_is_query(x))
		exchange_end(x); /* the server would not look at it */
	else if (p->in_copy || p->skipping ||
		 (exchange_is_query(x) && p->tail_began) ||
		 exchange_is_unsure(x))
		exchange_pass_on(x);
	else if (p->tail_open && !p->tail_began)
		exchange_sync_tail(x);
	else if (exchange_wants_probe(x))
		exchange_probe(x);
	else
		exchange_go(x);
}
