/*
 * reader.h - bounded big-endian reading with a sticky overrun flag.
 *
 * A decoder reads field after field as the message format lists them and
 * asks once, at the end, whether all of it was there.  After an overrun every
 * read returns zero or an empty span and consumes nothing.
 */
#ifndef LOCKSTEP_PROTOCOL_READER_H
#define LOCKSTEP_PROTOCOL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/span.h"

struct reader {
	struct span rest; /* bytes that have not been read yet */
	bool overrun;     /* a read wanted more than was there */
};

/* Read one byte. */
uint8_t read_u8(struct reader *r);

/* Read a big-endian number of two bytes. */
uint16_t read_u16(struct reader *r);

/* Read a big-endian number of four bytes. */
uint32_t read_u32(struct reader *r);

/*
 * Read len bytes, which stay borrowed from the bytes that the reader is over.
 */
struct span read_span(struct reader *r, size_t len);

/*
 * Read a NUL terminated string, borrowed likewise and without its NUL, which
 * is data[len].  A missing NUL is an overrun.
 */
struct span read_string(struct reader *r);

/*
 * Read `count` values, each a length of four bytes and as many bytes, borrowed;
 * the length -1 has none and stands for SQL NULL: data NULL.
 */
void read_values(struct reader *r, struct span *values, size_t count);

/*
 * Decode a whole text of 1 to 10 decimal digits, as many as an int32 has.
 * False: it is anything else, and *out is undefined.
 */
bool decimal_decode(uint64_t *out, struct span text);

/* True if all was read and nothing was missing. */
bool reader_finished(const struct reader *r);

#endif
