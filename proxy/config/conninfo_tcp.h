/*
 * conninfo_tcp.h - the keywords of a CONNINFO about time: how long a server is
 * waited for, and how soon one that is gone is noticed.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONNINFO_TCP_H
#define LOCKSTEP_PROXY_CONFIG_CONNINFO_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/config/tcp_settings.h"
#include "proxy/config/value.h"

/* libpq's: without its header it has no other name. */
struct _PQconninfoOption; /* NOLINT(bugprone-reserved-identifier) */

/*
 * Read keepalives, keepalives_idle, keepalives_interval, keepalives_count and
 * tcp_user_timeout into *out, with half a minute where nothing is said, and
 * connect_timeout into *connect_timeout_ms, 0 if it is not there.
 * False: *error says why, without the value.
 */
bool conninfo_tcp_read(struct tcp_settings *out, uint32_t *connect_timeout_ms,
		       const struct _PQconninfoOption *options,
		       struct value_error *error);

#endif
