/*
 * config_fleet.h - whether what is set about the fleet goes together.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONFIG_FLEET_H
#define LOCKSTEP_PROXY_CONFIG_CONFIG_FLEET_H

#include "proxy/config/config.h"
#include "proxy/config/config_tls.h"
#include "proxy/config/mistake.h"

/* Add a mistake to *m, at the origin of `fleet`, if it cannot work. */
void config_fleet_check(const struct config *c, const struct origin *fleet,
			struct mistakes *m);

/* Call warn, text static, for what is set in vain. */
void config_fleet_warn(const struct config *c, config_warn *warn, void *arg);

#endif
