/*
 * drop_keys.h - the foreign keys that a DROP TABLE or DROP COLUMN would drop
 * and that can go before it, each alone: those with one end that stays, on a
 * table of the role's own, that no partition or child has from elsewhere.
 *
 * There are none where the catalogs tell that the statement itself would fail:
 * a name that is not there, a table of somebody else's, what depends on it
 * without CASCADE.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_DROP_KEYS_H
#define LOCKSTEP_POLICY_CATALOG_DROP_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/catalog/row.h"

/* The columns of drop_keys_query()'s answer, in its order: X(id, name). */
#define DROP_KEYS_COLUMN_TABLE(X)                                              \
	X(DROP_KEYS_RELATION, relation)                                        \
	X(DROP_KEYS_NAME, name)                                                \
	X(DROP_KEYS_RESTORE, restore)

enum drop_keys_column {
#define X(id, name) id,
	DROP_KEYS_COLUMN_TABLE(X)
#undef X
	    DROP_KEYS_COLUMNS,
};

enum {
	/* A step locks as many: no larger set, no use in steps. */
	DROP_KEYS_STEP_TABLES = 2,
	DROP_KEYS_MAX = 64, /* the query answers one more, which is odd then */
};

/* All texts are owned, and quoted as the server quotes. */
struct drop_key {
	char *relation; /* schema.relation: the table that has the key */
	char *name;
	char *restore; /* ALTER TABLE ... ADD CONSTRAINT ..., without ';' */
	bool is_gone;  /* dropped, by us, and that is committed */
};

struct drop_keys {
	struct drop_key *items; /* owned */
	size_t count;
};

/* The query, static, with the parameters of lock_set_params. */
const char *drop_keys_query(void);

/* Append a row.  False: it does not have the shape, there are too many, or
 * memory is out. */
bool drop_keys_add_row(struct drop_keys *keys,
		       const struct row_value values[DROP_KEYS_COLUMNS]);

/* The statement that drops the key, the caller's to free.  NULL: out of
 * memory. */
char *drop_key_sql(const struct drop_key *key);

/* Free all that is owned; accepts a zeroed one, and leaves one. */
void drop_keys_clear(struct drop_keys *keys);

#endif
