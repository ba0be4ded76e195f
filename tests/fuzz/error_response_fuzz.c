/*
 * Four bytes are the shift, the rest an error's body.  What comes out is one
 * frame that parses exactly if the body did, differs in nothing but the
 * position, and there by the shift.  Shifting by nothing only drops leading
 * zeros.
 */
#include "protocol/error_response.h"

#include <assert.h>
#include <stdlib.h>

#include "protocol/backend.h"
#include "protocol/frame.h"
#include "protocol/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
same(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool
is_number(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return text.len > 0 && text.len <= 10;
}

static void
check_shifted(struct span body, struct span out, uint32_t shift)
{
	struct error_fields was, is;
	size_t before, after;

	if (!error_fields_decode(&was, body) || !is_number(was.position)) {
		assert(same(body, out));
		return;
	}
	assert(error_fields_decode(&is, out));
	assert(strtoull((const char *)was.position.data, NULL, 10) + shift ==
	       strtoull((const char *)is.position.data, NULL, 10));
	before = (size_t)(was.position.data - body.data);
	after = body.len - before - was.position.len;
	assert(is.position.data == out.data + before);
	assert(out.len == before + is.position.len + after);
	assert(memcmp(body.data, out.data, before) == 0);
	assert(memcmp(body.data + body.len - after, out.data + out.len - after,
		      after) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = {.rest = span_of(data, size)};
	uint32_t shift = read_u32(&r);
	struct writer w = {0};
	struct span in;
	struct frame f;

	if (r.overrun)
		return 0;
	error_response_shift(&w, 'N', r.rest, shift);
	assert(!w.failed && !w.is_open);
	in = span_of(w.data, w.len);
	assert(frame_next(&f, &in, FRAME_LENGTH_MAX) == FRAME_OK);
	assert(f.type == 'N' && in.len == 0);
	check_shifted(r.rest, f.body, shift);
	writer_clear(&w);
	return 0;
}
