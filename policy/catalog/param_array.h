/*
 * param_array.h - parameters that are arrays of text, and the parts of the
 * names in them.
 *
 * Every element is quoted, so that nothing in it has a meaning.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_PARAM_ARRAY_H
#define LOCKSTEP_POLICY_CATALOG_PARAM_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/sql/text.h"

enum {
	PARAM_NAME_PARTS_MAX = 3, /* database, schema, relation */
};

/* Bytes of a name, borrowed; `in_quotes`: a double quote in it stands twice. */
struct param_piece {
	const char *data; /* NULL: there is none */
	size_t len;
	bool in_quotes;
};

/* "a"."b"."c" and what follows it; borrowed. */
struct param_name {
	struct param_piece parts[PARAM_NAME_PARTS_MAX]; /* the last ones */
	size_t count;
	const char *rest;
};

/* Begin `count` arrays, which are zeroed. */
void param_arrays_begin(struct text *arrays, size_t count);

/*
 * End them: each string is allocated, and the caller's to free.  False: out of
 * memory, and nothing is allocated.
 */
bool param_arrays_finish(char **params, struct text *arrays, size_t count);

/* Add an element; NULL makes it SQL NULL. */
void param_array_add(struct text *a, const char *value);

/* Add an element; one without data is SQL NULL. */
void param_array_add_piece(struct text *a, struct param_piece piece);

/* Add a number. */
void param_array_add_number(struct text *a, int number);

/* Add the schema of a quoted name, in quotes; NULL if it has none, or
 * "pg_temp". */
void param_array_add_schema(struct text *a, const char *relation);

/* Add a quoted name without its database, which to_regclass() would complain
 * of. */
void param_array_add_relation(struct text *a, const char *relation);

/* Put a piece in quotes where an element is being made. */
void param_array_put_piece(struct text *a, struct param_piece piece);

/* Take a quoted name apart. */
struct param_name param_array_split(const char *text);

/* The nth part from the last one, which is 0, backwards. */
struct param_piece param_array_part(const struct param_name *name, size_t nth);

#endif
