/*
 * frame.h - a byte stream cut into frames: type byte, length, body.
 *
 * Source: PostgreSQL documentation, "Message Formats": every message but
 * the startup packet is one type byte, then an Int32 length that counts itself
 * and the body but not the type byte.
 */
#ifndef LOCKSTEP_PROTOCOL_FRAME_H
#define LOCKSTEP_PROTOCOL_FRAME_H

#include <stdint.h>

#include "protocol/span.h"

enum {
	FRAME_HEADER_BYTES = 5,
	/*
	 * The longest a server can send: a StringInfo of MaxAllocSize - 1
	 * bytes, and the length itself.  From clients it takes four bytes
	 * less (pqcomm.c), and says so itself.
	 */
	FRAME_LENGTH_MAX = 0x3ffffffe + 4,
};

enum frame_status {
	FRAME_OK,
	FRAME_MORE,
	FRAME_BAD,
};

struct frame_header {
	uint8_t type;
	uint32_t body_len; /* bytes that follow the five of the header */
};

/* The length of the whole frame in bytes, its header included. */
static inline size_t
frame_len(const struct frame_header *h)
{
	return FRAME_HEADER_BYTES + (size_t)h->body_len;
}

/* True if all bytes of the frame that `in` starts with are there. */
static inline bool
frame_is_whole(const struct frame_header *h, struct span in)
{
	return in.len >= frame_len(h);
}

/* The body of the whole frame that `in` starts with, borrowed from it. */
static inline struct span
frame_body(const struct frame_header *h, struct span in)
{
	return span_of(in.data + FRAME_HEADER_BYTES, h->body_len);
}

/* The bytes of the body that are in raw, a frame with its header or the front
 * of one, borrowed from it. */
static inline struct span
frame_front(struct span raw)
{
	return span_of(raw.data + FRAME_HEADER_BYTES,
		       raw.len - FRAME_HEADER_BYTES);
}

struct frame {
	uint8_t type;
	struct span body;
};

/*
 * Read the header at the front of in, consuming nothing.
 *
 * FRAME_OK    *out is set; the body may not be there yet.
 * FRAME_MORE  fewer than FRAME_HEADER_BYTES bytes.
 * FRAME_BAD   a length below 4 or above FRAME_LENGTH_MAX: framing is lost,
 *             the stream can only be closed.
 */
enum frame_status frame_peek(struct frame_header *out, struct span in);

/*
 * The length in bytes of all whole frames of this type that stand at the front
 * of `in`, one behind the other; 0 if the first one is none.
 */
size_t frame_run(struct span in, uint8_t type);

/*
 * Take the next whole frame off the front of *in.
 *
 * max bounds the wire length in bytes (its own four included, the type byte
 * not), and is checked before the body arrives, so a hostile length cannot
 * make the caller buffer more than max + 1 bytes.
 *
 * FRAME_OK    *out is set, *in starts after it.  out->body borrows from *in:
 *             valid until the caller drains or grows that buffer.
 * FRAME_MORE  incomplete; *out and *in are unchanged.
 * FRAME_BAD   length below 4, above max or above FRAME_LENGTH_MAX; both
 *             unchanged.
 */
enum frame_status frame_next(struct frame *out, struct span *in, size_t max);

#endif
