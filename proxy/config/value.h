/*
 * value.h - the text of one setting -> its value, or why it is none.
 *
 * Every function returns false with *error filled, and *out as it was, if the
 * text is not a value.  The messages name what is allowed; the caller puts
 * before them where the text stands.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_VALUE_H
#define LOCKSTEP_PROXY_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value_error {
	char text[400];    /* printable, whatever the value held */
	bool is_no_memory; /* the value may be one all the same */
};

/* Fill in *error; returns false, for `return value_fail(...)`. */
bool value_fail(struct value_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for want of memory. */
bool value_fail_memory(struct value_error *error);

enum { VALUE_SHOWN_BYTES = 64 };

/* Make of a text what a message may show, short and printable; returns out. */
const char *value_shown(char out[VALUE_SHOWN_BYTES], const char *text);

/* Units are PostgreSQL's, and as there a blank may stand before them. */
enum value_unit_kind {
	VALUE_PLAIN,    /* no unit */
	VALUE_DURATION, /* ms, s, min, h, d; without one: milliseconds */
	VALUE_SIZE,     /* B, kB, MB, GB, by 1024; without one: bytes */
};

/* A whole number with a unit, min to max once it is applied. */
bool value_parse_number(uint32_t *out, const char *text,
			enum value_unit_kind kind, uint32_t min, uint32_t max,
			struct value_error *error);

/* Write the shortest text that value_parse_number reads as `value`. */
void value_format_number(char *out, size_t size, enum value_unit_kind kind,
			 uint32_t value);

/* File mode bits, octal digits. */
bool value_parse_mode(uint32_t *out, const char *text,
		      struct value_error *error);

/* Any of on, off, true, false, yes, no, 1 and 0, in any case. */
bool value_parse_bool(bool *out, const char *text, struct value_error *error);

/* *out is the index of the text in `words`, which end with NULL. */
bool value_parse_word(uint32_t *out, const char *text, const char *const *words,
		      struct value_error *error);

/*
 * "schema.table, table, ..." -> *out, *count names, which value_free_list takes
 * back.  Letters outside double quotes are folded as the server folds them.
 */
bool value_parse_tables(char ***out, size_t *count, const char *text,
			struct value_error *error);

/*
 * "a, b c, ..." -> *out, as above: the texts between commas, without the blanks
 * around them, and none of them empty.
 */
bool value_parse_list(char ***out, size_t *count, const char *text,
		      struct value_error *error);

/* Free the count texts and their array; accepts NULL and 0. */
void value_free_list(char **list, size_t count);

/* How many single letter changes turn a into b; letter case is none. */
size_t value_distance(const char *a, const char *b);

#endif
