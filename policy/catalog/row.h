/*
 * row.h - a text column of a catalog row, and how its readers take it.
 *
 * Values borrow from the message or result that holds the row, and live as
 * long as that does.  They are not NUL terminated.  PostgreSQL has no NUL in
 * a text; a server that sends one all the same must not harm us.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_ROW_H
#define LOCKSTEP_POLICY_CATALOG_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row_value {
	const char *data; /* borrowed; NULL: SQL NULL, and len is 0 */
	size_t len;       /* bytes */
};

/* True if the value is SQL NULL. */
bool row_is_null(struct row_value v);

/* True if one of the first `count` values is SQL NULL. */
bool row_has_null(const struct row_value *values, size_t count);

/* True if the value is exactly this NUL terminated text; NULL equals none. */
bool row_equals(struct row_value v, const char *text);

/* True if a NUL is among the bytes. */
bool row_has_nul(struct row_value v);

/* Read "t" or "f" into *out.  False: the value is neither, *out is false. */
bool row_read_bool(bool *out, struct row_value v);

/*
 * Read the whole value as a decimal number from `least` to `most` into *out.
 * False: it is none, and *out is undefined.
 */
bool row_read_number(uint32_t *out, struct row_value v, uint32_t least,
		     uint32_t most);

/*
 * Read a duration as the server shows that of a setting into *ms: "0", "250ms",
 * "5s", "2min", "1h", "1d".  False: the value is none, and *ms is undefined.
 */
bool row_read_duration(uint32_t *ms, struct row_value v);

/*
 * Read the digits at the front of *v into *out and move *v behind them.
 * False: there are none, or they exceed UINT32_MAX; *out is then undefined.
 */
bool row_take_number(uint32_t *out, struct row_value *v);

/*
 * The number that the digits at the front spell, of which 18 count; 0 where
 * there are none.  Good for numbers that are only shown or compared.
 */
uint64_t row_number(struct row_value v);

/*
 * Copy the value to `out` of `size` bytes and terminate it with a NUL.
 * False: the value is NULL or too long; *out is unchanged.
 */
bool row_copy(char *out, size_t size, struct row_value v);

/*
 * Copy the value as row_copy does, but cut a long one between two characters of
 * UTF-8, and make an empty text of NULL.
 */
void row_copy_cut(char *out, size_t size, struct row_value v);

/*
 * A NUL terminated copy on the heap, the caller's to free.  NULL: the value
 * is NULL, empty or holds a NUL, or memory is out.
 */
char *row_duplicate(struct row_value v);

#endif
