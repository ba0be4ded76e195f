/*
 * fleet_outbox.h - what is to be told the fleet of this process's own windows.
 *
 * A place for each window that is shut, not a queue of messages: one that has
 * opened before it was told is never told, and one that took the place of
 * another is told once.  So a connection that is slow, or away, hears what
 * counts now.
 */
#ifndef LOCKSTEP_PROXY_FLEET_FLEET_OUTBOX_H
#define LOCKSTEP_PROXY_FLEET_FLEET_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/fleet/fleet_message.h"

struct gate_window;

enum {
	FLEET_OUTBOX_MAX = 64, /* windows; others are not told */
};

/* A session's window of one kind. */
struct fleet_entry {
	struct gate_window *window; /* one use */
	bool is_told;               /* the fleet has it shut */
	bool is_due;                /* something is to be told */
	bool is_open;               /* the end of it is to be told */
};

/* A zeroed one is empty and valid. */
struct fleet_outbox {
	size_t count;
	struct fleet_entry entries[FLEET_OUTBOX_MAX]; /* in their order */
};

/* Note that a window of ours is shut, or open; the use of it is taken. */
void fleet_outbox_shut(struct fleet_outbox *o, struct gate_window *w,
		       uint64_t now_ms);
void fleet_outbox_open(struct fleet_outbox *o, struct gate_window *w);

/*
 * Take the next that is to be told: kind, maker, length and database of *m,
 * whose names are borrowed until the next call.  False: there is nothing.
 */
bool fleet_outbox_next(struct fleet_outbox *o, struct fleet_message *m,
		       uint64_t now_ms);

/* Tell all that are still shut once more: the connection is a new one. */
void fleet_outbox_repeat(struct fleet_outbox *o);

/* Give all uses back; empty afterwards. */
void fleet_outbox_clear(struct fleet_outbox *o);

#endif
