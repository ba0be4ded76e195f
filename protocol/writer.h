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
	bool is_open;
	bool failed;
};

void write_u8(struct writer *w, uint8_t value);
void write_u16(struct writer *w, uint16_t value);
void write_u32(struct writer *w, uint32_t value);
void write_bytes(struct writer *w, const void *data, size_t len);
void write_string(struct writer *w, const char *text); /* with its NUL */

/*
 * Start a message: its type byte (0: none, as a startup packet has none) and
 * room for its length, which writer_end fills in.  Messages do not nest.
 */
void writer_begin(struct writer *w, uint8_t type);
void writer_end(struct writer *w);

/* Forget bytes and failure, keep the memory; clear frees it as well. */
void writer_reset(struct writer *w);
void writer_clear(struct writer *w);

#endif
