/*
 * prepared_facts.h - the facts of a prepared statement, which a session may
 * have for as long as it lasts.
 *
 * Facts can take 70 times the bytes of their text.  So large ones rest: the
 * text stays, and is parsed again when the statement is executed.  What stays
 * counts, for the session and for the process, and above a bound nothing more
 * is kept.
 */
#ifndef LOCKSTEP_PROXY_GUARD_PREPARED_FACTS_H
#define LOCKSTEP_PROXY_GUARD_PREPARED_FACTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/sql/statement.h"
#include "policy/sql/trace.h"
#include "protocol/span.h"

enum {
	PREPARED_SESSION_MAX_BYTES = 8 * 1024 * 1024,
	PREPARED_PROCESS_MAX_BYTES = 64 * 1024 * 1024,
	PREPARED_AWAKE_MAX_BYTES = 8 * 1024, /* larger ones rest */
};

/* The bytes that are kept. */
struct prepared_room {
	size_t bytes;          /* the session's */
	atomic_size_t *others; /* all sessions', borrowed; NULL: not counted */
};

/* Shared by a statement and the portals made of it. */
struct prepared_facts {
	struct statement_list list;
	char *text; /* owned; NULL: they never rest */
	size_t text_len;
	uint64_t shape;             /* that of the text, for whoever made this
				       to set */
	struct trace trace;         /* likewise */
	struct prepared_room *room; /* borrowed; NULL: they do not count */
	size_t bytes;               /* that count there */
	unsigned int users;         /* uses that keep it alive */
	unsigned int awake; /* uses of the list, where the facts can rest */
};

/* Facts with one use, the caller's.  *list is taken.  NULL: out of memory, and
 * *list is cleared. */
struct prepared_facts *prepared_facts_new(struct statement_list *list);

/*
 * Keep them, made of this text, in the room, which is borrowed for their life;
 * large ones rest from now on.  False: there is no room, or no memory, and the
 * facts are as before.
 */
bool prepared_facts_keep(struct prepared_facts *facts, struct span text,
			 struct prepared_room *room);

/* Have the list, by the scope and the cap of the first parse, until
 * prepared_facts_rest.  False: out of memory, and there is none. */
bool prepared_facts_wake(struct prepared_facts *facts, enum guard_scope scope,
			 size_t parse_bytes);

/* Give the list back, one use of it: the last one has large facts rest.
 * Accepts NULL. */
void prepared_facts_rest(struct prepared_facts *facts);

/* Take one more use. */
void prepared_facts_use(struct prepared_facts *facts);

/* Give a use back; the last one frees the facts.  Accepts NULL. */
void prepared_facts_drop(struct prepared_facts *facts);

#endif
