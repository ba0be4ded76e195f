/*
 * lookout.h - the held statements of a worker, which share their looks: who
 * asks the server who is in the way asks for all that would ask it the same,
 * and each of them takes its part of the answer.
 *
 * Only those may watch whom nobody can wait for: their sessions are in no
 * transaction, and keep no lock outside of one.  What remains of a look is who
 * holds a table, and that is the same for all who ask the same server about the
 * same database with the same rights.
 *
 * A statement that asks may fall silent, or be gone: the others wait for it for
 * a moment, and then the next one asks.  All this may err: it decides when a
 * statement tries its luck, and the locks themselves whether it has any.
 */
#ifndef LOCKSTEP_PROXY_GATE_LOOKOUT_H
#define LOCKSTEP_PROXY_GATE_LOOKOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/holders.h"
#include "proxy/base/queue.h"

struct pair;

enum {
	LOOKOUT_PATIENCE_MS = 500, /* with who asks */
	LOOKOUT_RELIDS_MAX = 4096, /* in one question, or one set alone */
};

enum lookout_state {
	LOOKOUT_AWAY,
	LOOKOUT_WATCHES,
	LOOKOUT_ASKS, /* for others, too */
};

/* A held statement.  It is embedded where its owner lives. */
struct lookout_watch {
	TAILQ_ENTRY(lookout_watch) link; /* while it watches */
	struct lookout *lookout;         /* the worker's; borrowed */
	const struct pair *pair;         /* borrowed */
	void (*go)(void *owner);         /* there is news; touches no watch */
	void *owner;
	enum lookout_state state;
	const struct lock_set *set;     /* borrowed while it watches */
	const struct holders *known;    /* likewise: who was in the way */
	const struct lookout_watch *by; /* is asking for it; NULL: nobody */
	uint64_t asked_ms;
	bool is_roused;      /* somebody who was in the way is done */
	size_t shared_by;    /* so many have got this answer; 0: none came */
	struct holders seen; /* the answer */
};

struct lookout {
	TAILQ_HEAD(lookout_watches, lookout_watch) watches;
};

/* Prepare one that nobody watches from. */
void lookout_init(struct lookout *l);

/*
 * Prepare a zeroed watch.  go(owner) is called when the answer of another one
 * is there, when that one gives up, and when somebody who was in the way is
 * done.
 */
void lookout_watch_init(struct lookout_watch *w, struct lookout *l,
			const struct pair *pair, void (*go)(void *owner),
			void *owner);

/*
 * Watch, until lookout_leave: others may ask for it.  set is what it waits for
 * and known who was in its way, borrowed meanwhile.
 */
void lookout_join(struct lookout_watch *w, const struct lock_set *set,
		  const struct holders *known);

/* Watch no longer, or give up asking; forget an answer that was not taken. */
void lookout_leave(struct lookout_watch *w);

/*
 * Begin to ask, for a set, instead of watching.  Returns the relations of all
 * for whom it asks, for $1 of holders_query; the caller's to free.  NULL: out
 * of memory, and it asks for nobody.
 */
char *lookout_ask(struct lookout_watch *w, const struct lock_set *set,
		  uint64_t now_ms);

/* A row of the answer, for those for whom w asks. */
void lookout_add_row(struct lookout_watch *w,
		     const struct row_value values[HOLDERS_COLUMNS]);

/* The answer is complete.  Returns how many have it, who asked included: 1
 * where w asked for nobody else, or did not ask. */
size_t lookout_answer(struct lookout_watch *w);

/* True if it has an answer that is not taken: it is in w->seen. */
bool lookout_has_answer(const struct lookout_watch *w);

/* The ms for which to wait for who asks for it; 0: it may ask itself. */
uint64_t lookout_patience_ms(const struct lookout_watch *w, uint64_t now_ms);

/* The transaction of this session is over: rouse those in whose way it was. */
void lookout_rouse(struct lookout *l, const struct pair *done);

#endif
