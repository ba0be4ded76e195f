/*
 * trace.c - comments are what tokens leave out: they stand between two of
 * them, and nowhere else.
 */
#include "policy/sql/trace.h"

#include <stdbool.h>
#include <string.h>

#include "policy/sql/tokens.h"

#define KEY "traceparent='"

enum {
	KEY_LEN = sizeof(KEY) - 1,
	PARENT_LEN = 55, /* 00-trace-span-flags */
	TRACE_AT = 3,
	SPAN_AT = TRACE_AT + TRACE_ID_LEN + 1,
	FLAGS_AT = SPAN_AT + TRACE_SPAN_LEN + 1,
	FLAGS_LEN = 2,
};

static bool
trace_is_hex(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f'))
			return false;
	return true;
}

/* Zeros alone are no id. */
static bool
trace_is_id(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && s[i] == '0')
		i++;
	return i < len && trace_is_hex(s, len);
}

/* Read a traceparent of PARENT_LEN bytes. */
static bool
trace_read(struct trace *out, const char *s)
{
	if (memcmp(s, "00-", TRACE_AT) != 0 || s[SPAN_AT - 1] != '-' ||
	    s[FLAGS_AT - 1] != '-' ||
	    !trace_is_id(s + TRACE_AT, TRACE_ID_LEN) ||
	    !trace_is_id(s + SPAN_AT, TRACE_SPAN_LEN) ||
	    !trace_is_hex(s + FLAGS_AT, FLAGS_LEN))
		return false;
	*out = (struct trace){0};
	memcpy(out->trace_id, s + TRACE_AT, TRACE_ID_LEN);
	memcpy(out->span_id, s + SPAN_AT, TRACE_SPAN_LEN);
	return true;
}

/* Look in what stands between two tokens: blanks and comments, and what a
 * string may begin with. */
static bool
trace_find(struct trace *out, const char *s, size_t len)
{
	const char *end = s + len;
	const char *comment = memmem(s, len, "/*", 2);
	const char *key;

	if (comment == NULL)
		return false;
	s = comment + 2;
	while ((key = memmem(s, (size_t)(end - s), KEY, KEY_LEN)) != NULL) {
		s = key + KEY_LEN;
		if (strchr("*, \t\r\n", key[-1]) != NULL &&
		    (size_t)(end - s) > PARENT_LEN && s[PARENT_LEN] == '\'' &&
		    trace_read(out, s))
			return true;
	}
	return false;
}

struct trace
trace_of_text(const char *sql, size_t len)
{
	struct tokens t = {.sql = sql, .len = len};
	struct trace found = {{0}, {0}};
	struct token token;
	size_t from;

	if (memmem(sql, len, KEY, KEY_LEN) == NULL)
		return found;
	do {
		from = t.pos;
		token = tokens_next(&t);
		if (trace_find(&found, sql + from,
			       token.kind == TOKEN_END
				   ? len - from
				   : (size_t)(token.text - sql) - from))
			break;
	} while (token.kind != TOKEN_END);
	return found;
}
