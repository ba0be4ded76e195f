/*
 * config_loop.h - whether `upstream` leads back to `listen`.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONFIG_LOOP_H
#define LOCKSTEP_PROXY_CONFIG_CONFIG_LOOP_H

#include "proxy/config/config.h"
#include "proxy/config/mistake.h"

/*
 * Add a mistake to *m if a server of the upstream is a place where we listen,
 * as far as that can be seen without looking names up.  The rest is seen at the
 * first connection: socket_leads_back.
 */
void config_loop_check(const struct config *c, const struct origin *upstream,
		       struct mistakes *m);

#endif
