#include "protocol/frame.h"

#include "protocol/reader.h"

enum {
	LENGTH_BYTES = 4, /* the length counts itself */
};

enum frame_status
frame_peek(struct frame_header *out, struct span in)
{
	struct reader r = {.rest = in};
	uint8_t type = read_u8(&r);
	uint32_t len = read_u32(&r);

	if (r.overrun)
		return FRAME_MORE;
	if (len < LENGTH_BYTES || len > FRAME_LENGTH_MAX)
		return FRAME_BAD;
	out->type = type;
	out->body_len = len - LENGTH_BYTES;
	return FRAME_OK;
}

size_t
frame_run(struct span in, uint8_t type)
{
	size_t len = 0;
	struct frame_header h;

	while (len < in.len && in.data[len] == type &&
	       frame_peek(&h, span_of(in.data + len, in.len - len)) ==
		   FRAME_OK &&
	       frame_len(&h) <= in.len - len)
		len += frame_len(&h);
	return len;
}

enum frame_status
frame_next(struct frame *out, struct span *in, size_t max)
{
	struct reader r = {.rest = *in};
	struct frame_header header;
	enum frame_status status = frame_peek(&header, *in);
	struct span body;

	if (status != FRAME_OK)
		return status;
	if (max < LENGTH_BYTES || header.body_len > max - LENGTH_BYTES)
		return FRAME_BAD;
	read_span(&r, FRAME_HEADER_BYTES);
	body = read_span(&r, header.body_len);
	if (r.overrun)
		return FRAME_MORE;
	*out = (struct frame){.type = header.type, .body = body};
	*in = r.rest;
	return FRAME_OK;
}
