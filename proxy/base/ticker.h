/*
 * ticker.h - something that a loop does now and then.
 *
 * A ticker goes by a descriptor (timerfd_create(2)): while a timer of the
 * loop's runs, the loop asks for the time whenever anything at all happens,
 * which an ordinary message would pay for.
 */
#ifndef LOCKSTEP_PROXY_BASE_TICKER_H
#define LOCKSTEP_PROXY_BASE_TICKER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

struct ticker {
	struct event event;
	int fd; /* owned; -1: there is none, and it never ticks */
	void (*tick)(void *arg);
	void *arg;
};

/* Prepare one that stands; base and arg are borrowed until ticker_close. False:
 * no descriptor is to be had, errno says why, and it never ticks. */
bool ticker_open(struct ticker *t, struct event_base *base,
		 void (*tick)(void *arg), void *arg);

/* Tick once in so many ms, or each time that they are over; ms is not 0. */
bool ticker_once(struct ticker *t, uint32_t ms);
bool ticker_every(struct ticker *t, uint32_t ms);

/* Stop it, and give the descriptor back. */
void ticker_close(struct ticker *t);

#endif
