#include "policy/guard/as_before.h"

#include "policy/catalog/catalog_sql.h"
#include "policy/guard/settings.h"

/* Made of the table of settings, as the query of overrides.c is: true where
 * none is set. */
#define UNSET(application_name)                                                \
	"pg_catalog.current_setting('application_name') "                      \
	"OPERATOR(pg_catalog.=) " application_name                             \
	"::pg_catalog.text AND pg_catalog.concat(''" GUARD_SETTINGS(           \
	    SETTING) ") OPERATOR(pg_catalog.=) ''"
#define SETTING(constant, name, field)                                         \
	", pg_catalog.current_setting('lockstep." #name "', true)"

static const char query[] =
    "SELECT CASE WHEN " CATALOG_SQL_GLANCE_BEFORE "\nAND " UNSET(
	"$2") "\nTHEN pg_catalog.length(pg_catalog.set_config('lock_timeout', "
	      "$3::pg_catalog.text, true))\nELSE " CATALOG_SQL_GLANCE_FAILS
	      "\nEND AS as_before";

static const char unset_query[] =
    "SELECT CASE WHEN " UNSET("$1") "\nTHEN 0 ELSE " CATALOG_SQL_GLANCE_FAILS
				    "\nEND AS unset";

const char *
as_before_query(void)
{
	return query;
}

const char *
as_before_unset_query(void)
{
	return unset_query;
}
