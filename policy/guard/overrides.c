#include "policy/guard/overrides.h"

#include <assert.h>
#include <string.h>

#include "policy/sql/statement_text.h"

/* A character more than any setting may have: enough to tell that it has. */
#define QUERY_CHARACTERS "1025"

static_assert(OVERRIDE_ORDER_BYTES_MAX + 1 == 1025,
	      "what is too long must show");

/*
 * Made of the table of settings, which a file of SQL could only repeat.
 *
 * A column is NULL where the session never had such a parameter; an empty text
 * where it had one and has none any more (RESET, the end of SET LOCAL).  A
 * parameter can hold what its user likes, be it megabytes: the front will do.
 */
static const char query[] = "SELECT"
#define X(constant, name, field)                                               \
	" pg_catalog.left(pg_catalog.current_setting('lockstep." #name         \
	"', true), " QUERY_CHARACTERS ") AS " #name ","
    GUARD_SETTINGS(X)
#undef X
	" pg_catalog.current_setting('application_name') AS application_name";

const char *
overrides_query(void)
{
	return query;
}

bool
overrides_are_unset(const struct overrides *o)
{
	bool is_set = o->too_long != 0;

	for (size_t i = 0; i < GUARD_SETTING_COUNT; i++)
		is_set |= overrides_text(o, (enum guard_setting)i)[0] != '\0';
	return !is_set;
}

size_t
overrides_bytes_max(enum guard_setting setting)
{
	return setting == GUARD_SETTING_LOCK_ORDER ? OVERRIDE_ORDER_BYTES_MAX
						   : OVERRIDE_BYTES_MAX;
}

bool
overrides_read(struct overrides *out,
	       const struct row_value values[OVERRIDES_COLUMNS])
{
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < GUARD_SETTING_COUNT; i++) {
		size_t max = overrides_bytes_max((enum guard_setting)i);
		char *text = i == GUARD_SETTING_LOCK_ORDER ? out->lock_order
							   : out->texts[i];

		if (row_has_nul(values[i]))
			return false;
		row_copy_cut(text, max + 1, values[i]);
		if (values[i].len > max)
			out->too_long |= 1u << i;
	}
	if (row_has_nul(values[OVERRIDES_APPLICATION_NAME]))
		return false;
	row_copy_cut(out->application_name, sizeof(out->application_name),
		     values[OVERRIDES_APPLICATION_NAME]);
	return true;
}

static size_t
overrides_behind_word(struct statement_text text, size_t pos)
{
	pos = statement_text_word_end(text, pos);
	return statement_text_skip(text, pos, text.len);
}

static bool
overrides_has_name(const char *name)
{
	for (size_t i = 0; i < GUARD_SETTING_COUNT; i++)
		if (strcmp(name, settings_name((enum guard_setting)i)) == 0)
			return true;
	return false;
}

bool
overrides_find_unknown(char out[OVERRIDE_NAME_BYTES], const char *sql,
		       size_t len)
{
	struct statement_text text = {sql, len};
	size_t pos = statement_text_skip(text, 0, len);
	size_t end;
	size_t i;

	if (!statement_text_is_word(text, pos, "set"))
		return false;
	pos = overrides_behind_word(text, pos);
	if (statement_text_is_word(text, pos, "local") ||
	    statement_text_is_word(text, pos, "session"))
		pos = overrides_behind_word(text, pos);
	end = statement_text_word_end(text, pos);
	if (!statement_text_is_word(text, pos, "lockstep") || end >= len ||
	    sql[end] != '.')
		return false;
	pos = end + 1;
	end = statement_text_word_end(text, pos);
	for (i = 0; pos + i < end && i + 1 < OVERRIDE_NAME_BYTES; i++)
		out[i] = statement_text_fold(sql[pos + i]);
	out[i] = '\0';
	return i > 0 && !overrides_has_name(out);
}

const char *
overrides_text(const struct overrides *o, enum guard_setting setting)
{
	return setting == GUARD_SETTING_LOCK_ORDER ? o->lock_order
						   : o->texts[setting];
}

bool
overrides_is_too_long(const struct overrides *o, enum guard_setting setting)
{
	return (o->too_long >> setting & 1) != 0;
}
