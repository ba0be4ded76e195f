/*
 * Texts under names, one after the other: what is known of a name is what its
 * last text tells, or nothing, and names do not get into each other's way.
 */
#include "proxy/gate/recall.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql/mentions.h"
#include "policy/sql/words.h"
#include "protocol/reader.h"

enum {
	NAMES = 16,
};

struct text {
	bool is_set;
	struct span sql; /* borrowed from the input */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span
name_of(const uint8_t *index)
{
	return span_of(index, *index > 0 ? 1 : 0);
}

static bool
has_mention(const struct recalled *known, const struct mention *m)
{
	uint16_t i;

	for (i = 0; i < known->count; i++)
		if (known->mentions[i].name == m->name &&
		    known->mentions[i].schema == m->schema)
			return true;
	return false;
}

static void
check_text(const struct recalled *known, struct span sql)
{
	const char *s = (const char *)sql.data;
	struct mentions m = mentions_begin(s, sql.len);
	struct mention mention;

	assert(known->is_harmless == words_are_harmless(s, sql.len));
	assert(known->writes == words_write(s, sql.len));
	assert(known->never_waits == words_never_wait(s, sql.len));
	assert(known->count <= RECALL_MENTIONS_MAX);
	while (known->mentions != NULL && mentions_next(&m, &mention))
		assert(has_mention(known, &mention));
}

static void
check_all(const struct recall *r, const struct text texts[NAMES])
{
	uint8_t i;

	for (i = 0; i < NAMES; i++) {
		const struct recalled *known = recall_find(r, name_of(&i));

		assert((known != NULL) == texts[i].is_set);
		if (known != NULL)
			check_text(known, texts[i].sql);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader input = {.rest = span_of(data, size)};
	struct text texts[NAMES] = {{0}};
	struct recall r = {0};
	uint8_t name;
	size_t len;

	while (input.rest.len > 1) {
		name = read_u8(&input) % NAMES;
		len = read_u8(&input);
		if (len > input.rest.len)
			len = input.rest.len;
		texts[name].sql = read_span(&input, len);
		texts[name].is_set = true;
		recall_note(&r, name_of(&name), texts[name].sql);
		check_all(&r, texts);
	}
	recall_clear(&r);
	return 0;
}
