/*
 * gate_names.h - by which names a new transaction would touch the tables of a
 * lock set: the tables themselves, and all through which they are read or
 * locked: views over them, partition and inheritance ancestors, and, for
 * statements that write, the tables at the other end of their foreign keys.
 *
 * A text is judged by the tables that it mentions (mentions.h).  That may err
 * on the side of more, and of less where a function hides a table: the gate is
 * there for speed, never for safety.
 *
 * A table that nobody but its owner may use counts for its owner only, and for
 * members of that role: a superuser may come past.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_GATE_NAMES_H
#define LOCKSTEP_POLICY_CATALOG_GATE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/row.h"

/* The columns of gate_names_query(), in its order: X(id, name). */
#define GATE_NAMES_COLUMN_TABLE(X)                                             \
	X(GATE_NAMES_NAME, name)                                               \
	X(GATE_NAMES_SCHEMA, schema)                                           \
	X(GATE_NAMES_REACH, reach)                                             \
	X(GATE_NAMES_READER, reader)

enum gate_names_column {
#define X(id, name) id,
	GATE_NAMES_COLUMN_TABLE(X)
#undef X
	    GATE_NAMES_COLUMNS,
};

enum {
	GATE_NAMES_PARAMS = 1,
	GATE_NAMES_MAX = 32768, /* more are left out */
};

enum gate_reach {
	GATE_REACH_ALWAYS,
	GATE_REACH_NEAR,   /* referenced by a table of the set: counts for
			      statements that write, or as counts_near says */
	GATE_REACH_WRITES, /* references one: counts for statements that write
			    */
};

/* All three by token_hash_name. */
struct gate_name {
	uint32_t name;
	uint32_t schema;
	uint32_t reader; /* counts for this role only; 0: for everybody */
	enum gate_reach reach;
};

/* A session that is about to begin, and the kind of its statement. */
struct gate_visitor {
	uint32_t role; /* token_hash_name of the role that has logged in */
	bool writes;   /* words_write of the text */
};

struct mention;

struct gate_names {
	struct gate_name *items; /* owned; sorted by name once sealed */
	size_t count;
	bool counts_near; /* the next statement may want those tables, too */
	bool is_every;    /* any table counts: there are too many to tell */
};

/*
 * The query for the names of a lock set; static.  $1: the relations, an array
 * literal as holders_param makes it.
 */
const char *gate_names_query(void);

/* Likewise, of all that the transaction which asks keeps even from readers by
 * now; no parameters.  What it has dropped has no name any more. */
const char *gate_names_own_query(void);

/*
 * Add a row of the answer: the bare names of table and schema; a, n or w for
 * the reach; and the reader, empty for everybody.  False: the row does not have
 * this shape, or memory is out.
 */
bool gate_names_add_row(struct gate_names *names,
			const struct row_value values[GATE_NAMES_COLUMNS]);

/* Add a name; beyond GATE_NAMES_MAX it is left out.  False: out of memory. */
bool gate_names_add(struct gate_names *names, const struct gate_name *name);

/* Add the names of `more` too, and seal.  False: out of memory, and some of
 * them are missing. */
bool gate_names_add_all(struct gate_names *names,
			const struct gate_names *more);

/* Sort the names, each of which is kept once: after the last row, before the
 * first question. */
void gate_names_seal(struct gate_names *names);

/* True if the visitor may touch a table, whatever it is about to run. */
bool gate_names_match_any(const struct gate_names *names,
			  const struct gate_visitor *visitor);

/* True if the visitor's statement of this text, of `len` bytes, may touch a
 * table. */
bool gate_names_match_text(const struct gate_names *names,
			   const struct gate_visitor *visitor, const char *sql,
			   size_t len);

/* True if the visitor's statement with these mentions may touch a table. */
bool gate_names_match_mentions(const struct gate_names *names,
			       const struct gate_visitor *visitor,
			       const struct mention *mentions, size_t count);

/* Free the names; accepts a zeroed one. */
void gate_names_clear(struct gate_names *names);

#endif
