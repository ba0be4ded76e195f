#include "proxy/gate/recall.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/fnv.h"
#include "policy/sql/grow.h"
#include "policy/sql/mentions.h"
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
recall_add_mention(struct mention mentions[RECALL_MENTIONS_MAX],
		   uint16_t *count, const struct mention *m)
{
	uint16_t i;

	for (i = 0; i < *count; i++)
		if (mentions[i].name == m->name &&
		    mentions[i].schema == m->schema)
			return true;
	if (*count == RECALL_MENTIONS_MAX)
		return false;
	mentions[(*count)++] = *m;
	return true;
}

/* Look at the text; out->mentions stays NULL where they are too many. */
static void
recall_learn(struct recalled *out, const char *sql, size_t len)
{
	struct mention mentions[RECALL_MENTIONS_MAX];
	struct mentions m = mentions_begin(sql, len);
	struct mention mention;

	out->is_harmless = words_are_harmless(sql, len);
	out->writes = words_write(sql, len);
	out->never_waits = words_never_wait(sql, len);
	while (mentions_next(&m, &mention))
		if (!recall_add_mention(mentions, &out->count, &mention))
			return;
	out->mentions = malloc((out->count + 1u) * sizeof(mentions[0]));
	if (out->mentions != NULL)
		memcpy(out->mentions, mentions,
		       out->count * sizeof(mentions[0]));
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
		free(r->items[place].mentions);
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

	if (!recall_is_there(r, place, hash) ||
	    r->items[place].mentions == NULL)
		return NULL;
	return &r->items[place];
}

void
recall_clear(struct recall *r)
{
	uint32_t i;

	for (i = 0; i < r->count; i++)
		free(r->items[i].mentions);
	free(r->items);
	memset(r, 0, sizeof(*r));
}
