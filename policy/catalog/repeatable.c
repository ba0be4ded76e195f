#include "policy/catalog/repeatable.h"

#include <stdlib.h>
#include <string.h>

#include "policy/catalog/catalog_sql.h"
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

/* Quote the element, so that nothing in it has a meaning. */
static void
put_element(struct text *t, const char *name)
{
	const char *c;

	text_put_string(t, t->len > 1 ? ",\"" : "\"");
	for (c = name; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			text_put(t, '\\');
		text_put(t, *c);
	}
	text_put(t, '"');
}

static char *
names_param(const struct repeat_names *names)
{
	struct text t = {0};
	size_t i;

	text_put(&t, '{');
	for (i = 0; i < names->count; i++)
		put_element(&t, names->items[i]);
	text_put(&t, '}');
	return text_finish(&t);
}

/* The names that may be of catalogs only. */
static char *
catalogs_param(const struct repeat_names *names, bool only_catalogs)
{
	struct text t = {0};
	size_t i;

	text_put(&t, '{');
	for (i = 0; i < names->count && only_catalogs; i++)
		if (!bookkeeping_is(names->items[i]))
			put_element(&t, names->items[i]);
	text_put(&t, '}');
	return text_finish(&t);
}

bool
repeatable_params(char *params[REPEATABLE_PARAMS], const struct repeat *r,
		  bool only_catalogs)
{
	bool is_whole = true;
	size_t i;

	params[0] = names_param(&r->functions);
	params[1] = names_param(&r->shown);
	params[2] = names_param(&r->written);
	params[3] = catalogs_param(&r->shown, only_catalogs);
	params[4] = names_param(&r->filled);
	for (i = 0; i < REPEATABLE_PARAMS; i++)
		is_whole &= params[i] != NULL;
	for (i = 0; i < REPEATABLE_PARAMS && !is_whole; i++) {
		free(params[i]);
		params[i] = NULL;
	}
	return is_whole;
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
