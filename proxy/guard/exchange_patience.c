/*
 * exchange_patience.c - deadlines for our questions; waits, with notices for
 * the client, and a word now and then to a server whose idle clock runs
 * meanwhile.
 *
 * A server that does not answer may be slow, its catalogs locked for a while,
 * or gone without a word; from here the two look alike.  So what others wait
 * for is given back soon, and the session itself gets the time that the
 * statement has.
 */
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_story.h"
#include "proxy/guard/guarded.h"

enum {
	LATE_MS = 10000, /* beyond what a question may wait for in the server */
	SILENT_MS = 10000, /* beyond that, at least, until the server is lost */
	NEXT_NOTICE_MS = 10000,
};

static uint64_t
ms_until(uint64_t then_ms)
{
	uint64_t now_ms = clock_now_ms();

	return then_ms > now_ms ? then_ms - now_ms : 0;
}

void
exchange_expect_answers(struct exchange *x)
{
	struct guard_step step = guard_step(&x->guard);

	x->asked_ms = clock_now_ms();
	x->is_late = false;
	pair_set_timer(x->pair, (uint64_t)LATE_MS + step.attempt_bound_ms +
				    step.coax_bound_ms);
}

/* The end of the time that the statement has. */
static uint64_t
exchange_deadline_ms(const struct exchange *x)
{
	struct guard_account a = guard_account(&x->guard, clock_now_ms());

	if (a.deadline_ms > 0)
		return a.deadline_ms;
	return x->log.begun_ms + pair_config(x->pair)->guard.hold_timeout_ms;
}

static void
exchange_log_late(const struct exchange *x)
{
	struct log_event e;

	log_begin(&e, LOG_WARNING, "the server does not answer");
	log_number(&e, "session", x->pair->id);
	log_number(&e, "pid", x->pair->server_pid);
	exchange_describe(x, &e);
	log_end(&e);
}

void
exchange_late(struct exchange *x)
{
	uint64_t rest_ms = ms_until(exchange_deadline_ms(x));

	if (!x->is_late)
		exchange_log_late(x);
	if (x->is_late || x->pair->from_client.is_eof) {
		pair_close(x->pair, CLOSE_SERVER_SILENT, NULL);
		return;
	}
	x->is_late = true;
	lease_open(&x->guarded->lease);
	lease_give_turn(&x->guarded->lease);
	pair_set_timer(x->pair, rest_ms > SILENT_MS ? rest_ms : SILENT_MS);
}

/* Waits, in which nothing is under way in the server */

/* When the server should be asked something again, so that its idle timeouts do
 * not end a session that waits here. */
static uint64_t
exchange_stir_ms(const struct exchange *x)
{
	uint32_t idle_ms = guard_facts(&x->guard)->idle_timeout_ms;

	return idle_ms > 0 ? x->asked_ms + idle_ms / 2 : UINT64_MAX;
}

static void
exchange_set_alarm(struct exchange *x)
{
	uint64_t now_ms = clock_now_ms();
	uint64_t until_ms = guard_step(&x->guard).wake_ms;

	if (x->notice_ms < until_ms)
		until_ms = x->notice_ms;
	if (exchange_stir_ms(x) < until_ms)
		until_ms = exchange_stir_ms(x);
	pair_set_timer(x->pair, until_ms > now_ms ? until_ms - now_ms : 0);
}

void
exchange_wait(struct exchange *x)
{
	exchange_enter(x, EXCHANGE_WAITING);
	exchange_watch(x);
	exchange_set_alarm(x);
}

/* True if the wait is over: it was long enough, or there is news. */
static bool
exchange_is_awake(const struct exchange *x, uint64_t now_ms)
{
	return now_ms >= guard_step(&x->guard).wake_ms || exchange_has_news(x);
}

static void
exchange_resume_waiting(struct exchange *x)
{
	uint64_t now_ms = clock_now_ms();
	uint64_t patience_ms = exchange_patience_ms(x, now_ms);

	if (x->is_canceled || x->is_released)
		exchange_act(x, guard_step(&x->guard));
	else if (x->phase != EXCHANGE_WAITING)
		exchange_wait(x); /* the guard does, and was not told */
	else if (!exchange_is_awake(x, now_ms))
		exchange_set_alarm(x);
	else if (patience_ms > 0)
		pair_set_timer(x->pair, patience_ms);
	else
		exchange_act(x, guard_woken(&x->guard, now_ms));
}

/* True if it is held, and nothing has been decided yet. */
static bool
exchange_is_open(const struct exchange *x)
{
	return x->is_counted_held && x->errand == ERRAND_STATEMENT &&
	       guard_step(&x->guard).action != GUARD_REFUSE;
}

bool
exchange_abort(struct exchange *x)
{
	if (!exchange_is_open(x))
		return false;
	exchange_guard_cancel(x);
	return true;
}

bool
exchange_release(struct exchange *x)
{
	if (!exchange_is_open(x))
		return false;
	x->is_released = true;
	if (x->phase == EXCHANGE_WAITING)
		exchange_act(x, guard_step(&x->guard));
	return true;
}

/* Tell the log and the client who is in the way, and wait on. */
static void
exchange_tell_of_wait(struct exchange *x)
{
	uint64_t now_ms = clock_now_ms();

	guard_log_held(&x->log, x->pair, &x->guard, now_ms);
	if (guard_log_notify(&x->log, x->pair, &x->guard, now_ms))
		exchange_resume_waiting(x);
}

void
exchange_notify(struct exchange *x)
{
	x->is_noticing = false;
	guard_noticed(&x->guard, &x->batch.holders);
	exchange_history_looked(x, &x->batch.holders, false);
	if (x->is_stirring)
		exchange_resume_waiting(x);
	else
		exchange_tell_of_wait(x);
}

void
exchange_guard_timer(struct exchange *x)
{
	uint64_t now_ms = clock_now_ms();

	x->is_stirring = now_ms < x->notice_ms;
	if (x->is_stirring &&
	    (now_ms < exchange_stir_ms(x) || exchange_is_awake(x, now_ms))) {
		exchange_resume_waiting(x);
		return;
	}
	if (!x->is_stirring)
		x->notice_ms = now_ms + NEXT_NOTICE_MS;
	if (!x->is_stirring && exchange_knows_holders(x, now_ms)) {
		exchange_tell_of_wait(x);
		return;
	}
	x->is_noticing = true;
	exchange_send_look(x);
}
