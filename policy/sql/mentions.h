/*
 * mentions.h - the tables that an SQL text names, by where names of tables
 * stand: behind FROM, JOIN, INTO and the like, in the list that follows, and
 * anywhere in a command that is about objects (DROP, LOCK, ALTER, ...).
 *
 * No parser.  It may find a name too many, of a common table expression for
 * example, and one too few: what a function reads, or a string of dynamic SQL.
 * A column, an alias, a keyword or a string is no mention of a table of that
 * name.  Strings count where they are turned into a relation: nextval('s'),
 * 't'::regclass.
 */
#ifndef LOCKSTEP_POLICY_SQL_MENTIONS_H
#define LOCKSTEP_POLICY_SQL_MENTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/sql/tokens.h"

struct mention {
	uint32_t schema; /* token_hash; 0: the name is not qualified */
	uint32_t name;   /* token_hash; 0: it may be any table */
};

/* A walk over the mentions of a text; mentions_begin makes it. */
struct mentions {
	struct tokens tokens;
	struct token token;    /* the next one */
	struct token last;     /* the one before it */
	struct token before;   /* the one before `last` */
	uint64_t lists;        /* bit 0: commas go on with a list of tables; a
				  bit for each '(' around it */
	uint64_t calls;        /* bit 0: a call's arguments stand here */
	bool wants_table;      /* a table is named next */
	bool may_be_function;  /* if it has a '(' behind it */
	bool is_about_objects; /* the command is: each name counts */
	bool is_list;          /* commas may go on with its tables */
	bool skips_blocks;     /* the block of a DO is a string; to be set
				  behind mentions_begin */
	bool is_at_start;      /* where a command begins */
	struct token name;     /* the last mention's, without its schema */
	bool is_sure;          /* nothing but a table stands there */
};

/* Begin the walk; the text of `len` bytes stays borrowed. */
struct mentions mentions_begin(const char *sql, size_t len);

/* Go to the next mention.  False: there are no more. */
bool mentions_next(struct mentions *m, struct mention *out);

#endif
