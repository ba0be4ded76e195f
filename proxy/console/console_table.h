/*
 * console_table.h - what SHOW can show: names, columns, and one line of help.
 *
 * Columns that PgBouncer has as well bear its names.
 */
#ifndef LOCKSTEP_PROXY_CONSOLE_CONSOLE_TABLE_H
#define LOCKSTEP_PROXY_CONSOLE_CONSOLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Rows that the worker of the console knows itself, all at once or a page at a
 * time, or that each worker makes of its sessions, a page at a time. */
enum console_source {
	CONSOLE_HERE,
	CONSOLE_PAGES,
	CONSOLE_WORKERS,
};

/* X(constant, name, source, help) */
#define CONSOLE_TABLE_LIST(X)                                                  \
	X(HELP, "HELP", HERE, "these commands")                                \
	X(VERSION, "VERSION", HERE, "the version")                             \
	X(CONFIG, "CONFIG", HERE, "the settings in force")                     \
	X(STATE, "STATE", HERE, "whether it serves, drains and guards")        \
	X(CLIENTS, "CLIENTS", WORKERS, "the sessions, as seen by clients")     \
	X(SERVERS, "SERVERS", WORKERS, "the same, as seen by the server")      \
	X(HELD, "HELD", WORKERS, "statements that are held now")               \
	X(GUARDED, "GUARDED", PAGES, "guarded statements, the newest first")   \
	X(WINDOWS, "WINDOWS", HERE, "windows for which the gate is shut now")  \
	X(STATS, "STATS", HERE, "numbers since the start")                     \
	X(STATS_TOTALS, "STATS_TOTALS", HERE, "the same by other names")       \
	X(LISTS, "LISTS", HERE, "how many of what there are")                  \
	X(POOLS, "POOLS", HERE, "sessions by what they do")                    \
	X(DATABASES, "DATABASES", HERE, "the upstream")                        \
	X(FLEET, "FLEET", HERE, "the connection to other Locksteps")           \
	/* The columns of what was described last, which psql's \gdesc asks    \
	 * for; SHOW does not know it. */                                      \
	X(GDESC, "", HERE, "")

enum console_table {
#define X(constant, name, source, help) CONSOLE_##constant,
	CONSOLE_TABLE_LIST(X)
#undef X
	    CONSOLE_TABLES,
};

enum console_type {
	CONSOLE_TEXT,   /* text */
	CONSOLE_NUMBER, /* bigint */
};

struct console_column {
	const char *name;
	enum console_type type;
};

enum {
	CONSOLE_COLUMNS_MAX = 24,
};

/* The word behind SHOW, and what it shows, static. */
const char *console_table_name(enum console_table t);
const char *console_table_help(enum console_table t);

/* The source of its rows. */
enum console_source console_table_source(enum console_table t);

/* The columns, static; *count of them. */
const struct console_column *console_table_columns(enum console_table t,
						   size_t *count);

#endif
