/*
 * config_change.h - from one configuration to the next: what changes, and what
 * stays as it is until a restart.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONFIG_CHANGE_H
#define LOCKSTEP_PROXY_CONFIG_CONFIG_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/config/config.h"

enum {
	CONFIG_CHANGE_BYTES = 2048, /* for the names of all settings */
};

/* Settings are bits, by their places in setting_table. */
struct config_change {
	uint64_t changed;    /* others from now on */
	uint64_t kept;       /* others only after a restart */
	uint64_t of_console; /* SET gave them their values */
	bool has_rules;      /* the rules are others */
};

/*
 * Find what differs in *fresh, which is to come behind *old, and give it the
 * values of *old where a restart is needed for others.  False: out of memory,
 * and *fresh can only be freed.
 */
bool config_change_make(struct config_change *out, struct config *fresh,
			const struct config *old);

/* True unless something changes. */
bool config_change_is_empty(const struct config_change *c);

/* Write the names of what changes, "policy, rules", NUL terminated. */
void config_change_describe(char out[CONFIG_CHANGE_BYTES],
			    const struct config_change *c);

/* The name of the nth setting that stays as it is, static.  NULL: there are
 * fewer. */
const char *config_change_kept(const struct config_change *c, size_t n);

/* The same of those that SET gave their values, whatever the file has. */
const char *config_change_of_console(const struct config_change *c, size_t n);

#endif
