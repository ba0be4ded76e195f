#include "proxy/guard/said.h"

#include "policy/sql/gist.h"

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
said_tell_tables(const struct said *s, char *out, size_t size)
{
	struct gist_tables t = gist_tables_begin(out, size);
	size_t i;

	for (i = 0; i < s->count; i++) {
		struct span text = said_read(&s->fronts[i]);

		gist_tables_add(&t, (const char *)text.data, text.len);
	}
}
