/*
 * mistake.h - what is wrong with a configuration, and where: a line each.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_MISTAKE_H
#define LOCKSTEP_PROXY_CONFIG_MISTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	MISTAKE_NAME_BYTES = 40, /* a longer name is not shown */
};

enum origin_kind {
	ORIGIN_PRESET,
	ORIGIN_FILE,
	ORIGIN_ENVIRONMENT,
	ORIGIN_SET,
	ORIGIN_CONSOLE,
};

/* Where a text stands. */
struct origin {
	enum origin_kind kind;
	unsigned line;    /* ORIGIN_FILE; 0: the file as a whole */
	const char *name; /* borrowed; NULL where there is none to show */
};

struct mistakes {
	const char *file; /* the name of the file; borrowed */
	FILE *out;        /* borrowed */
	size_t count;     /* shown or not */
};

/* Print where a text stands: "conf:7: policy: " */
void mistake_print_origin(const struct mistakes *m,
			  const struct origin *origin);

/* Count a mistake, and print it as one line unless there were very many. */
void mistake_report(struct mistakes *m, const struct origin *origin,
		    const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Report a setting that there is not.  A name that does not look like one is
 * not shown: with a wrong quote or flag it can be part of a CONNINFO. */
void mistake_report_unknown(struct mistakes *m, const struct origin *origin,
			    const char *name, const char *nearest);

/* Short, and nothing but letters, digits, _, - and dots. */
bool mistake_looks_like_name(const char *name);

/* Print how many were not shown, if any. */
void mistake_report_rest(const struct mistakes *m);

#endif
