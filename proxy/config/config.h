/*
 * config.h - settings from file, environment and command line -> one
 * immutable struct config.
 *
 * Each setting has one name: in the file (INI, `name = value`, comments with
 * # or ;), in --set NAME=VALUE, and upper case with the prefix LOCKSTEP_ in
 * the environment.  The nearest wins: --set, environment, file, default.
 *
 * Behind the plain settings the file may have sections, [rule] or [rule NAME]:
 * predicates, and the guard's settings for the statements of which they are
 * true.  What a rule sets is nearer than all of the above.
 *
 * conf/lockstep.conf says what each one means, setting.c what is allowed.
 * Durations take ms, s, min, h or d, and a plain number counts milliseconds;
 * sizes take B, kB, MB or GB.  hold_timeout and attempt_timeout cannot be 0:
 * what means "for ever" in PostgreSQL does not exist here.
 *
 * listen is a comma list of ADDR:PORT, [IPV6]:PORT, *:PORT and
 * /DIRECTORY:PORT.  The last one is the socket DIRECTORY/.s.PGSQL.PORT, where
 * `psql -h /DIRECTORY -p PORT` looks for it.  *:PORT becomes two endpoints,
 * 0.0.0.0 and, if the kernel has IPv6, ::, so IPv6 sockets must be bound with
 * IPV6_V6ONLY.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONFIG_H
#define LOCKSTEP_PROXY_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/guard/rule.h"
#include "policy/guard/settings.h"
#include "proxy/base/log.h"
#include "proxy/config/tls_settings.h"

/* One place to listen at, or one server to dial. */
struct endpoint {
	char *host; /* name, IPv4, IPv6 without brackets, or, with a leading
		       slash: listen: the socket's path; upstream: the
		       directory of its .s.PGSQL.<port>; '@': abstract */
	uint16_t port;
	char *name; /* upstream: what its certificate must be for; NULL: not
		       known, or no TLS goes there */
};

/* Who checks a client's password. */
enum auth_method {
	AUTH_PASS,  /* the server: what it asks and is told passes through */
	AUTH_SCRAM, /* we, by auth_file; then we log in with what we learnt */
};

struct config {
	struct endpoint *listen; /* listen, default 127.0.0.1:7432 */
	size_t listen_count;
	struct endpoint *upstream; /* upstream, a libpq CONNINFO; in order */
	size_t upstream_count;     /* 0: not set, so nothing can be served */
	char *upstream_conninfo;   /* as given, for `explain`, or NULL; a secret
				      may be in it: never logged */
	struct tls_settings tls;   /* tls_mode to tls_ciphers: clients' */
	struct tls_settings upstream_tls; /* of the CONNINFO */
	enum auth_method auth;            /* auth */
	char *auth_file;                  /* auth_file, or NULL */
	uint32_t workers; /* workers, default: one per CPU, at most 64 */
	uint32_t max_connections;    /* max_connections, default 10000 */
	uint32_t unix_socket_mode;   /* unix_socket_mode, octal, default 0777 */
	uint32_t connect_timeout_ms; /* connect_timeout, default 10s */
	uint32_t login_timeout_ms;   /* login_timeout, default 60s */
	uint32_t drain_timeout_ms;   /* drain_timeout, default 30s */
	uint32_t parse_limit_bytes;  /* parse_limit, default 16kB */
	uint32_t query_limit_bytes;  /* query_limit, default 1MB: a larger
					Query or Parse streams unjudged */
	enum log_level log_level;    /* log_level */
	enum log_format log_format;  /* log_format */
	struct guard_settings guard; /* guard to guard_single_table; where no
					rule and no session says otherwise */
	struct rule *rules;          /* in the order of the file */
	size_t rule_count;
	/*
	 * What is looked for in statements: all that any rule or session can
	 * have guarded.  OFF: guard = off, and no rule has another; then the
	 * guard does not exist, and no session can call it.
	 */
	enum guard_scope detect;
};

enum {
	CONFIG_RULES_MAX = 1000,
	CONFIG_RULE_NAME_BYTES = 63,
};

struct config_sources {
	const char *file;        /* NULL: none */
	char *const *environ;    /* NULL: ignored */
	const char *const *sets; /* "NAME=VALUE", nearest last */
	size_t set_count;
};

/*
 * Read, validate and return a configuration that config_free takes back.
 * Every mistake (not only the first) is one line on `errors`, with what is
 * allowed and, for an unknown name, the nearest known one:
 *
 *   FILE:LINE: NAME: message
 *   FILE:LINE: message
 *   LOCKSTEP_NAME: message
 *   --set NAME: message
 *
 * NULL if there was any.  An unknown LOCKSTEP_ variable is a line with the
 * word "warning" and no mistake, because others name variables as well; an
 * empty one counts as not set.  No line holds any part of a CONNINFO.
 */
struct config *config_load(const struct config_sources *sources, FILE *errors);

void config_free(struct config *config); /* accepts NULL */

/* A table of all settings with defaults and meaning, for --help. */
void config_describe(FILE *out);

#endif
