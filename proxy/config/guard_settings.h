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
 * PostgreSQL's SQLSTATE for a parameter whose value is none
 * (invalid_parameter_value), for such a warning.
 */
#define GUARD_SETTINGS_SQLSTATE "22023"

/* text: for people, ASCII, without a newline: `invalid value for parameter
 * "lockstep.policy": "foo" is not one of: auto, ...`; borrowed for the call. */
typedef void guard_settings_warn(void *arg, const char *text);

/*
 * Choose the settings in force for a statement.
 *
 * A custom parameter whose value is none counts as not set, and so does a
 * gate_window or gate_transaction above that of rule and configuration: these
 * delay sessions which have nothing to do with the statement, so that a session
 * may only lower them.  `warn`, which may be NULL, is called once for each.
 * attempt_timeout is cut to hold_timeout
 * where a session made the one longer than the other.
 *
 * *out may borrow from *c, and is valid as long as that; guard_settings_clear
 * frees the rest.  False: out of memory; *out is then empty.
 */
bool guard_settings_choose(struct guard_settings *out, const struct config *c,
			   const struct rule_subject *subject,
			   const struct overrides *o, guard_settings_warn *warn,
			   void *arg);

/* Warn of a parameter lockstep.<name> that is no setting, with the nearest. */
void guard_settings_warn_unknown(const char *name, guard_settings_warn *warn,
				 void *arg);

/* Free what *s owns, and zero it; accepts a zeroed one. */
void guard_settings_clear(struct guard_settings *s);

#endif
