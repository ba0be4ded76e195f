/*
 * conninfo.h - a libpq CONNINFO -> the servers that a relay dials.
 *
 * libpq splits the string; what a host, a list of hosts or a missing host
 * means is as in libpq, except that PGHOST and the other variables of the
 * environment are not read: a daemon's servers stand in its configuration.
 *
 * What only a client needs (user, password, dbname, keepalives, ...) is
 * accepted and left to `lockstep explain`.  What asks the relay for something
 * that it cannot do yet is refused, never ignored: TLS or GSS encryption,
 * a check of the server, a service file in place of the host.
 */
#ifndef LOCKSTEP_PROXY_CONNINFO_H
#define LOCKSTEP_PROXY_CONNINFO_H

#include <stdbool.h>

#include "proxy/endpoint.h"
#include "proxy/value.h"

/*
 * On success *out, which endpoint_list_clear takes back, holds one entry or
 * more.  No byte of the string gets into *error: it may be a password.
 */
bool conninfo_parse(struct endpoint_list *out, const char *conninfo,
		    struct value_error *error);

#endif
