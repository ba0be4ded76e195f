#include "proxy/gate/recall.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/fnv.h"
#include "policy/sql/grow.h"
#include "policy/sql/words.h"

/* The index at which the name stands, or would. */
static uint32_t
recall_place(const struct recall *r, uint64_t name)
{
	uint32_t low = 0;
	uint32_t high = r->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (r->items[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
recall_is_there(const struct recall *r, uint32_t place, uint64_t name)
{
	return place < r->count && r->items[place].name == name;
}

static bool
recall_add_word(uint32_t words[RECALL_WORDS_MAX], uint16_t *count,
		uint32_t word)
{
	uint16_t i;

	for (i = 0; i < *count; i++)
		if (words[i] == word)
			return true;
	if (*count == RECALL_WORDS_MAX)
		return false;
	words[(*count)++] = word;
	return true;
}

/* Look at the text; out->words stays NULL where they are too many or opaque. */
static void
recall_learn(struct recalled *out, const char *sql, size_t len)
{
	uint32_t words[RECALL_WORDS_MAX];
	struct words w = {.sql = sql, .len = len};
	uint32_t word;

	out->is_harmless = words_are_harmless(sql, len);
	out->writes = words_write(sql, len);
	if (words_are_opaque(sql, len))
		return;
	while (words_next(&w, &word))
		if (!recall_add_word(words, &out->count, word))
			return;
	out->words = malloc((out->count + 1u) * sizeof(*out->words));
	if (out->words != NULL)
		memcpy(out->words, words, out->count * sizeof(*out->words));
}

static bool
recall_make_room(struct recall *r, uint32_t place)
{
	uint32_t count = r->count;
	struct recalled *grown;

	if (count == RECALL_MAX)
		return false;
	grown = grow_array(r->items, count, sizeof(*grown), 1);
	if (grown == NULL)
		return false;
	r->items = grown;
	memmove(r->items + place + 1, r->items + place,
		(count - place) * sizeof(*r->items));
	r->count++;
	return true;
}

void
recall_note(struct recall *r, struct span name, struct span sql)
{
	struct recalled fresh = {.name = fnv_hash(name.data, name.len)};
	uint32_t place = recall_place(r, fresh.name);

	if (recall_is_there(r, place, fresh.name))
		free(r->items[place].words);
	else if (!recall_make_room(r, place))
		return;
	recall_learn(&fresh, (const char *)sql.data, sql.len);
	r->items[place] = fresh;
}

const struct recalled *
recall_find(const struct recall *r, struct span name)
{
	uint64_t hash = fnv_hash(name.data, name.len);
	uint32_t place = recall_place(r, hash);

	if (!recall_is_there(r, place, hash) || r->items[place].words == NULL)
		return NULL;
	return &r->items[place];
}

void
recall_clear(struct recall *r)
{
	uint32_t i;

	for (i = 0; i < r->count; i++)
		free(r->items[i].words);
	free(r->items);
	memset(r, 0, sizeof(*r));
}
