#include "protocol/reader.h"

enum {
	DECIMAL_DIGITS_MAX = 10,
};

uint8_t
read_u8(struct reader *r)
{
	struct span b = read_span(r, 1);

	return r->overrun ? 0 : b.data[0];
}

uint16_t
read_u16(struct reader *r)
{
	struct span b = read_span(r, 2);

	if (r->overrun)
		return 0;
	return (uint16_t)(b.data[0] << 8 | b.data[1]);
}

uint32_t
read_u32(struct reader *r)
{
	struct span b = read_span(r, 4);

	if (r->overrun)
		return 0;
	return (uint32_t)b.data[0] << 24 | (uint32_t)b.data[1] << 16 |
	       (uint32_t)b.data[2] << 8 | b.data[3];
}

struct span
read_span(struct reader *r, size_t len)
{
	struct span taken = {.data = r->rest.data, .len = len};

	if (r->overrun || len > r->rest.len) {
		r->overrun = true;
		return (struct span){.data = NULL};
	}
	if (len > 0) { /* an empty rest may have no address to add to */
		r->rest.data += len;
		r->rest.len -= len;
	}
	return taken;
}

struct span
read_string(struct reader *r)
{
	const uint8_t *nul = NULL;
	struct span text;

	if (!r->overrun && r->rest.len > 0)
		nul = memchr(r->rest.data, 0, r->rest.len);
	if (nul == NULL) {
		r->overrun = true;
		return (struct span){.data = NULL};
	}
	text = read_span(r, (size_t)(nul - r->rest.data));
	(void)read_span(r, 1); /* the NUL */
	return text;
}

void
read_values(struct reader *r, struct span *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t len = read_u32(r);

		values[i] = (struct span){.data = NULL};
		if (len != UINT32_MAX)
			values[i] = read_span(r, len);
	}
}

bool
decimal_decode(uint64_t *out, struct span text)
{
	*out = 0;
	if (text.len == 0 || text.len > DECIMAL_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t digit = text.data[i];

		if (digit < '0' || digit > '9')
			return false;
		*out = *out * 10 + (uint64_t)(digit - '0');
	}
	return true;
}

bool
reader_finished(const struct reader *r)
{
	return !r->overrun && r->rest.len == 0;
}
