/*
 * endpoint.h - where to listen, or what to dial: struct endpoint, lists of
 * them, and the text of setting `listen`.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_ENDPOINT_H
#define LOCKSTEP_PROXY_CONFIG_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value_error;

/* One place to listen at, or one server to dial. */
struct endpoint {
	char *host; /* owned.  A name, IPv4, IPv6 without brackets, or, with a
		       leading slash: listen: the socket's path; upstream: the
		       directory of its .s.PGSQL.<port>; '@': abstract */
	uint16_t port;
	char *name; /* owned.  Upstream: what its certificate must be for;
		       NULL: not known, or no TLS goes there */
};

struct endpoint_list {
	struct endpoint *items; /* owned */
	size_t count;
};

/* Add a copy of host[0 .. len).  False: out of memory, list unchanged. */
bool endpoint_list_add(struct endpoint_list *list, const char *host, size_t len,
		       uint16_t port);

/* Free the items; accepts a zeroed list, and leaves one. */
void endpoint_list_clear(struct endpoint_list *list);

/* An IPv4 or IPv6 address, with a zone if it needs one; never a name. */
bool endpoint_is_numeric(const char *host);

/* A directory of Unix sockets or, with @, an abstract one. */
bool endpoint_is_local(const char *host);

/* The directory's .s.PGSQL.<port> fits a socket address whatever the port. */
bool endpoint_is_short_enough(const char *directory);

/*
 * Read 1 to 65535 with blanks around it; *end is where reading stopped.
 * False: there is no such number, and *out and *end are as they were.
 */
bool endpoint_read_port(uint16_t *out, const char *text, const char **end);

/*
 * A comma list -> *out, which endpoint_list_clear takes back:
 *   ADDR:PORT     a name or an IPv4 address; [ADDR]:PORT for IPv6
 *   *:PORT        all addresses: 0.0.0.0, and :: where the kernel has IPv6
 *   /DIR:PORT     the Unix socket /DIR/.s.PGSQL.PORT, which is where
 *                 `psql -h /DIR -p PORT` looks; @NAME:PORT likewise
 * False: *error says why, without the text, and *out is as it was.
 */
bool endpoint_list_parse(struct endpoint_list *out, const char *text,
			 struct value_error *error);

#endif
