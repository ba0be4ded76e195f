#include "policy/sql/bookkeeping.h"

#include <string.h>

static const struct {
	const char *name;
	size_t underscore; /* the first one's offset */
} tables[] = {
    {"__drizzle_migrations", 0},  {"alembic_version", 7},
    {"ar_internal_metadata", 2},  {"django_migrations", 6},
    {"flyway_schema_history", 6}, {"knex_migrations", 4},
    {"knex_migrations_lock", 4},  {"schema_migrations", 6},
};

enum {
	TABLES = sizeof(tables) / sizeof(tables[0]),
};

bool
bookkeeping_is_at(struct statement_text text, size_t underscore)
{
	size_t i;

	for (i = 0; i < TABLES; i++) {
		size_t before = tables[i].underscore;
		size_t len = strlen(tables[i].name);

		if (underscore >= before &&
		    text.len - underscore >= len - before &&
		    memcmp(text.sql + underscore - before, tables[i].name,
			   len) == 0)
			return true;
	}
	return false;
}

bool
bookkeeping_is(const char *name)
{
	size_t len = strlen(name);
	size_t i;

	for (i = 0; i < TABLES; i++) {
		size_t n = strlen(tables[i].name);

		/* In quotes, and perhaps behind a schema and a dot. */
		if (len >= n + 2 && name[len - n - 2] == '"' &&
		    memcmp(name + len - n - 1, tables[i].name, n) == 0 &&
		    (len == n + 2 || name[len - n - 3] == '.'))
			return true;
	}
	return false;
}
