/*
 * setting_same.h - whether two configurations say the same, setting by setting,
 * whatever words they say it in.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_SETTING_SAME_H
#define LOCKSTEP_PROXY_CONFIG_SETTING_SAME_H

#include <stdbool.h>

#include "proxy/config/config.h"
#include "proxy/config/setting.h"

/* True if the setting has the same value in both.  Two CONNINFOs are the same
 * if their texts are. */
bool setting_is_same(const struct config *a, const struct config *b,
		     const struct setting *setting);

/* True if both have the same rules, in the same order and of the same names. */
bool setting_rules_are_same(const struct config *a, const struct config *b);

#endif
