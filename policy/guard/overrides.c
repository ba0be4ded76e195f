#include "policy/guard/overrides.h"

#include <string.h>

/* NULL where the session never had such a parameter; an empty text where it
 * had one and has none any more (RESET, the end of SET LOCAL). */
static const char query[] = "SELECT"
#define X(constant, name, field)                                               \
	" pg_catalog.current_setting('lockstep." #name "', true),"
    GUARD_SETTINGS(X)
#undef X
	" pg_catalog.current_setting('application_name')";

const char *
overrides_query(void)
{
	return query;
}

size_t
overrides_bytes_max(enum guard_setting setting)
{
	return setting == GUARD_SETTING_LOCK_ORDER ? OVERRIDE_ORDER_BYTES_MAX
						   : OVERRIDE_BYTES_MAX;
}

/* Copy up to max bytes and a NUL; an SQL NULL leaves *out alone.  False: the
 * value has a NUL in it, as no text of PostgreSQL's can. */
static bool
copy_text(char *out, size_t max, struct lock_set_value v)
{
	size_t len = v.len < max ? v.len : max;

	if (v.data == NULL)
		return true;
	if (memchr(v.data, '\0', v.len) != NULL)
		return false;
	memcpy(out, v.data, len);
	out[len] = '\0';
	return true;
}

bool
overrides_read(struct overrides *out,
	       const struct lock_set_value values[OVERRIDES_COLUMNS])
{
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < GUARD_SETTING_COUNT; i++) {
		size_t max = overrides_bytes_max((enum guard_setting)i);
		char *text = i == GUARD_SETTING_LOCK_ORDER ? out->lock_order
							   : out->texts[i];

		if (!copy_text(text, max, values[i]))
			return false;
		if (values[i].data != NULL && values[i].len > max)
			out->too_long |= 1u << i;
	}
	return copy_text(out->application_name, OVERRIDE_BYTES_MAX,
			 values[GUARD_SETTING_COUNT]);
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
