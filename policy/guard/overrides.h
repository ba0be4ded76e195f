/*
 * overrides.h - the guard's settings as a session has them: custom parameters
 * lockstep.<setting>.  The server keeps them, set by SET, by ALTER ROLE or
 * DATABASE ... SET, or by options= of a connection.
 */
#ifndef LOCKSTEP_POLICY_GUARD_OVERRIDES_H
#define LOCKSTEP_POLICY_GUARD_OVERRIDES_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/catalog/row.h"
#include "policy/guard/settings.h"

/* A column for each enum guard_setting, then one more. */
enum {
	OVERRIDES_APPLICATION_NAME = GUARD_SETTING_COUNT,
	OVERRIDES_COLUMNS,
	OVERRIDE_BYTES_MAX = 64,
	OVERRIDE_ORDER_BYTES_MAX = 1024, /* for lock_order alone */
	OVERRIDE_NAME_BYTES = 40,        /* a name that is none, with its NUL */
};

/* Texts as the client wrote them, in the client's encoding; a zeroed one sets
 * none. */
struct overrides {
	/* Empty: not set.  That of lock_order stands below. */
	char texts[GUARD_SETTING_COUNT][OVERRIDE_BYTES_MAX + 1];
	char lock_order[OVERRIDE_ORDER_BYTES_MAX + 1];
	uint32_t too_long; /* bits 1 << (enum guard_setting): cut */
	/* The session's application_name, for rules; cut. */
	char application_name[OVERRIDE_BYTES_MAX + 1];
};

/* The query, static.  Answer: one row of OVERRIDES_COLUMNS texts, the settings
 * in the order of enum guard_setting, then application_name. */
const char *overrides_query(void);

/* True if no setting is set. */
bool overrides_are_unset(const struct overrides *o);

/* Read the row, whose values need not be NUL terminated.  False: not the shape
 * of such a row; *out is then undefined. */
bool overrides_read(struct overrides *out,
		    const struct row_value values[OVERRIDES_COLUMNS]);

/*
 * True if the text begins with SET [LOCAL | SESSION] lockstep.<name>, and no
 * setting has that name: *out is the name then, in lower case, cut.  Names in
 * quotes are passed over.  Never allocates.
 */
bool overrides_find_unknown(char out[OVERRIDE_NAME_BYTES], const char *sql,
			    size_t len);

/* The text of a setting, borrowed from *o; empty: not set. */
const char *overrides_text(const struct overrides *o,
			   enum guard_setting setting);

/* The most bytes that the text of a setting may have, its NUL not counted. */
size_t overrides_bytes_max(enum guard_setting setting);

/* True if the text had more bytes than that, and is cut. */
bool overrides_is_too_long(const struct overrides *o,
			   enum guard_setting setting);

#endif
