#include "policy/catalog/plain_settings.h"

#include "policy/catalog/catalog_sql.h"
#include "policy/sql/text.h"

const char *
plain_settings_query(void)
{
	return CATALOG_SQL_PLAIN_SETTINGS_SET;
}

char *
plain_settings_execute(const char *name)
{
	struct text t = {0};

	text_print(&t, CATALOG_SQL_PLAIN_SETTINGS_EXECUTE, name);
	return text_finish(&t);
}

const char *
plain_settings_restore(void)
{
	return CATALOG_SQL_PLAIN_SETTINGS_RESTORE;
}

bool
plain_settings_read(bool *differ,
		    const struct row_value values[PLAIN_SETTINGS_COLUMNS])
{
	uint32_t count;

	if (!row_read_number(&count, values[PLAIN_SETTINGS_DIFFERING], 0,
			     UINT32_MAX))
		return false;
	*differ = count > 0;
	return true;
}
