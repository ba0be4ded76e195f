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
	SETTING_HTTP_LISTEN,
	SETTING_UPSTREAM,
	SETTING_CLIENT,
	SETTING_ORDER,
	SETTING_NAMES,
	SETTING_NETWORKS,
};

struct setting {
	const char *name;
	enum setting_kind kind;
	uint32_t min; /* the least number, duration (ms) or size (bytes);
			 SETTING_WORD: the value of the first word */
	uint32_t max;
	bool needs_restart; /* no reload changes it */
	bool is_of_file;    /* nor does SET: it says who is let in, and whose
			       server it is */
	size_t offset;      /* the field's in struct config, or, for one of the
			       guard's, in struct guard_settings; 0 for those that
			       have more than one field */
	const char *const *words; /* SETTING_WORD: those allowed, and NULL */
	const char *preset;       /* as one would write it, or NULL */
	const char *no_preset;    /* without a preset: shown in its place */
	const char *help;
};

enum {
	SETTING_COUNT = 58,
	/* The guard's stand together, in the order of enum guard_setting. */
	SETTING_GUARD_FIRST = 33,
	SETTING_WORKERS_MAX = 64,
};

extern const struct setting setting_table[]; /* SETTING_COUNT of them */

/* The setting of that name; NULL: there is none. */
const struct setting *setting_find(const char *name);

/* The name of a setting that is most like this one; static. */
const char *setting_nearest(const char *name);

/* One of the guard's, which rules and sessions can set, too. */
bool setting_is_guard(const struct setting *setting);

/* The guard's setting of that id. */
const struct setting *setting_of_guard(enum guard_setting id);

/*
 * Set the setting's fields of *config to the value that text stands for.
 * Texts, lists and an order's names are copies that *config owns; those that
 * stood there before are freed.  False: *error says why, the fields stay as
 * they were.
 */
bool setting_store(struct config *config, const struct setting *setting,
		   const char *text, struct value_error *error);

/* The same in *guard alone, for one of the guard's. */
bool setting_store_guard(struct guard_settings *guard, enum guard_setting id,
			 const char *text, struct value_error *error);

/* The unit of a number, a duration or a size. */
enum value_unit_kind setting_unit(const struct setting *setting);

/* The default as people write it, or what stands for none; static. */
const char *setting_preset(const struct setting *setting);

/* Print a table of all settings with defaults and meaning, for --help. */
void setting_describe_all(FILE *out);

#endif
