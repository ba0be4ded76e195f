/*
 * setting.h - the table of all settings: names, defaults, what is allowed,
 * what they mean, and how a text becomes a field of struct config.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_SETTING_H
#define LOCKSTEP_PROXY_CONFIG_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/config/config.h"
#include "proxy/config/value.h"

enum setting_kind {
	SETTING_NUMBER,
	SETTING_DURATION,
	SETTING_SIZE,
	SETTING_BOOL,
	SETTING_WORD,
	SETTING_MODE,
	SETTING_TEXT,
	SETTING_FILE,
	SETTING_LISTEN,
	SETTING_UPSTREAM,
	SETTING_ORDER,
};

struct setting {
	const char *name;
	enum setting_kind kind;
	uint32_t min; /* of numbers, durations and sizes; of words the value
			 that the first one stands for */
	uint32_t max;
	/* In struct config, or, of the guard's, in struct guard_settings; of
	 * what has one field. */
	size_t offset;
	const char *const *words; /* SETTING_WORD: what is allowed */
	const char *preset;       /* as one would write it, or NULL and */
	const char *no_preset;    /* what is shown in its place */
	const char *help;
};

enum {
	SETTING_COUNT = 31,
	/* The guard's stand together, in the order of enum guard_setting. */
	SETTING_GUARD_FIRST = 17,
	SETTING_WORKERS_MAX = 64,
};

extern const struct setting setting_table[]; /* SETTING_COUNT of them */

/* NULL: no such name. */
const struct setting *setting_find(const char *name);

/* The name that is most like this one. */
const char *setting_nearest(const char *name);

bool setting_is_guard(const struct setting *setting);
const struct setting *setting_of_guard(enum guard_setting id);

/*
 * On failure the field stays as it was.  An order's names are allocated, and
 * those that stood there before are freed.
 */
bool setting_store(struct config *config, const struct setting *setting,
		   const char *text, struct value_error *error);

/* The same, of one of the guard's. */
bool setting_store_guard(struct guard_settings *guard, enum guard_setting id,
			 const char *text, struct value_error *error);

/* Prints a table of all settings with defaults and meaning, for --help. */
void setting_describe_all(FILE *out);

#endif
