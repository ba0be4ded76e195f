/*
 * patrol.h - which statements of a worker run for long and may wait unseen
 * (unforeseen.h): they are called to the rescue (rescue.h), again and again.
 *
 * A message costs a copy of the front of its text.  Nothing else happens at the
 * time: a round every PATROL_ROUND_MS looks at the sessions that have sent
 * something since the last one, and reads the texts of those whose statement
 * has not been answered for two rounds.  Without such sessions no timer runs.
 *
 * The guard's own statements are not watched: their locks are bounded.
 */
#ifndef LOCKSTEP_PROXY_RESCUE_PATROL_H
#define LOCKSTEP_PROXY_RESCUE_PATROL_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/frame.h"
#include "proxy/base/queue.h"
#include "proxy/base/ticker.h"
#include "proxy/gate/gate_watch.h"
#include "proxy/pair/pair.h"

enum {
	PATROL_ROUND_MS = 100,
	/* Unanswered at two rounds, and so for 200 to 300 ms by then. */
	PATROL_LONG_MS = 150,
	/* A statement is called every tenth of the time that it has run, at
	 * least so seldom: who has waited for minutes is in no hurry. */
	PATROL_SHARE = 10,
	PATROL_SELDOM_MS = 1000,
	PATROL_TEXT_BYTES = 416, /* that are kept of a text */
};

/* A session under watch. */
struct patrolled {
	LIST_ENTRY(patrolled) link; /* if is_busy */
	struct patrol *patrol;      /* borrowed */
	struct pair *pair;          /* borrowed */
	bool is_busy;      /* messages were sent, and no round has found them
			      answered */
	bool is_read;      /* is_likely is known */
	bool is_likely;    /* the statement may wait unseen */
	bool is_called;    /* the rescue knows */
	bool is_fresh;     /* the text is that of a Parse, not executed yet */
	bool is_cut;       /* the text goes on */
	uint16_t len;      /* bytes of text */
	uint64_t sent_seq; /* the last message that was noted, as sent_seq of
			      struct pipeline counts */
	uint64_t done_seq; /* the pipeline's, at the last round */
	uint64_t since_ms; /* since when done_seq is the same */
	uint64_t next_ms;  /* the next call is due then */
	char text[PATROL_TEXT_BYTES];
};

struct patrol {
	struct daemon *daemon; /* borrowed */
	LIST_HEAD(patrolled_list, patrolled) busy;
	struct ticker ticker; /* without a descriptor the patrol is off */
	bool is_walking;      /* the next round is set */
};

/* Set up that of a worker; both are borrowed for its life.  It is on if the
 * settings have it so, and a descriptor is to be had. */
void patrol_init(struct patrol *p, struct daemon *d, struct event_base *base);

/* Stop the rounds, when no session is left. */
void patrol_clear(struct patrol *p);

/* Watch a session until patrol_dismiss; its pair is borrowed.  NULL: the patrol
 * is off, or memory is out, and it is not watched. */
struct patrolled *patrol_enlist(struct patrol *p, struct pair *pair);

/* Watch it no longer.  Accepts NULL. */
void patrol_dismiss(struct patrolled *s);

/*
 * Note that the client's message which h describes, at the front of in, goes to
 * the server now; the pipeline and the watch have been told of it before.
 */
void patrol_note_sent(struct patrolled *s, const struct gate_watch *watch,
		      const struct frame_header *h, struct span in);

#endif
