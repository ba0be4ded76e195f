/*
 * gist.h - an SQL text in short, for people: without literals and comments, and
 * with one blank where there are some.
 *
 * A literal is a '?'; so are a body in dollars and a parameter.  Names stay as
 * they are.
 */
#ifndef LOCKSTEP_POLICY_SQL_GIST_H
#define LOCKSTEP_POLICY_SQL_GIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GIST_TABLES_MAX = 16, /* that are told from one another */
};

/*
 * Write the gist of a text of `len` bytes, NUL terminated, with "..." at its
 * end where it does not fit into size, which is at least 4.  is_doubtful: a
 * backslash may mean something in any string, or a byte be a part of a
 * character; where the text has one the gist then ends ahead of its first
 * string, as nobody knows where that ends.
 */
void gist_of_text(char *out, size_t size, const char *sql, size_t len,
		  bool is_doubtful);

/* A text that is written; there is room left for "..." and a NUL. */
struct gist {
	char *out; /* borrowed */
	size_t size;
	size_t len;
	bool is_cut;
	bool has_literal; /* at its end */
};

/* The tables that texts name, each once, in the order in which they are first
 * named, by mentions.h where it is sure: "a, b". */
struct gist_tables {
	struct gist gist;
	uint32_t known[GIST_TABLES_MAX];
	size_t count;
};

/* Begin with none: an empty text in out.  Cut as above. */
struct gist_tables gist_tables_begin(char *out, size_t size);

/* Add those of a text, as far as it can be read: is_doubtful as above. */
void gist_tables_add(struct gist_tables *t, const char *sql, size_t len,
		     bool is_doubtful);

#endif
