/*
 * secrets.h - what files hold, read at the start and again on SIGHUP.
 */
#ifndef LOCKSTEP_PROXY_SERVER_SECRETS_H
#define LOCKSTEP_PROXY_SERVER_SECRETS_H

#include "proxy/auth/credentials.h"
#include "proxy/config/config.h"
#include "proxy/fleet/fleet_key.h"

/*
 * Read what the configuration names, for the caller to own: one use of the
 * credentials, or the key.  Each mistake is logged, with `what` before it.
 * NULL: they cannot be used.
 */
struct credentials *secrets_load_credentials(const struct config *c,
					     const char *what);
struct fleet_key *secrets_load_fleet_key(const struct config *c,
					 const char *what);

#endif
