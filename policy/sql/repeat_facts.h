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
	size_t rows_used; /* relations used that are not of the catalogs */
	bool has_truncated;
	/* Bare names; something was used behind the first ones. */
	struct repeat_names savepoints;
	size_t savepoints_used;
};

#endif
