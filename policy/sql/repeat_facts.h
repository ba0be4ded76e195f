/*
 * repeat_facts.h - the facts about statements that are to be done again: why
 * they may not be, or what must be asked of the catalogs.
 */
#ifndef LOCKSTEP_POLICY_SQL_REPEAT_FACTS_H
#define LOCKSTEP_POLICY_SQL_REPEAT_FACTS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	REPEAT_NAMES_MAX = 1000, /* names of a kind; more are an obstacle */
};

struct repeat_names {
	char **items; /* owned, each */
	size_t count;
};

/* A zeroed one is empty and valid. */
struct repeat {
	/* Why it may not be done again, static; NULL: nothing in the texts
	 * tells against it, which the first obstacle ends. */
	const char *obstacle;
	bool shows_rows;
	/* Bare names of functions that were called, perhaps. */
	struct repeat_names functions;
	/* Relations as to_regclass() takes them: rows of these were shown,
	 * rows of those were written, or read unseen. */
	struct repeat_names shown;
	struct repeat_names written;
	/* Relations of those written whose defaults were evaluated,
	 * perhaps. */
	struct repeat_names filled;
	bool has_definitions; /* DDL stands in the texts */
	/* Rows of a table that is no migration tool's were written before. */
	bool writes_first;
	size_t rows_used; /* relations used that are not of the catalogs */
	bool has_truncated;
	/* Bare names; something was used behind the first ones. */
	struct repeat_names savepoints;
	size_t savepoints_used;
};

/* Note an obstacle, which is static, unless there is one. */
void repeat_stop(struct repeat *r, const char *obstacle);

/* Add a name to a list of r's, which takes it; NULL: memory was out, which is
 * an obstacle. */
void repeat_add(struct repeat *r, struct repeat_names *names, char *name);

/* Free all names; accepts a zeroed one, and leaves one. */
void repeat_clear(struct repeat *r);

#endif
