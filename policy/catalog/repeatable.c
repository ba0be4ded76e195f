#include "policy/catalog/repeatable.h"

#include "policy/catalog/catalog_sql.h"
#include "policy/catalog/param_array.h"
#include "policy/sql/bookkeeping.h"
#include "policy/sql/text.h"

/* The text is longer than the 4,095 bytes that C compilers must take. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
const char *
repeatable_query(void)
{
	return CATALOG_SQL_REPEATABLE;
}
#pragma GCC diagnostic pop

static void
add_names(struct text *param, const struct repeat_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		param_array_add(param, names->items[i]);
}

/* Add the names that may be of catalogs only. */
static void
add_catalogs(struct text *param, const struct repeat_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (!bookkeeping_is(names->items[i]))
			param_array_add(param, names->items[i]);
}

bool
repeatable_params(char *params[REPEATABLE_PARAMS], const struct repeat *r,
		  bool only_catalogs)
{
	struct text arrays[REPEATABLE_PARAMS] = {0};

	param_arrays_begin(arrays, REPEATABLE_PARAMS);
	add_names(&arrays[0], &r->functions);
	add_names(&arrays[1], &r->shown);
	add_names(&arrays[2], &r->written);
	if (only_catalogs)
		add_catalogs(&arrays[3], &r->shown);
	add_names(&arrays[4], &r->filled);
	return param_arrays_finish(params, arrays, REPEATABLE_PARAMS);
}

bool
repeatable_read(struct repeatable *out,
		const struct row_value values[REPEATABLE_COLUMNS])
{
	if (row_has_null(values, REPEATABLE_COLUMNS))
		return false;
	row_copy_cut(out->obstacle, sizeof(out->obstacle),
		     values[REPEATABLE_OBSTACLE]);
	out->has_one_snapshot =
	    !row_equals(values[REPEATABLE_ISOLATION], "read committed") &&
	    !row_equals(values[REPEATABLE_ISOLATION], "read uncommitted");
	return true;
}
