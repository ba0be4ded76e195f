#include "policy/catalog/snapshot.h"

#include <string.h>

#include "policy/catalog/catalog_sql.h"

const char *
snapshot_query(void)
{
	return CATALOG_SQL_SNAPSHOT;
}

void
snapshot_read(struct snapshot *out, struct row_value v)
{
	if (row_is_null(v) || !row_copy(out->text, sizeof(out->text), v))
		memset(out, 0, sizeof(*out));
}

bool
snapshot_is_known(const struct snapshot *s)
{
	return s->text[0] != '\0';
}

bool
snapshot_equals(const struct snapshot *a, const struct snapshot *b)
{
	return snapshot_is_known(a) && strcmp(a->text, b->text) == 0;
}
