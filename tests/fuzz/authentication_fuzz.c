/*
 * Any bytes as the messages of a login: what is decoded lies within, a list of
 * mechanisms has after a removal what it had before but for one name, and an
 * initial response is written as it was read.
 */
#include "protocol/authentication.h"

#include <assert.h>
#include <stdlib.h>

#include "protocol/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
assert_within(struct span part, struct span whole)
{
	if (part.len == 0)
		return;
	assert(part.data >= whole.data && part.len <= whole.len);
	assert(part.data <= whole.data + (whole.len - part.len));
}

static bool
spans_equal(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static char *
copy_of(struct span name)
{
	char *copy = strndup((const char *)name.data, name.len);

	if (copy == NULL)
		abort();
	return copy;
}

static void
check_list(struct span list)
{
	struct span rest = list;
	struct span left, name;
	struct writer w = {0};
	char *first;

	if (!sasl_mechanism_next(&rest, &name)) {
		assert(rest.data == list.data && rest.len == list.len);
		return;
	}
	first = copy_of(name);
	assert(sasl_mechanisms_have(list, first));
	authentication_sasl_write_without(&w, list, first);
	assert(!w.failed && w.len >= 10 && w.data[w.len - 1] == 0);
	left = span_of(w.data + 9, w.len - 9);
	assert(!sasl_mechanisms_have(left, first));
	for (rest = list; sasl_mechanism_next(&rest, &name);) {
		char *each = copy_of(name);
		struct span kept;

		assert_within(name, list);
		if (strcmp(each, first) != 0) {
			assert(sasl_mechanism_next(&left, &kept));
			assert(span_equals(kept, each));
		}
		free(each);
	}
	assert(left.len == 1);
	free(first);
	writer_clear(&w);
}

static void
check_response(struct span body)
{
	struct sasl_initial_response r;
	struct writer w = {0};
	char *mechanism;

	if (!sasl_initial_response_decode(&r, body))
		return;
	assert_within(r.mechanism, body);
	assert_within(r.data, body);
	if (!r.has_data) {
		assert(r.data.len == 0);
		return;
	}
	mechanism = copy_of(r.mechanism);
	sasl_initial_response_write(&w, mechanism, r.data);
	assert(!w.failed && w.data[0] == FRONTEND_PASSWORD);
	assert(spans_equal(span_of(w.data + 5, w.len - 5), body));
	free(mechanism);
	writer_clear(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body = span_of(data, size);
	struct authentication a;
	struct writer w = {0};

	check_response(body);
	if (!authentication_decode(&a, body)) {
		assert(size < 4);
		return 0;
	}
	assert_within(a.data, body);
	authentication_write(&w, a.code, a.data);
	assert(!w.failed && w.data[0] == BACKEND_AUTHENTICATION);
	assert(spans_equal(span_of(w.data + 5, w.len - 5), body));
	writer_clear(&w);
	check_list(a.data);
	return 0;
}
