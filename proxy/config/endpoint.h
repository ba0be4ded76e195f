/*
 * endpoint.h - lists of struct endpoint, and the text of setting `listen`.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_ENDPOINT_H
#define LOCKSTEP_PROXY_CONFIG_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/config/config.h"
#include "proxy/config/value.h"

struct endpoint_list {
	struct endpoint *items; /* owned, as are the hosts in it */
	size_t count;
};

/* Adds a copy of host[0 .. len).  False: out of memory, list unchanged. */
bool endpoint_list_add(struct endpoint_list *list, const char *host, size_t len,
		       uint16_t port);

void endpoint_list_clear(struct endpoint_list *list); /* accepts a zeroed one */

/* An IPv4 or IPv6 address, with a zone if it needs one; never a name. */
bool endpoint_is_numeric(const char *host);

/* A directory of Unix sockets or, with @, an abstract one. */
bool endpoint_is_local(const char *host);

/* Its .s.PGSQL.<port> fits a socket address whatever the port. */
bool endpoint_is_short_enough(const char *directory);

/* 1 to 65535 with blanks around it; *end is where reading stopped. */
bool endpoint_read_port(uint16_t *out, const char *text, const char **end);

/*
 * A comma list -> *out:
 *   ADDR:PORT     a name or an IPv4 address; [ADDR]:PORT for IPv6
 *   *:PORT        all addresses: 0.0.0.0, and :: where the kernel has IPv6
 *   /DIR:PORT     the Unix socket /DIR/.s.PGSQL.PORT, which is where
 *                 `psql -h /DIR -p PORT` looks; @NAME:PORT likewise
 * The messages do not hold the text.
 */
bool endpoint_list_parse(struct endpoint_list *out, const char *text,
			 struct value_error *error);

#endif
