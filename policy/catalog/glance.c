#include "policy/catalog/glance.h"

#include <string.h>

#include "policy/catalog/catalog_sql.h"

const char *
glance_query(bool truncates)
{
	return truncates ? CATALOG_SQL_GLANCE_COLUMNS
		   "\n" CATALOG_SQL_GLANCE_TRUNCATES "\n" CATALOG_SQL_GLANCE_END
			 : CATALOG_SQL_GLANCE_COLUMNS
		   "\n" CATALOG_SQL_GLANCE_END;
}

bool
glance_read(struct glance *out, const struct row_value values[GLANCE_COLUMNS])
{
	memset(out, 0, sizeof(*out));
	out->is_plain = row_equals(values[GLANCE_IS_PLAIN], "t");
	out->wants_warnings = !row_equals(values[GLANCE_MIN_MESSAGES], "error");
	return row_read_duration(&out->deadlock_timeout_ms,
				 values[GLANCE_DEADLOCK_TIMEOUT]) &&
	       row_copy(out->lock_timeout, sizeof(out->lock_timeout),
			values[GLANCE_LOCK_TIMEOUT]);
}
