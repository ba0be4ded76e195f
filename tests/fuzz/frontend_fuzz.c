/*
 * One byte chooses the message, the rest is its body.  What is accepted lies
 * within the body, accounts for every byte of it, and is accepted at no other
 * length: neither a proper prefix nor a longer body (Bind: every longer one).
 */
#include "protocol/frontend.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef bool body_check(struct span body);

/* A string of a body: it starts at `at`, and its first NUL is its end. */
static const uint8_t *
check_string(struct span text, const uint8_t *at)
{
	assert(text.data == at);
	assert(memchr(at, 0, text.len + 1) == at + text.len);
	return at + text.len + 1;
}

static bool
check_query(struct span body)
{
	struct query_message q;

	if (!query_decode(&q, body))
		return false;
	assert(check_string(q.sql, body.data) == body.data + body.len);
	return true;
}

static bool
check_parse(struct span body)
{
	struct parse_message p;
	const uint8_t *at;

	if (!parse_decode(&p, body))
		return false;
	at = check_string(p.statement, body.data);
	at = check_string(p.sql, at);
	assert(p.rest.data == at);
	assert(at + p.rest.len == body.data + body.len);
	assert(p.rest.len == 2 + 4 * (size_t)(at[0] << 8 | at[1]));
	return true;
}

static bool
check_bind(struct span body)
{
	struct bind_message b;

	if (!bind_decode(&b, body))
		return false;
	assert(check_string(b.statement, check_string(b.portal, body.data)) <=
	       body.data + body.len);
	return true;
}

static bool
check_target(struct span body)
{
	struct target_message t;

	if (!target_decode(&t, body))
		return false;
	assert(t.kind == body.data[0] && (t.kind == 'S' || t.kind == 'P'));
	assert(check_string(t.name, body.data + 1) == body.data + body.len);
	return true;
}

static bool
check_execute(struct span body)
{
	struct execute_message e;

	if (!execute_decode(&e, body))
		return false;
	assert(check_string(e.portal, body.data) + 4 == body.data + body.len);
	assert(e.max_rows <= INT32_MAX);
	return true;
}

static void
check_lengths(body_check *check, struct span body)
{
	bool before = false;

	for (size_t len = 0; len <= body.len; len++) {
		bool accepted = check(span_of(body.data, len));

		if (check == check_bind)
			assert(accepted || !before);
		else if (check != check_parse)
			assert(!accepted || !before);
		before = before || accepted;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static body_check *const checks[] = {
	    check_query, check_parse, check_bind, check_target, check_execute};

	if (size > 0 && size < 4096)
		check_lengths(checks[data[0] % 5], span_of(data + 1, size - 1));
	return 0;
}
