#include "proxy/guard/delivery.h"

#include <string.h>

#include "protocol/backend.h"
#include "protocol/error_response.h"
#include "protocol/types.h"
#include "proxy/pair/pair.h"

/*
 * Positions count characters.  In UTF-8 these are the bytes that continue
 * none; elsewhere a byte is taken for a character, which puts the position too
 * far behind where the text before the piece has multi-byte characters.
 */
static uint32_t
delivery_count_characters(const char *text, size_t len, bool is_utf8)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (is_utf8)
			n += (c & 0xc0) != 0x80;
		else
			n++;
	}
	return n;
}

void
delivery_begin(struct delivery *d, struct pair *p, const char *text,
	       size_t offset, bool holds_back)
{
	delivery_clear(d);
	d->pair = p;
	d->shift = delivery_count_characters(text, offset, p->is_utf8);
	d->holds_back = holds_back;
}

static void
delivery_release(struct delivery *d)
{
	(void)pair_to_client(d->pair, d->held.data, d->held.len);
	writer_reset(&d->held);
	d->tag_len = 0;
}

/* Let an error or a notice out, behind all that is held.  False: the caller
 * passes it on as it is. */
static bool
delivery_pass_shifted(struct delivery *d, struct frame frame)
{
	struct writer w = {0};

	delivery_release(d);
	if (d->shift == 0)
		return false;
	error_response_shift(&w, frame.type, frame.body, d->shift);
	if (w.failed)
		pair_close(d->pair, CLOSE_MEMORY, NULL);
	else
		(void)pair_to_client(d->pair, w.data, w.len);
	writer_clear(&w);
	return true;
}

static void
delivery_hold(struct delivery *d, struct span raw)
{
	write_bytes(&d->held, raw.data, raw.len);
	if (d->held.failed)
		pair_close(d->pair, CLOSE_MEMORY, NULL);
}

/* Send what is held behind the CommandComplete, ahead of it. */
static void
delivery_send_async(struct delivery *d)
{
	if (d->held.len > d->tag_len)
		(void)pair_to_client(d->pair, d->held.data + d->tag_len,
				     d->held.len - d->tag_len);
	d->held.len = d->tag_len;
}

bool
delivery_take_async(struct delivery *d, struct frame frame, struct span raw)
{
	if (d->tag_len == 0)
		return false;
	if (frame.body.data != NULL &&
	    raw.len <= DELIVERY_HELD_MAX_BYTES - (d->held.len - d->tag_len)) {
		delivery_hold(d, raw);
		return true;
	}
	delivery_send_async(d);
	return false;
}

static bool
delivery_is_async(uint8_t type)
{
	return type == BACKEND_NOTIFICATION_RESPONSE ||
	       type == BACKEND_PARAMETER_STATUS;
}

static bool
delivery_hold_tag(struct delivery *d, struct span raw)
{
	if (!d->holds_back)
		return false;
	delivery_release(d);
	d->tag_len = raw.len;
	delivery_hold(d, raw);
	return true;
}

/*
 * True for notices of level LOG: about a text that has run (log_duration and
 * its like), the server sends them behind its last answer.  Those of a
 * statement that is still to answer wait for that.
 */
static bool
delivery_is_log(struct frame frame, struct span raw)
{
	struct error_fields f;

	if (frame.type != BACKEND_NOTICE_RESPONSE)
		return false;
	(void)error_fields_decode(&f, frame_front(raw));
	return span_equals(f.severity, "LOG");
}

bool
delivery_answer(struct delivery *d, struct frame frame, struct span raw)
{
	if (delivery_is_async(frame.type) ||
	    (d->tag_len > 0 && delivery_is_log(frame, raw)))
		return delivery_take_async(d, frame, raw);
	if (frame.body.data == NULL) { /* too large to be seen whole */
		delivery_release(d);
		d->has_failed |= frame.type == BACKEND_ERROR_RESPONSE;
		return false;
	}
	switch (frame.type) {
	case BACKEND_READY_FOR_QUERY:
		return true; /* query_finish sends the only one */
	case BACKEND_COMMAND_COMPLETE:
	case BACKEND_EMPTY_QUERY_RESPONSE:
		return delivery_hold_tag(d, raw);
	case BACKEND_NOTICE_RESPONSE:
		return delivery_pass_shifted(d, frame);
	case BACKEND_ERROR_RESPONSE:
		d->has_failed = true;
		return delivery_pass_shifted(d, frame);
	default: /* another statement's: the tag was not the last */
		delivery_release(d);
		return false;
	}
}

void
delivery_confirm(struct delivery *d)
{
	delivery_release(d);
}

/* Send what is held behind the tag, but for notices: the server says nothing
 * of a text that has failed. */
static void
delivery_release_asynchronous(struct delivery *d)
{
	struct span rest = span_of(d->held.data, d->held.len);
	struct frame_header h;

	while (frame_peek(&h, rest) == FRAME_OK && frame_is_whole(&h, rest)) {
		if (delivery_is_async(h.type))
			(void)pair_to_client(d->pair, rest.data, frame_len(&h));
		rest = span_of(rest.data + frame_len(&h),
			       rest.len - frame_len(&h));
	}
	writer_reset(&d->held);
	d->tag_len = 0;
}

void
delivery_deny(struct delivery *d, struct span error)
{
	delivery_release_asynchronous(d);
	d->has_failed = true;
	if (error.len > 0)
		(void)pair_to_client(d->pair, error.data, error.len);
}

void
delivery_clear(struct delivery *d)
{
	writer_clear(&d->held);
	memset(d, 0, sizeof(*d));
}
