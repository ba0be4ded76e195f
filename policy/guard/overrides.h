/*
 * overrides.h - the guard's settings as a session has them: custom parameters
 * lockstep.<setting>, which the server keeps, whoever set them: SET, ALTER ROLE
 * or DATABASE ... SET, options= of a connection.
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
	OVERRIDE_ORDER_BYTES_MAX = 1024, /* of lock_order */
};

/* Texts as the client wrote them, in its encoding; a zeroed one sets none. */
struct overrides {
	/* Empty: not set.  That of lock_order stands below. */
	char texts[GUARD_SETTING_COUNT][OVERRIDE_BYTES_MAX + 1];
	char lock_order[OVERRIDE_ORDER_BYTES_MAX + 1];
	uint32_t too_long; /* bits 1 << (enum guard_setting): cut */
	/* What rules ask for besides; cut. */
	char application_name[OVERRIDE_BYTES_MAX + 1];
};

/* The query, which answers one row of OVERRIDES_COLUMNS texts; static. */
const char *overrides_query(void);

/* Read the row.  False: a text holds a NUL, and *out is undefined. */
bool overrides_read(struct overrides *out,
		    const struct row_value values[OVERRIDES_COLUMNS]);

/* The setting's text, borrowed from o; empty: it is not set. */
const char *overrides_text(const struct overrides *o,
			   enum guard_setting setting);

/* The most bytes that the text of this setting may have. */
size_t overrides_bytes_max(enum guard_setting setting);

/* True if the setting's text had more, and was cut. */
bool overrides_is_too_long(const struct overrides *o,
			   enum guard_setting setting);

#endif
