/*
 * secrets.h - what files hold, read at the start and again on SIGHUP.
 */
#ifndef LOCKSTEP_PROXY_SERVER_SECRETS_H
#define LOCKSTEP_PROXY_SERVER_SECRETS_H

#include <stdbool.h>

#include "proxy/auth/credentials.h"
#include "proxy/config/config.h"
#include "proxy/fleet/fleet_key.h"

/* Tell a mistake, a line behind `what`.  is_fatal: nothing could be loaded. */
typedef void secrets_tell(bool is_fatal, const char *what, const char *mistake);

/* A secrets_tell for the log. */
void secrets_log(bool is_fatal, const char *what, const char *mistake);

/*
 * Read what the configuration names, for the caller to own: one use of the
 * credentials, or the key.  Each mistake is told: where they can be used, with
 * "left out: " before it.  NULL: they cannot, and `what` stands there.
 */
struct credentials *secrets_load_credentials(const struct config *c,
					     secrets_tell *tell,
					     const char *what);
struct fleet_key *secrets_load_fleet_key(const struct config *c,
					 secrets_tell *tell, const char *what);

#endif
