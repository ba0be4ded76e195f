/*
 * replay.h - a recorded transaction done again: may it be, which locks does all
 * of it want, and are the answers those that the client has seen.
 *
 * All that is sent again belongs to the proxy in the pipeline, so no answer to
 * it reaches the client.
 */
#ifndef LOCKSTEP_PROXY_GUARD_REPLAY_H
#define LOCKSTEP_PROXY_GUARD_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/guard/settings.h"
#include "policy/sql/statement.h"
#include "protocol/frame.h"
#include "protocol/writer.h"

struct guarded;

enum {
	REPLAYS_MAX = 3, /* for one statement */
};

/* A zeroed one is idle. */
struct replay {
	uint32_t count;    /* begun for this statement */
	bool is_under_way; /* from the rollback to the last answer */
	bool is_past_head; /* BEGIN is behind it: the locks of all come next */
	/* Why there is none, or none more; empty: there may be one. */
	char why[64];
	uint64_t begun_ms; /* the statement, before the first of them */
	uint64_t since_ms; /* the rollback */
	struct statement_list list; /* owned: of all texts recorded */
	/* The list's, and the statement in the way, shallow; an owned array,
	 * NULL where no set of all is wanted. */
	struct statement *all;
	size_t all_count;
	size_t sent;  /* bytes of the recorded frames that were sent again */
	size_t cycle; /* the one under way, or the next */
	uint64_t hash;
	struct writer error; /* the first that was answered, raw */
};

/* Judge by the recording as it is, and by each of its texts once, whichever
 * statement asks; r->why says why not.  most: what may be repeated. */
void replay_judge(struct replay *r, struct guarded *g, enum guard_replay most);

/* Note why there is no replay, a copy; the first one stays. */
void replay_decline(struct replay *r, const char *why);

/* Begin, with all gathered: from here on the cycles are sent again, from the
 * first one. */
void replay_begin(struct replay *r, uint64_t now_ms);

/* True if what comes next must come before any query: BEGIN, or a SET. */
bool replay_is_at_head(const struct replay *r, const struct guarded *g);

/* True if all has been sent again, and answered. */
bool replay_is_over(const struct replay *r, const struct guarded *g);

/*
 * Gather the statements of the recording, with `count` others behind them,
 * which stay borrowed until replay_end; *r is idle.  False: out of memory, or
 * there is too much of it.
 */
bool replay_gather(struct replay *r, const struct guarded *g,
		   const struct statement *others, size_t count);

/* Send the next cycle, or the BEGIN at the front of one that goes on. */
void replay_send(struct replay *r, struct guarded *g);

/* Take an answer to that.  False: it is the client's. */
bool replay_answer(struct replay *r, const struct frame *f, struct span raw);

/* All that was sent has been answered.  False: otherwise than before. */
bool replay_check(struct replay *r, const struct guarded *g);

/* End it: forget the statements and answers; the counts stay. */
void replay_end(struct replay *r);

/* Free all that is owned; accepts a zeroed one, and leaves one. */
void replay_clear(struct replay *r);

#endif
