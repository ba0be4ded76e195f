/*
 * glance.h - what a short question tells, ahead of any plan: whether a
 * statement may be run at once, and undone where somebody turns out to be in
 * its way.
 *
 * Only for statements that are brief (statement_brief.h).
 */
#ifndef LOCKSTEP_POLICY_CATALOG_GLANCE_H
#define LOCKSTEP_POLICY_CATALOG_GLANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/row.h"
#include "policy/catalog/session_facts.h"
#include "policy/sql/statement.h"

enum {
	GLANCE_PARAMS = 2,
	/* Three settings, and what stands between them. */
	GLANCE_BEFORE_MAX = 3 * SESSION_FACTS_SETTING_MAX + 16,
};

/* X(constant, name): the columns of the answer, in order. */
#define GLANCE_COLUMN_TABLE(X)                                                 \
	X(GLANCE_LOCK_TIMEOUT, "lock_timeout")                                 \
	X(GLANCE_MIN_MESSAGES, "min_messages")                                 \
	X(GLANCE_DEADLOCK_TIMEOUT, "deadlock_timeout")                         \
	X(GLANCE_JIT_ABOVE_COST, "jit_above_cost")                             \
	X(GLANCE_IS_FLAT, "is_flat")                                           \
	X(GLANCE_IS_PLAIN, "is_plain")

enum glance_column {
#define X(id, name) id,
	GLANCE_COLUMN_TABLE(X)
#undef X
	    GLANCE_COLUMNS,
};

struct glance {
	/* No function of a user's runs in the statement, what it names has no
	 * partitions and no children, and an error ends no session. */
	bool is_plain;
	bool is_flat;        /* no relation has partitions or children */
	bool wants_warnings; /* as session_facts.h has it */
	uint32_t deadlock_timeout_ms;
	/* As the server shows them, to set the first back, and to compare. */
	char lock_timeout[SESSION_FACTS_SETTING_MAX];
	char deadlock_timeout[SESSION_FACTS_SETTING_MAX];
	char jit_above_cost[SESSION_FACTS_SETTING_MAX];
};

/* The triggers of TRUNCATE that statements may run. */
enum glance_kind {
	GLANCE_PLAINLY,   /* none */
	GLANCE_TRUNCATES, /* the named tables' own */
	GLANCE_CASCADES,  /* any table's */
};

/* The kind of some statements. */
enum glance_kind glance_kind_of(const struct statement *statements,
				size_t count);

/* The question, which answers one row; static. */
const char *glance_query(enum glance_kind kind);

/*
 * Part of it for other names where the last glance holds: answered if these are
 * plain, else it fails, and what is sent behind it in the same cycle is not
 * run.  The error ends no session.  Static.
 */
const char *glance_names_query(enum glance_kind kind);

/* True if that glance does not tell of all names that they are plain. */
bool glance_asks_names(const struct glance *g, enum glance_kind kind);

/* True if the server would compile even the shortest question, which then
 * costs more than any plan. */
bool glance_is_compiled(const struct glance *g);

/* Print the rest of a glance that is plain, as the server puts it together
 * where that holds again (as_before.h). */
void glance_print_before(char out[GLANCE_BEFORE_MAX], const struct glance *g);

/* Make the parameters of both, each allocated.  False: out of memory, and
 * nothing is. */
bool glance_params(char *params[GLANCE_PARAMS],
		   const struct statement *statements, size_t count);

/* Read the row.  False: it does not have the shape, and *out is undefined. */
bool glance_read(struct glance *out,
		 const struct row_value values[GLANCE_COLUMNS]);

#endif
