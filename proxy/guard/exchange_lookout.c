/*
 * exchange_lookout.c - looks: on the statement's own account, or shared with
 * the others of the worker that are held.
 *
 * A statement shares them while it stands in no transaction, once it has asked
 * whether its session keeps locks without one, which others could wait for; it
 * does not ask where nobody is there to share with.
 * Windows are short, and have looks of their own.
 */
#include "proxy/base/clock.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"
#include "proxy/guard/guarded.h"

enum {
	NEWS_MS = 1000, /* holders as old as this still do for a notice */
};

/* Another one has asked, has given up, or is done: see in an event of our own.
 */
static void
exchange_look_up(void *owner)
{
	struct exchange *x = owner;

	pair_set_timer(x->pair, 0);
}

void
exchange_init_lookout(struct exchange *x)
{
	lookout_watch_init(&x->watch, x->guarded->lookout, x->pair,
			   exchange_look_up, x);
}

static bool
exchange_may_share(const struct exchange *x)
{
	return x->context == CONTEXT_IDLE && x->keeps_nothing &&
	       !guard_counts_near(&x->guard);
}

void
exchange_watch(struct exchange *x)
{
	struct guard_account a = guard_account(&x->guard, clock_now_ms());

	if (exchange_may_share(x) && guard_awaits_look(&x->guard))
		lookout_join(&x->watch, a.set, a.holders);
}

uint64_t
exchange_patience_ms(const struct exchange *x, uint64_t now_ms)
{
	struct guard_account a = guard_account(&x->guard, now_ms);
	uint64_t patience_ms = lookout_patience_ms(&x->watch, now_ms);

	if (now_ms >= a.deadline_ms)
		return 0;
	if (patience_ms > a.deadline_ms - now_ms)
		return a.deadline_ms - now_ms;
	return patience_ms;
}

bool
exchange_has_news(const struct exchange *x)
{
	return lookout_has_answer(&x->watch) || x->watch.is_roused;
}

bool
exchange_knows_holders(const struct exchange *x, uint64_t now_ms)
{
	return x->looked_ms > 0 && now_ms - x->looked_ms < NEWS_MS;
}

static uint32_t
exchange_others(const struct exchange *x)
{
	return atomic_load(&x->pair->daemon->exchanges) - 1;
}

/* shared_by: so many statements have got this answer. */
static void
exchange_tell_looked(struct exchange *x, const struct holders *holders,
		     size_t shared_by)
{
	uint64_t now_ms = clock_now_ms();

	bool in_window = guard_step(&x->guard).state == GUARD_AT_WINDOW_LOOK;
	struct guard_step step =
	    guard_looked(&x->guard, holders,
			 exchange_others(x) / (uint32_t)shared_by, now_ms);

	x->looked_ms = now_ms;
	exchange_history_looked(x, holders, in_window);
	exchange_act(x, step);
}

/* The server keeps its view of the sessions to the transaction's end, unless it
 * is told to forget it. */
void
exchange_send_look(struct exchange *x)
{
	bool is_shared = !x->is_noticing && exchange_may_share(x) &&
			 guard_step(&x->guard).state == GUARD_AT_LOOK;

	exchange_begin_question(x, EXCHANGE_LOOKING);
	if (x->context != CONTEXT_IDLE)
		batch_add_command(&x->batch, holders_renew_sql());
	else if (!x->keeps_nothing && exchange_others(x) > 0)
		batch_add_keeps(&x->batch);
	batch_add_look(&x->batch, is_shared ? &x->watch : NULL);
	(void)batch_send(&x->batch, exchange_may_sync(x));
}

void
exchange_look(struct exchange *x)
{
	if (guard_step(&x->guard).state == GUARD_AT_LOOK &&
	    lookout_has_answer(&x->watch))
		exchange_tell_looked(x, &x->watch.seen, x->watch.shared_by);
	else
		exchange_send_look(x);
}

void
exchange_looked(struct exchange *x)
{
	const struct holders *holders = &x->batch.holders;

	if (exchange_is_cut_short(x))
		return;
	x->keeps_nothing |= x->batch.keeps_nothing;
	if (x->is_noticing)
		exchange_notify(x);
	else
		exchange_tell_looked(x, holders, lookout_answer(&x->watch));
}

void
exchange_rouse_others(struct exchange *x)
{
	struct guarded *g = x->guarded;

	if (!guard_outcome_locks(guard_step(&x->guard).outcome))
		return;
	if (x->pair->pipeline.status == TRANSACTION_IDLE &&
	    pipeline_is_settled(&x->pair->pipeline))
		lookout_rouse(g->lookout, x->pair);
	else
		g->rouses = true;
}
