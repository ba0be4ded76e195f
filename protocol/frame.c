#include "protocol/frame.h"

enum {
	LENGTH_BYTES = 4, /* the length counts itself */
};

enum frame_status
frame_peek(struct frame_header *out, struct span in)
{
	const uint8_t *b = in.data;
	uint32_t len;

	if (in.len < FRAME_HEADER_BYTES)
		return FRAME_MORE;
	len = (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 |
	      (uint32_t)b[3] << 8 | b[4];
	if (len < LENGTH_BYTES || len > FRAME_LENGTH_MAX)
		return FRAME_BAD;
	out->type = b[0];
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
	struct frame_header h;
	enum frame_status status = frame_peek(&h, *in);

	if (status != FRAME_OK)
		return status;
	if (max < LENGTH_BYTES || h.body_len > max - LENGTH_BYTES)
		return FRAME_BAD;
	if (!frame_is_whole(&h, *in))
		return FRAME_MORE;
	*out = (struct frame){.type = h.type, .body = frame_body(&h, *in)};
	*in = span_of(in->data + frame_len(&h), in->len - frame_len(&h));
	return FRAME_OK;
}
