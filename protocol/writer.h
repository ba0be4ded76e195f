/*
 * writer.h - growing big-endian writing of whole messages.
 *
 * A writer owns its bytes.  A failed allocation or a message above 1 GiB - 1
 * sets the sticky flag `failed`; every later write is then ignored, so that a
 * builder checks once, at the end.  A zeroed writer is empty and valid.
 */
#ifndef LOCKSTEP_PROTOCOL_WRITER_H
#define LOCKSTEP_PROTOCOL_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"

struct writer {
	uint8_t *data; /* owned */
	size_t len;    /* bytes written */
	size_t cap;    /* bytes allocated */
	size_t open;   /* offset of the length field of the open message */
	bool is_open;  /* between writer_begin and writer_end */
	bool failed;
};

/* Append one byte. */
void write_u8(struct writer *w, uint8_t value);

/* Append a big-endian number of two bytes. */
void write_u16(struct writer *w, uint16_t value);

/* Append a big-endian number of four bytes. */
void write_u32(struct writer *w, uint32_t value);

/* Append len bytes; data may be NULL if len is 0. */
void write_bytes(struct writer *w, const void *data, size_t len);

/* Append a NUL terminated text, with its NUL. */
void write_string(struct writer *w, const char *text);

/*
 * Start a message: its type byte (0: none, as a startup packet has none) and
 * room for its length, which writer_end fills in.  Messages do not nest.
 */
void writer_begin(struct writer *w, uint8_t type);

/* Fill in the length of the message that writer_begin began. */
void writer_end(struct writer *w);

/* Forget bytes and failure, keep the memory. */
void writer_reset(struct writer *w);

/* Free the memory; w is then as a zeroed one. */
void writer_clear(struct writer *w);

#endif
