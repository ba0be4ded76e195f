/*
 * config_load.h - settings from file, environment and command line -> one
 * struct config.
 *
 * Each setting has one name: in the file (INI, `name = value`, comments with
 * # or ;), in --set NAME=VALUE, and upper case with the prefix LOCKSTEP_ in
 * the environment.  The nearest wins: the console's SET, --set, environment,
 * file, default.
 *
 * Behind the plain settings the file may have sections, [rule] or [rule NAME]:
 * predicates, and the guard's settings for the statements of which they are
 * true.  A rule's settings are nearer than all of the above.
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
#ifndef LOCKSTEP_PROXY_CONFIG_CONFIG_LOAD_H
#define LOCKSTEP_PROXY_CONFIG_CONFIG_LOAD_H

#include <stddef.h>
#include <stdio.h>

struct config;
struct config_text;

/* All borrowed, for the call. */
struct config_sources {
	const char *file;        /* NULL: none */
	char *const *environ;    /* NULL: ignored */
	const char *const *sets; /* "NAME=VALUE", nearest last */
	size_t set_count;
	/* By the places in setting_table, NULL where there is none. */
	const char *const *of_console; /* NULL: none at all */
	/* The file as it was read before; NULL: it is read. */
	const struct config_text *text;
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
 *   SET NAME: message
 *
 * NULL if there was any.  An unknown LOCKSTEP_ variable is a line with the
 * word "warning" and no mistake, because others name variables as well; an
 * empty one counts as not set.  No line holds any part of a CONNINFO.
 */
struct config *config_load(const struct config_sources *sources, FILE *errors);

#endif
