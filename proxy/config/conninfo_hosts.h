/*
 * conninfo_hosts.h - the keywords of a CONNINFO about which of its hosts is
 * taken.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONNINFO_HOSTS_H
#define LOCKSTEP_PROXY_CONFIG_CONNINFO_HOSTS_H

#include <stdbool.h>

#include "proxy/config/hosts_settings.h"
#include "proxy/config/value.h"

/* libpq's: without its header it has no other name. */
struct _PQconninfoOption; /* NOLINT(bugprone-reserved-identifier) */

/*
 * Read target_session_attrs and balance, the value of load_balance_hosts or
 * NULL, into *out; any host and their own order where they are not there.
 * False: *error says why, without the value.
 */
bool conninfo_hosts_read(struct hosts_settings *out,
			 const struct _PQconninfoOption *options,
			 const char *balance, struct value_error *error);

#endif
