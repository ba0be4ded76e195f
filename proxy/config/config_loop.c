#include "proxy/config/config_loop.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proxy/config/endpoint.h"

enum {
	PATH_BYTES = 256,
};

static bool
config_loop_is_localhost(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strcmp(host, "127.0.0.1") == 0;
}

/* True if the host is this machine, by the family of the wildcard: at each of
 * the two another server may listen. */
static bool
config_loop_covers(const char *wildcard, const char *host)
{
	if (strcmp(wildcard, "0.0.0.0") == 0)
		return strcasecmp(host, "localhost") == 0 ||
		       strncmp(host, "127.", strlen("127.")) == 0;
	return strcmp(wildcard, "::") == 0 &&
	       (strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0);
}

/* True if one of the two is the name localhost, and the other its address. */
static bool
config_loop_is_named(const char *a, const char *b)
{
	return (strcasecmp(a, "localhost") == 0 &&
		config_loop_is_localhost(b)) ||
	       (strcasecmp(b, "localhost") == 0 && config_loop_is_localhost(a));
}

static bool
config_loop_is_same_socket(const struct endpoint *server,
			   const struct endpoint *listen)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/.s.PGSQL.%u", server->host,
		 (unsigned)server->port);
	return strcmp(path, listen->host) == 0;
}

static bool
config_loop_is_same(const struct endpoint *server,
		    const struct endpoint *listen)
{
	if (endpoint_is_local(server->host) || endpoint_is_local(listen->host))
		return config_loop_is_same_socket(server, listen);
	return server->port == listen->port &&
	       (strcasecmp(server->host, listen->host) == 0 ||
		config_loop_is_named(server->host, listen->host) ||
		config_loop_covers(listen->host, server->host));
}

void
config_loop_check(const struct config *c, const struct origin *upstream,
		  struct mistakes *m)
{
	size_t i;
	size_t j;

	for (i = 0; i < c->upstream_count; i++) {
		for (j = 0; j < c->listen_count; j++) {
			if (!config_loop_is_same(&c->upstream[i],
						 &c->listen[j]))
				continue;
			mistake_report(
			    m, upstream,
			    "this is Lockstep itself, by the setting "
			    "\"listen\"");
			return;
		}
	}
}
