/*
 * rescue_pace.h - how often the locks of a database are looked at.
 *
 * A look takes all partitions of the server's lock table, whoever it is for,
 * and the more statements run for long, the more often one is called for.  So
 * a look is paid for, unless it was of use: soon after the first calls there
 * may be many, and five a second if nobody waits.
 */
#ifndef LOCKSTEP_PROXY_RESCUE_RESCUE_PACE_H
#define LOCKSTEP_PROXY_RESCUE_RESCUE_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	RESCUE_PAUSE_MS = 50,      /* between two looks, at least */
	RESCUE_SHUT_PAUSE_MS = 20, /* the same while the gate is shut */
	RESCUE_PRICE_MS = 200,     /* a look's */
	RESCUE_CREDIT_MS = 2000,   /* the most that is owed for looks */
};

/* A zeroed one owes nothing. */
struct rescue_pace {
	uint64_t next_ms; /* the next look may begin then */
	uint64_t paid_ms; /* the looks so far are paid for then */
};

/* A look has been answered.  is_of_use: a window is shut, or is due; is_shut:
 * one is. */
void rescue_pace_looked(struct rescue_pace *p, bool is_of_use, bool is_shut,
			uint64_t now_ms);

#endif
