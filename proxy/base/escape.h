/*
 * escape.h - text of anybody's making on its way to a person or a parser.
 *
 * Control bytes, invalid UTF-8, and what makes a terminal or an editor show a
 * line as something else than it is (line separators, changes of the writing
 * direction) come out as escapes: a hostile name cannot forge a line.
 */
#ifndef LOCKSTEP_PROXY_BASE_ESCAPE_H
#define LOCKSTEP_PROXY_BASE_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

enum {
	ESCAPE_BYTES = 8, /* that one character may become */
};

enum escape_form {
	ESCAPE_JSON,   /* within the quotes of a JSON string */
	ESCAPE_QUOTED, /* within quotes, in text */
	ESCAPE_TEXT,   /* in text where a quote is just a quote */
};

/*
 * Write the text that stands for the first character of s, which has at least
 * one byte, and return its length; not NUL terminated.  *used bytes of s are
 * done with it.
 */
size_t escape_next(char out[ESCAPE_BYTES], size_t *used, const char *s,
		   size_t len, enum escape_form form);

/*
 * The number of bytes at the front of s that stand for themselves in every
 * form: printable ASCII without quotes and backslashes.
 */
size_t escape_plain_len(const char *s, size_t len);

/* Write as many whole characters as fit into size bytes; NUL terminated. */
void escape_text(char *out, size_t size, const char *s, size_t len);

/* Write a JSON string with its quotes. */
void escape_write_json(FILE *out, const char *s, size_t len);

#endif
