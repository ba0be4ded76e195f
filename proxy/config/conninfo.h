/*
 * conninfo.h - a libpq CONNINFO -> the servers that a relay dials, and how
 * their connections are encrypted, and watched.
 *
 * libpq splits the string; what a host, a list of hosts or a missing host
 * means is as in libpq, and so are the keywords about TLS, except that neither
 * PGHOST and the other variables of the environment nor the files of a home
 * directory are read: a daemon's servers stand in its configuration.
 *
 * Keywords that only a client needs (user, password, dbname, options, ...) are
 * accepted and left to `lockstep explain`.  What asks the relay for something
 * that it cannot do is refused, never ignored: GSS encryption, a service file
 * in place of the host.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONNINFO_H
#define LOCKSTEP_PROXY_CONFIG_CONNINFO_H

#include <stdbool.h>

#include "proxy/config/endpoint.h"
#include "proxy/config/hosts_settings.h"
#include "proxy/config/tcp_settings.h"
#include "proxy/config/tls_settings.h"
#include "proxy/config/value.h"

struct conninfo {
	struct endpoint_list servers; /* one or more */
	struct hosts_settings hosts;
	struct tls_settings tls;
	struct tcp_settings tcp;
	uint32_t connect_timeout_ms; /* 0: nothing is said about it */
	char *text; /* owned, as the libpq at hand can read it; a secret */
};

/*
 * Read text into *out, which conninfo_clear takes back.  False: *error says
 * why, with no byte of the text, which may be a password; *out is as it was.
 */
bool conninfo_parse(struct conninfo *out, const char *text,
		    struct value_error *error);

/* Free all, and wipe the text; accepts a zeroed one. */
void conninfo_clear(struct conninfo *c);

/*
 * Copy a text by which libpq itself connects, as a client, to a database that
 * it names; *out, which conninfo_wipe takes back, is owned.  False: as above.
 */
bool conninfo_copy_client(char **out, const char *text,
			  struct value_error *error);

/* Wipe and free a text that may hold a password; accepts NULL. */
void conninfo_wipe(char *text);

#endif
