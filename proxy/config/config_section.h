/*
 * config_section.h - the sections of a configuration file, as they are read
 * and once all is read.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONFIG_SECTION_H
#define LOCKSTEP_PROXY_CONFIG_CONFIG_SECTION_H

#include "proxy/config/config.h"
#include "proxy/config/config_file.h"
#include "proxy/config/mistake.h"

struct rule_lines;

enum {
	CONFIG_RULES_MAX = 1000,
	CONFIG_RULE_NAME_BYTES = 63,
};

enum section_kind {
	SECTION_NONE, /* the plain settings */
	SECTION_RULE, /* the last rule of the configuration */
	SECTION_LOST, /* one that there is not: its lines are lost */
};

/* A zeroed one is valid: no section has begun. */
struct config_sections {
	enum section_kind kind;   /* the one whose lines are read */
	struct rule_lines *lines; /* owned; as many as there are rules */
};

/* Take in a line with a section: a rule is added to *c, or a mistake to *m. */
void config_section_begin(struct config_sections *s, struct config *c,
			  struct mistakes *m,
			  const struct config_file_line *line);

/* Take in a line with a setting behind a section, for the last rule of *c. */
void config_section_apply(struct config_sections *s, struct config *c,
			  struct mistakes *m,
			  const struct config_file_line *line);

/*
 * Called when the plain settings are final: rules that set nothing, that
 * nothing comes to, or whose settings do not go together are mistakes.
 */
void config_sections_check(const struct config_sections *s,
			   const struct config *c, struct mistakes *m);

/* Free the lines; *s is as zeroed. */
void config_sections_clear(struct config_sections *s);

/*
 * Settings that are fine by themselves and wrong together are a mistake, at
 * that origin.
 */
void config_check_together(const struct guard_settings *guard,
			   struct mistakes *m, const struct origin *origin);

#endif
