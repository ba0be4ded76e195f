/*
 * setting_show.h - the value of a setting, as one would write it.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_SETTING_SHOW_H
#define LOCKSTEP_PROXY_CONFIG_SETTING_SHOW_H

#include <stddef.h>

#include "proxy/config/config.h"
#include "proxy/config/setting.h"

enum {
	SETTING_SHOWN_BYTES = 512,
};

/*
 * Write the setting's value in *config, cut to what fits and NUL terminated;
 * empty: it is not set.  Of a CONNINFO only hosts and ports are shown, or that
 * there is one: the rest may be secret.
 */
void setting_show(char out[SETTING_SHOWN_BYTES], const struct config *config,
		  const struct setting *setting);

#endif
