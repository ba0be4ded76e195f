/*
 * prepared.h - which prepared statements and portals of a session are guarded
 * DDL: a prepared statement may run much later than it was parsed.
 *
 * Ordinary statements are not remembered; an ordinary session pays two NULL
 * pointers.  A message that makes, replaces or closes one is a change, and the
 * server may yet refuse or skip it: it is pending until its answer comes, and
 * what was there before stays beside it.  Whoever asks is told of the latest
 * change, as if all that is pending were obeyed: where one is not, the server
 * skips what follows in its cycle.  A Parse of a name that is taken will be
 * refused, and counts only once it has been obeyed.  A change is known by the
 * number of its message (pipeline.sent_seq); one whose message is kept back has
 * a place there instead, and is pending anew with each time that it is sent.
 *
 * An entry may outlive the server's (DEALLOCATE of one name, the end of a
 * transaction); executing it then fails in the server as it would anyway.  And
 * a message that is judged ahead of the answers to an earlier cycle, which then
 * fails, is taken for what it would have been without that.
 */
#ifndef LOCKSTEP_PROXY_GUARD_PREPARED_H
#define LOCKSTEP_PROXY_GUARD_PREPARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"
#include "proxy/guard/prepared_facts.h"

enum {
	PREPARED_MAX = 1000, /* entries of each kind; more are not guarded */
};

struct prepared_entry;

enum prepared_kind {
	PREPARED_STATEMENT,
	PREPARED_PORTAL,
};

/* The effect of a Parse, a Bind or a Close that is obeyed. */
struct prepared_change {
	enum prepared_kind kind;
	bool is_parse;
	struct span name;             /* borrowed */
	struct prepared_facts *facts; /* one use; NULL: nothing guarded has the
					 name any longer */
};

struct prepared {
	struct prepared_entry *statements; /* owned */
	struct prepared_entry *portals;    /* owned */
	struct prepared_room room;         /* counts what both keep */
	uint32_t pending;                  /* entries that wait for an answer */
	uint32_t kept;                     /* entries whose message is kept */
	bool is_uncertain; /* a name that stands here may be free again */
};

/* True if the change is one: it guards something, or what is known ends. */
bool prepared_changes(const struct prepared *p,
		      const struct prepared_change *change);

/*
 * Note a change whose message was sent, as number `seq`; its facts are taken.
 * False: out of memory, or at PREPARED_MAX, and what has the name is not
 * guarded.
 */
bool prepared_note(struct prepared *p, const struct prepared_change *change,
		   uint64_t seq);

/* The same of one that is kept back, behind `place` others. */
bool prepared_keep(struct prepared *p, const struct prepared_change *change,
		   uint32_t place);

/*
 * All `count` messages that are kept back were sent, and may be again: the last
 * of them as number `last`, and those that would have `first` or less not, as
 * the server ignores them.
 */
void prepared_send_kept(struct prepared *p, uint32_t count, uint64_t first,
			uint64_t last);

/* Forget the changes that are kept back: they are not sent again. */
void prepared_forget_kept(struct prepared *p);

/* The server has obeyed message number `seq`. */
void prepared_obeyed(struct prepared *p, uint64_t seq);

/* An error or the end of a cycle came: what is pending up to number `seq` was
 * not obeyed. */
void prepared_failed(struct prepared *p, uint64_t seq);

/* DEALLOCATE ALL or DISCARD ALL was done: forget all statements but those that
 * are pending. */
void prepared_clear_statements(struct prepared *p);

/* DEALLOCATE was done, of a name that the answer does not tell: any name may be
 * free again. */
void prepared_doubt(struct prepared *p);

/*
 * The facts of a statement, or a portal, borrowed until it changes.  NULL: it
 * is not guarded.
 */
struct prepared_facts *prepared_statement(const struct prepared *p,
					  struct span statement);
struct prepared_facts *prepared_portal(const struct prepared *p,
				       struct span portal);

/* Free all that is remembered. */
void prepared_clear(struct prepared *p);

#endif
