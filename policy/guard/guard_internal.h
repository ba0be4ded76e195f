/*
 * guard_internal.h - shared by guard*.c, and included by nobody else.
 *
 *   guard.c          what the guard is told, but for what the others take
 *   guard_state.c    the states and their transitions
 *   guard_time.c     the budget and the waits
 *   guard_look.c     looks, outside of windows, and autovacuum workers
 *   guard_window.c   windows, from the turn for one to its end
 *   guard_memory.c   what is remembered, and for how long it counts
 *   guard_press.c    attempts that wait, for traffic that no gate stops
 *   guard_turn.c     the turn, and patience with who has it
 *   guard_attempt.c  attempts
 *   guard_try.c      the statement's own run as a part of one
 *
 * A function that returns a step has entered its state.
 */
#ifndef LOCKSTEP_POLICY_GUARD_GUARD_INTERNAL_H
#define LOCKSTEP_POLICY_GUARD_GUARD_INTERNAL_H

#include "policy/guard/guard.h"

enum {
	GUARD_DELAY_SHARE = 40, /* waits: at most this part of the time gone */
	GUARD_WINDOW_LOOK_MS = 3, /* between two looks while the gate is shut */
};

/* The lesser of the two. */
static inline uint64_t
guard_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The greater of the two. */
static inline uint64_t
guard_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* guard_state.c */

/* Go to `next` and return its step.  Nothing else writes g->state. */
struct guard_step guard_enter(struct guard *g, enum guard_state next);

/* True if the step under way is this action. */
static inline bool
guard_is_doing(const struct guard *g, enum guard_action action)
{
	return guard_state_action(g->state) == action;
}

/* True if the gate is shut for the statement. */
static inline bool
guard_in_window(const struct guard *g)
{
	return guard_state_keeps(g->state) == GUARD_KEEPS_GATE;
}

/* guard.c */

/* True if the set has a member that no attempt can lock. */
bool guard_has_unlockable(const struct guard *g);

/* True if a part of the set can only be watched: no attempt can lock it, and
 * the statement may not take it on trial. */
bool guard_only_watches(const struct guard *g);

/* True if only the gate covers what can only be watched: tables that the role
 * may not LOCK, or others' views.  A sequence is mostly reached through its
 * table, so an attempt and a look will do for it. */
bool guard_needs_gate(const struct guard *g);

/* The number of attempts that policy auto begins with, before it shuts the
 * gate. */
uint32_t guard_quick_attempts(const struct guard *g);

/* True if the statement waits for who holds tables that the transaction's next
 * one may want: with strong locks held it does not, they may wait for it. */
bool guard_minds_near(const struct guard *g);

/* True if the last look found somebody at what can only be watched. */
bool guard_sees_watched(const struct guard *g);

/* Take *set, leave it empty, and sort it by the settings. */
void guard_take_set(struct guard *g, struct lock_set *set);

/* Sort a set that has changed, and note what follows from it. */
void guard_note_set(struct guard *g);

/* guard_time.c */

/* Any number, other than the last one. */
uint64_t guard_random(struct guard *g);

/* Set the deadline and its limit, by settings, facts, and who waits for us. */
void guard_set_deadline(struct guard *g);

/* True if the budget is spent, and a first attempt was made: a lock_timeout
 * shorter than a plan takes does not refuse what nobody is in the way of. */
bool guard_is_overdue(const struct guard *g, uint64_t now_ms);

/* End the statement: the budget is spent. */
struct guard_step guard_spend(struct guard *g, uint64_t now_ms);

/*
 * Enter WAIT or WINDOW_WAIT until wake_ms, or the deadline; past that: spend.
 */
struct guard_step guard_wait_until(struct guard *g, enum guard_state wait,
				   uint64_t wake_ms, uint64_t now_ms);

/* Enter WAIT for half to all of delay_ms, so that proxies do not keep step. */
struct guard_step guard_wait_about(struct guard *g, uint64_t delay_ms,
				   uint64_t now_ms);

/* End a window, and wait for somebody to finish, with nothing queued in the
 * server. */
struct guard_step guard_hold(struct guard *g, uint64_t now_ms);

/* guard_look.c */

/* The time that an autovacuum needs to give way, in ms. */
uint64_t guard_coax_ms(const struct guard *g);

/* guard_window.c */

/* Put the end of a window on the record, if one is under way; the caller then
 * enters a state that does not keep the gate. */
void guard_end_window(struct guard *g, uint64_t now_ms);

/* True if the gate may be shut now, as far as this statement goes. */
bool guard_window_is_due(const struct guard *g, uint64_t now_ms);

/* True in the second half of the window. */
static inline bool
guard_window_is_half_over(const struct guard *g, uint64_t now_ms)
{
	return now_ms + g->window_ms / 2 >= g->window.until_ms;
}

/* Wait for the next look in a window, or hold behind its end. */
struct guard_step guard_wait_in_window(struct guard *g, uint64_t now_ms);

/* guard_looked, where the gate is shut. */
struct guard_step guard_looked_in_window(struct guard *g, uint64_t now_ms);

/* The turn was granted in order to shut the gate. */
struct guard_step guard_turned_to_shut(struct guard *g, uint32_t allowance_ms,
				       uint64_t now_ms);

/* guard_memory.c */

/* Go on with the statement's own set.  False: there was no other. */
bool guard_forget(struct guard *g);

/* Forget, outside of a window, if what is remembered has had its part of the
 * budget. */
void guard_lose_memory(struct guard *g, uint64_t now_ms);

/* guard_turn.c */

/* Enter TURN or SHUT_TURN, impatiently where the turn was waited for enough. */
struct guard_step guard_ask_turn(struct guard *g, enum guard_state turn,
				 uint64_t now_ms);

/* True if the turn is waited for, and no attempt was made: the end of the
 * budget waives it then, and refuses nothing. */
bool guard_turn_starves(const struct guard *g);

/* The server's turn is a rival's: wait for it. */
struct guard_step guard_turn_denied(struct guard *g, uint64_t now_ms);

/* Give up on the turn for the rest of the statement, if it is time to. */
void guard_lose_patience(struct guard *g, uint64_t now_ms);

/* No rival is in the way any more, or none that counts. */
void guard_end_turn_wait(struct guard *g, uint64_t now_ms);

/* guard_press.c */

/* A look in a window: note who came past the gate. */
void guard_note_past(struct guard *g, uint64_t now_ms);

/* True if an attempt is to press now, outside of windows. */
bool guard_press_is_due(const struct guard *g, uint64_t now_ms);

/* True if an attempt is to press now, while the gate is shut. */
bool guard_presses_in_window(const struct guard *g, uint64_t now_ms);

/* The most ms of an attempt that presses, of at most bound_ms. */
uint32_t guard_press_bound_ms(const struct guard *g, uint32_t bound_ms,
			      uint64_t now_ms);

/* True if an attempt that presses is to wait in the queue for all tables. */
bool guard_press_queues(const struct guard *g);

/* An attempt that presses is over, whatever came of it. */
void guard_pressed(struct guard *g, uint64_t now_ms);

/* Give those whom it delayed their time, before the next one. */
void guard_press_pause(struct guard *g, uint64_t now_ms);

/* A window is over: others have their time before the next attempt presses. */
void guard_press_behind_window(struct guard *g, uint64_t now_ms);

/* Wait for the next attempt that presses, or a look before that. */
struct guard_step guard_press_later(struct guard *g, uint64_t now_ms);

/* guard_attempt.c */

/*
 * Enter ATTEMPT or WINDOW_ATTEMPT with the bound as of now.  Where
 * g->is_pressing it waits in the server's queue in any case, if there is time
 * for it.
 */
struct guard_step guard_attempt(struct guard *g, enum guard_state attempt,
				uint64_t now_ms);

/* Something was in use, and nothing is held: wait for the next attempt. */
struct guard_step guard_attempt_later(struct guard *g, uint64_t now_ms);

/* guard_try.c */

/* The most ms that the statement waits for each lock in a TRY; never 0. */
uint32_t guard_try_bound_ms(const struct guard *g);

/* True if the statement is to take the set itself: an attempt cannot take all
 * of it, and the statement can be undone. */
bool guard_wants_try(const struct guard *g);

/* The attempt was granted: enter a RUN, or the TRY that locks. */
struct guard_step guard_go_behind_grant(struct guard *g);

#endif
