/*
 * guard_settings.h - the settings in force for one statement: those of the
 * session, else those of the first rule that matches, else those of the
 * configuration.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_GUARD_SETTINGS_H
#define LOCKSTEP_PROXY_CONFIG_GUARD_SETTINGS_H

#include <stdbool.h>

#include "policy/guard/overrides.h"
#include "policy/guard/rule.h"
#include "proxy/config/config.h"

/*
 * The SQLSTATE that goes with it: PostgreSQL's for a parameter with a value
 * that is none.
 */
#define GUARD_SETTINGS_SQLSTATE "22023"

/* One for people, ASCII, without a newline: `invalid value for parameter
 * "lockstep.policy": "foo" is not one of: auto, ...` */
typedef void guard_settings_warn(void *arg, const char *text);

/*
 * A custom parameter whose value is none counts as not set, and `warn`, which
 * may be NULL, is called once for it.  attempt_timeout is cut to hold_timeout
 * where a session made the one longer than the other.
 *
 * *out may borrow from *c, and is valid as long as that; guard_settings_clear
 * frees the rest.  False: out of memory; *out is then empty.
 */
bool guard_settings_choose(struct guard_settings *out, const struct config *c,
			   const struct rule_subject *subject,
			   const struct overrides *o, guard_settings_warn *warn,
			   void *arg);

void guard_settings_clear(struct guard_settings *s); /* accepts a zeroed one */

#endif
