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

/*
 * Write the gist of a text of `len` bytes, NUL terminated, with "..." at its
 * end where it does not fit into size, which is at least 4.  is_doubtful: a
 * backslash may mean something in any string, or a byte be a part of a
 * character; where the text has one the gist then ends ahead of its first
 * string, as nobody knows where that ends.
 */
void gist_of_text(char *out, size_t size, const char *sql, size_t len,
		  bool is_doubtful);

/*
 * Write the tables that the text names, each once, in the order in which they
 * are first named, by mentions.h: "a, b".  Cut as above.
 */
void gist_of_tables(char *out, size_t size, const char *sql, size_t len);

#endif
