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

#include <stdbool.h>
#include <stdint.h>

/* A zeroed one may open at once. */
struct window {
	bool is_shut;      /* the gate is */
	uint64_t begun_ms; /* when it was shut last */
	uint64_t until_ms;
	uint64_t next_ms;  /* it is not shut again before this */
	uint64_t total_ms; /* how long it was, in all that have ended */
	uint32_t count;    /* that have ended */
};

/* The gate is shut now. */
void window_begin(struct window *w, uint64_t now_ms, uint32_t length_ms);

/* It is open again.  random: any number; proxies are not to keep step. */
void window_end(struct window *w, uint64_t now_ms, uint64_t random);

/* For want of allowance: not before delay_ms have gone by. */
void window_put_off(struct window *w, uint64_t now_ms, uint64_t delay_ms);

#endif
