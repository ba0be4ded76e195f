#include "proxy/guard/said.h"

#include <string.h>

#include "policy/sql/gist.h"

void
said_note_text(struct said *s, uint8_t type, struct span body, bool begins)
{
	struct said_front *f;

	if (begins)
		s->count = 0;
	s->awaits_bind = type == FRONTEND_PARSE;
	s->is_unknown = false;
	if (body.len < SAID_LEAST)
		return;
	f = &s->fronts[s->count < SAID_FRONTS ? s->count++ : SAID_FRONTS - 1];
	f->type = type;
	f->len = (uint8_t)(body.len < SAID_BYTES ? body.len : SAID_BYTES);
	memcpy(f->bytes, body.data, f->len);
}

/* The statement has just been parsed; is the unnamed one, whose text came last
 * of all; or is another. */
void
said_note_bind(struct said *s, struct span body, bool begins)
{
	bool is_named = body.len >= 2 && (body.data[0] | body.data[1]) != 0;
	bool is_other = is_named && !s->awaits_bind;

	if (begins && is_other)
		s->count = 0;
	s->is_unknown |= is_other;
	s->awaits_bind = false;
}

/* The string at the front, and what is behind it; either may be cut. */
static struct span
said_take_string(struct span *rest)
{
	const uint8_t *end =
	    rest->len > 0 ? memchr(rest->data, 0, rest->len) : NULL;
	struct span s = *rest;

	if (end == NULL) {
		*rest = span_of(NULL, 0);
		return s;
	}
	s.len = (size_t)(end - s.data);
	*rest = span_of(end + 1, rest->len - s.len - 1);
	return s;
}

/* The text of a statement. */
static struct span
said_read(const struct said_front *f)
{
	struct span rest = span_of(f->bytes, f->len);

	if (f->type == FRONTEND_PARSE)
		(void)said_take_string(&rest); /* the statement's name */
	return said_take_string(&rest);
}

void
said_tell_last(const struct said *s, char *out, size_t size, bool is_doubtful)
{
	struct span text;

	out[0] = '\0';
	if (s->count == 0 || s->is_unknown)
		return;
	text = said_read(&s->fronts[s->count - 1]);
	gist_of_text(out, size, (const char *)text.data, text.len, is_doubtful);
}

void
said_tell_tables(const struct said *s, char *out, size_t size, bool is_doubtful)
{
	struct gist_tables t = gist_tables_begin(out, size);
	size_t i;

	for (i = 0; i < s->count; i++) {
		struct span text = said_read(&s->fronts[i]);

		gist_tables_add(&t, (const char *)text.data, text.len,
				is_doubtful);
	}
}
