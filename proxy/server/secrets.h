/*
 * secrets.h - a configuration and what its files hold, read at the start and
 * again at each reload.
 */
#ifndef LOCKSTEP_PROXY_SERVER_SECRETS_H
#define LOCKSTEP_PROXY_SERVER_SECRETS_H

#include <stdbool.h>

#include "proxy/auth/credentials.h"
#include "proxy/config/config.h"
#include "proxy/config/config_load.h"
#include "proxy/fleet/fleet_key.h"

/* Tell a mistake, a line.  is_fatal: nothing could be loaded; else what it is
 * about is left out of that. */
typedef void secrets_tell(void *arg, bool is_fatal, const char *mistake);

/* A secrets_tell for the log, by which arg is not used. */
void secrets_log(void *arg, bool is_fatal, const char *mistake);

/*
 * Read a configuration from its sources, or what one names, for the caller to
 * own: the configuration, one use of the credentials, which follow old ones
 * unless these are NULL, the key.  Each mistake is told.  NULL: they cannot be
 * used.
 */
struct config *secrets_load_config(const struct config_sources *sources,
				   secrets_tell *tell, void *arg);
struct credentials *secrets_load_credentials(struct generation *g,
					     const struct credentials *old,
					     secrets_tell *tell, void *arg);
struct fleet_key *secrets_load_fleet_key(const struct config *c,
					 secrets_tell *tell, void *arg);

#endif
