/*
 * window.h - the windows of one guarded statement: how long the gate is shut
 * for it, and when it may be again.
 *
 * Behind each the gate stays open for at least a second and for at least
 * three times as long as it was shut, and every time for twice as long: a
 * statement that does not get through delays others less and less, and never
 * for more than a quarter of the time.
 */
#ifndef LOCKSTEP_POLICY_GUARD_WINDOW_H
#define LOCKSTEP_POLICY_GUARD_WINDOW_H

#include <stdint.h>

/*
 * A zeroed one may begin at once.  Whether one is under way is not kept here:
 * the guard's state says so.
 */
struct window {
	uint64_t begun_ms; /* the last one began then; 0: none has */
	uint64_t until_ms; /* the last one ends then, at the latest */
	uint64_t next_ms;  /* the next one begins then, at the earliest */
	uint64_t total_ms; /* sum of the lengths of those that have ended */
	uint32_t count;    /* number of those that have ended */
};

/* Begin a window: the gate is shut now, for length_ms at most. */
void window_begin(struct window *w, uint64_t now_ms, uint32_t length_ms);

/* End the window: the gate is open again.  Compute the pause behind it; random
 * is any number, so that two proxies do not keep step. */
void window_end(struct window *w, uint64_t now_ms, uint64_t random);

/* Begin no window before delay_ms have gone by, for want of allowance. */
void window_put_off(struct window *w, uint64_t now_ms, uint64_t delay_ms);

#endif
