/*
 * console_access.h - who may use the console, and for what.
 *
 * The names are the configuration's.  Over a Unix socket the kernel tells who
 * has connected: the uids that the names have in the system's user database are
 * looked up as the configuration is read, and kept as long as the process runs.
 */
#ifndef LOCKSTEP_PROXY_AUTH_CONSOLE_ACCESS_H
#define LOCKSTEP_PROXY_AUTH_CONSOLE_ACCESS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "proxy/config/config.h"

/* The database by whose name clients ask for the console. */
#define CONSOLE_DATABASE "lockstep"

enum console_rights {
	CONSOLE_MAY_NOTHING, /* the console does not exist */
	CONSOLE_MAY_LOOK,    /* SHOW */
	CONSOLE_MAY_ALL,     /* all */
};

struct console_access;

/*
 * Look up the names, which are borrowed, but those of which `known` has the
 * uid; it may be NULL.  This takes two seconds at most.  A look-up that fails
 * or does not end is a line on `errors`, and the user gets in by TCP only.
 * NULL: out of memory.
 */
struct console_access *console_access_new(const struct config *config,
					  const struct console_access *known,
					  FILE *errors);
void console_access_free(struct console_access *a); /* accepts NULL */

/* The rights of that user, once authenticated; from any thread.  a may be NULL.
 */
enum console_rights console_access_find(const struct console_access *a,
					const char *user);

/* True if the system's user of that name has this uid. */
bool console_access_is_peer(const struct console_access *a, const char *user,
			    uid_t uid);

#endif
