/*
 * plain_settings.h - the settings that questions of ours run under, whatever
 * those of the session are.
 *
 * Three statements: one that is prepared under a name, one that executes it
 * before the questions of a batch, and one that sets all back behind them.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_PLAIN_SETTINGS_H
#define LOCKSTEP_POLICY_CATALOG_PLAIN_SETTINGS_H

#include <stdbool.h>

#include "policy/catalog/row.h"

/* The columns of the answer, in its order. */
enum plain_settings_column {
	PLAIN_SETTINGS_DIFFERING,
	PLAIN_SETTINGS_BEFORE,
	PLAIN_SETTINGS_COLUMNS,
};

/* The statement to prepare; static. */
const char *plain_settings_query(void);

/*
 * The statement that executes it under the name that it was prepared by, the
 * caller's to free.  It answers one row.  NULL: out of memory.
 */
char *plain_settings_execute(const char *name);

/*
 * The statement that sets back what is not as it was; static.  It answers one
 * row that says nothing.
 */
const char *plain_settings_restore(void);

/*
 * Read the row.  *differ becomes true if settings of the session's are others,
 * and have been set for the rest of the transaction.  False: another shape.
 */
bool plain_settings_read(bool *differ,
			 const struct row_value values[PLAIN_SETTINGS_COLUMNS]);

#endif
