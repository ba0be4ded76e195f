/*
 * http_client.h - what `lockstep wait` and `lockstep shutdown` ask of a running
 * Lockstep with the same configuration.  Blocks; for the command line.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_CLIENT_H
#define LOCKSTEP_PROXY_HTTP_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/config/config.h"

/*
 * Wait until it serves, by /startup at http_listen, or, where that is not set,
 * by a connection to `listen`, but no longer than max_ms.  False: it does not.
 */
bool http_client_wait(const struct config *c, uint32_t max_ms);

/* Have it stop as by SIGTERM.  False: it does not answer, or refuses. */
bool http_client_shutdown(const struct config *c);

#endif
