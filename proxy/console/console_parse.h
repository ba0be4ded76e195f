/*
 * console_parse.h - the text of a Query -> commands of the console, one at a
 * time.
 *
 * The language is PgBouncer's: a word, perhaps another, perhaps a number, and a
 * semicolon.  Letters are of either case, comments are SQL's.
 */
#ifndef LOCKSTEP_PROXY_CONSOLE_CONSOLE_PARSE_H
#define LOCKSTEP_PROXY_CONSOLE_CONSOLE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"
#include "proxy/console/console_table.h"
#include "proxy/pair/pair.h"

enum console_verb {
	CONSOLE_SHOW,
	CONSOLE_KILL,    /* KILL_CLIENT id */
	CONSOLE_RELEASE, /* RELEASE id */
	CONSOLE_ABORT,   /* ABORT id */
	CONSOLE_GUARD,   /* GUARD ON | OFF */
	CONSOLE_PAUSE,   /* PAUSE [database] */
	CONSOLE_RESUME,  /* RESUME [database] */
	CONSOLE_RELOAD,
	CONSOLE_SHUTDOWN, /* SHUTDOWN [WAIT_FOR_CLIENTS] */
	CONSOLE_SET,      /* a driver sets something: no effect */
	CONSOLE_CHANGE,   /* SET name = value | DEFAULT */
	CONSOLE_DEALLOCATE,
	CONSOLE_BEGIN, /* a driver wants a block: only its status */
	CONSOLE_COMMIT,
	CONSOLE_ROLLBACK,
	CONSOLE_VERBS,
};

enum {
	CONSOLE_TEXT_BYTES = 1024,
};

struct console_command {
	enum console_verb verb;
	enum console_table table;      /* SHOW */
	uint64_t id;                   /* a session's */
	char text[CONSOLE_TEXT_BYTES]; /* a database; "": all; SET: the value */
	char name[PAIR_NAME_BYTES];    /* SET: of what */
	bool is_default;               /* SET: there is no value */
	bool is_on;                    /* GUARD */
	bool waits;                    /* SHUTDOWN WAIT_FOR_CLIENTS */
};

/* Why a text is no command; all static. */
struct console_mistake {
	const char *sqlstate;
	const char *message;
	const char *hint;
	const char *detail; /* NULL: none */
};

enum console_found {
	CONSOLE_FOUND,   /* *out is the next command */
	CONSOLE_AT_END,  /* nothing is left but blanks and comments */
	CONSOLE_MISTAKE, /* *mistake says why */
};

/* Take the next command off the front of *text. */
enum console_found console_parse(struct console_command *out, struct span *text,
				 struct console_mistake *mistake);

/* The tag by which a CommandComplete tells of the command; static. */
const char *console_tag(enum console_verb verb);

/* True if only who may do all may do this. */
bool console_needs_admin(enum console_verb verb);

#endif
