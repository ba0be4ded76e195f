/*
 * Two bytes choose max and where the stream is split in two deliveries; the
 * rest is the stream.  Frames lie one behind the other within the input, none
 * is longer than max, and the split changes nothing.  A run of frames is the
 * frames of one type at the front.
 */
#include "protocol/frame.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cut in into frames; the status that ended it, the bytes taken in *taken. */
static enum frame_status
cut(struct span in, size_t max, size_t *taken)
{
	const uint8_t *start = in.data;

	for (;;) {
		const uint8_t *front = in.data;
		size_t len = in.len;
		struct frame_header header;
		struct frame f;
		enum frame_status status = frame_next(&f, &in, max);

		*taken = (size_t)(front - start);
		if (status != FRAME_OK) {
			assert(in.data == front && in.len == len);
			assert(status != FRAME_MORE || len < max + 1 ||
			       len < FRAME_HEADER_BYTES);
			return status;
		}
		assert(frame_peek(&header, span_of(front, len)) == FRAME_OK);
		assert(header.type == f.type && f.type == front[0]);
		assert(header.body_len == f.body.len);
		assert(f.body.data == front + FRAME_HEADER_BYTES);
		assert(f.body.len + 4 <= max);
		assert(in.data == f.body.data + f.body.len);
		assert(in.len == len - FRAME_HEADER_BYTES - f.body.len);
	}
}

static void
check_run(struct span in)
{
	size_t run = in.len > 0 ? frame_run(in, in.data[0]) : 0;
	size_t len = in.len;
	struct span rest = in;
	struct frame f;

	while (rest.len > 0 && rest.data[0] == in.data[0] &&
	       frame_next(&f, &rest, FRAME_LENGTH_MAX) == FRAME_OK)
		len = rest.len;
	assert(run == in.len - len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum frame_status whole, second;
	size_t max, split, taken, before, after;

	if (size < 2)
		return 0;
	max = data[0];
	split = data[1];
	data += 2;
	size -= 2;
	if (split > size)
		split = size;
	check_run(span_of(data, size));
	whole = cut(span_of(data, size), max, &taken);
	second = cut(span_of(data, split), max, &before);
	assert(before <= split && before <= taken);
	if (second == FRAME_BAD) {
		assert(whole == FRAME_BAD && before == taken);
		return 0;
	}
	second = cut(span_of(data + before, size - before), max, &after);
	assert(second == whole);
	assert(before + after == taken);
	return 0;
}
