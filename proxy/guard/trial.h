/*
 * trial.h - the answers to a run of the client's statement that may still be
 * undone: the client sees all of them, or none.
 *
 * They are held until the run has come to an end.  Our bound on waits for locks
 * is one that the client does not see; any other error is the statement's own,
 * and ends the trial.  Answers that are too large to be held end it, too: as
 * our bound could still strike, the client sees none of them.
 */
#ifndef LOCKSTEP_PROXY_GUARD_TRIAL_H
#define LOCKSTEP_PROXY_GUARD_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/frame.h"
#include "protocol/span.h"
#include "protocol/writer.h"

enum {
	/* A hundred drops with cascades tell of 1.7 MB at most. */
	TRIAL_HELD_MAX_BYTES = 4 * 1024 * 1024,
};

enum trial_state {
	TRIAL_OPEN,   /* answers are held */
	TRIAL_FAILED, /* by an error of the statement's own: the client gets it,
			 and nothing is undone any more */
	TRIAL_BOUND,  /* the bound has ended the run, and they are dropped */
	TRIAL_LARGE,  /* there is no room for them, and they are dropped */
};

/* A zeroed one is open, and holds nothing. */
struct trial {
	enum trial_state state;
	struct writer held; /* whole messages, in order */
	/* Statements that the run has prepared, of which the client has not
	 * been told: no rollback takes them back. */
	size_t prepared;
};

/*
 * Take an answer: frame, whose body has data NULL if it is too large to be
 * there whole, and raw, the same with its header.  True: it is held or dropped.
 * False: the client is to get it, behind all that is held.
 */
bool trial_take(struct trial *t, struct frame frame, struct span raw);

/* True if the run has been answered, be it in part. */
bool trial_has_begun(const struct trial *t);

/* True if the run is to be undone. */
bool trial_is_void(const struct trial *t);

/* Free what is held: the client has it, and knows what is prepared. */
void trial_drop(struct trial *t);

/* Free what is held, and open anew. */
void trial_clear(struct trial *t);

#endif
