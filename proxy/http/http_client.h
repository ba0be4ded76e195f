/*
 * http_client.h - what `lockstep wait`, `shutdown` and `why` ask of a running
 * Lockstep with the same configuration.  Blocks; for the command line.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_CLIENT_H
#define LOCKSTEP_PROXY_HTTP_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/config/config.h"

/*
 * Wait until it serves, by /startup at http_listen, or, where that is not set,
 * by a connection to `listen`, but no longer than max_ms.  False: it does not.
 */
bool http_client_wait(const struct config *c, uint32_t max_ms);

enum http_client_answer {
	HTTP_CLIENT_OK,
	HTTP_CLIENT_SILENT, /* no answer, or not all of it */
	HTTP_CLIENT_NOT_FOUND,
	HTTP_CLIENT_ODD, /* another status: it is no Lockstep, or an old one */
};

/* Print to `out` why a statement was held: that of this id, which may be
 * "last", or, for NULL, a list.  Nothing is printed unless it is
 * HTTP_CLIENT_OK. */
enum http_client_answer http_client_why(const struct config *c, const char *id,
					FILE *out);

/* Have it stop as by SIGTERM.  False: it does not answer, or refuses. */
bool http_client_shutdown(const struct config *c);

#endif
