/*
 * Any text, and where its input is cut two of them: what the words of each tell
 * is told of both together, a text's shape is that of its tokens, whatever
 * blanks and comments stand behind it, and its gist fits.
 */
#include "policy/sql/words.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql/gist.h"
#include "policy/sql/shape.h"
#include "policy/sql/tokens.h"
#include "policy/sql/trace.h"
#include "policy/sql/unforeseen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy with `more` behind it, of exactly that size. */
static char *
join(const uint8_t *data, size_t size, const void *more, size_t more_len)
{
	char *joined = malloc(size + more_len + 1);

	if (joined == NULL)
		abort();
	if (size > 0)
		memcpy(joined, data, size);
	if (more_len > 0)
		memcpy(joined + size, more, more_len);
	return joined;
}

/* Both ids are there, or none. */
static void
check_trace(const char *sql, size_t len)
{
	struct trace t = trace_of_text(sql, len);
	size_t trace_len = strlen(t.trace_id);

	assert(trace_len == 0 || trace_len == TRACE_ID_LEN);
	assert(strlen(t.span_id) == (trace_len == 0 ? 0 : TRACE_SPAN_LEN));
}

static void
check_parts(const uint8_t *data, size_t size)
{
	const uint8_t *cut = size > 0 ? memchr(data, '|', size) : NULL;
	size_t len = cut != NULL ? (size_t)(cut - data) : size;
	char *whole = join(data, size, NULL, 0);
	char *first = join(data, len, NULL, 0);
	char *rest = join(data + len, size - len, NULL, 0);

	if (words_write(first, len) || words_write(rest, size - len))
		assert(words_write(whole, size));
	if (words_never_wait(first, len) || words_never_wait(rest, size - len))
		assert(words_never_wait(whole, size));
	(void)unforeseen_is_likely(whole, size, false);
	(void)unforeseen_is_likely(first, len, true);
	check_trace(whole, size);
	free(whole);
	free(first);
	free(rest);
}

/* True if no string, name or comment of the text is still open at its end. */
static bool
is_closed(const uint8_t *data, size_t size, bool opens_dollars)
{
	char *more = join(data, size, " x", 2);
	struct tokens t = {
	    .sql = more, .len = size + 2, .opens_dollars = opens_dollars};
	struct token token;
	struct token last = {0};
	bool is_last;

	while ((token = tokens_next(&t)).kind != TOKEN_END)
		last = token;
	is_last = last.kind == TOKEN_WORD && last.text == more + size + 1;
	free(more);
	return is_last;
}

static void
check_shape(const uint8_t *data, size_t size)
{
	static const char blank[] = " \n/* , */ -- ;\n";
	char *text = join(data, size, NULL, 0);
	char *longer = join(data, size, blank, sizeof(blank) - 1);

	if (is_closed(data, size, false) && is_closed(data, size, true)) {
		assert(shape_of_text(text, size) ==
		       shape_of_text(longer, size + sizeof(blank) - 1));
		assert(!words_are_harmless(text, size) ||
		       words_are_harmless(longer, size + sizeof(blank) - 1));
	}
	free(text);
	free(longer);
}

/* A gist is short, and has a NUL. */
static void
check_gist(const uint8_t *data, size_t size)
{
	char *text = join(data, size, NULL, 0);
	char *out = malloc(20);
	struct gist_tables tables;

	if (out == NULL)
		abort();
	gist_of_text(out, 20, text, size, size % 2 == 0);
	assert(strlen(out) < 20);
	tables = gist_tables_begin(out, 20);
	gist_tables_add(&tables, text, size / 2, false);
	gist_tables_add(&tables, text, size, size % 2 == 0);
	assert(strlen(out) < 20);
	free(out);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_parts(data, size);
	check_shape(data, size);
	check_gist(data, size);
	return 0;
}
