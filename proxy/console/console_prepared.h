/*
 * console_prepared.h - what a console's client has prepared and bound: a few
 * commands by name.
 */
#ifndef LOCKSTEP_PROXY_CONSOLE_CONSOLE_PREPARED_H
#define LOCKSTEP_PROXY_CONSOLE_CONSOLE_PREPARED_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"
#include "proxy/console/console_parse.h"

enum {
	CONSOLE_NAME_BYTES = 64, /* NAMEDATALEN */
	CONSOLE_PREPARED_MAX = 256,
};

/* A prepared statement or a portal. */
struct console_prepared {
	bool is_used;
	uint8_t kind; /* 'S', 'P' */
	char name[CONSOLE_NAME_BYTES];
	bool is_empty; /* there is no command in it */
	struct console_command command;
	uint32_t binary; /* portal: columns that are wanted so */
};

/* A zeroed one has none. */
struct console_names {
	struct console_prepared *items; /* owned */
	size_t count;
};

/* The entry of that kind and name.  NULL: there is none. */
struct console_prepared *console_names_find(struct console_names *n,
					    uint8_t kind, struct span name);

/*
 * An entry of that kind and name, all else of it zeroed: the one that stands,
 * or a new one.  NULL: the name is too long, there are too many, or memory is
 * out.
 */
struct console_prepared *console_names_set(struct console_names *n,
					   uint8_t kind, struct span name);

/* Forget an entry, if it is there; or all of that kind. */
void console_names_close(struct console_names *n, uint8_t kind,
			 struct span name);
void console_names_close_all(struct console_names *n, uint8_t kind);

/* Free all entries. */
void console_names_clear(struct console_names *n);

#endif
