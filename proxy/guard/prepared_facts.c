#include "proxy/guard/prepared_facts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct prepared_facts *
prepared_facts_new(struct statement_list *list)
{
	struct prepared_facts *facts = calloc(1, sizeof(*facts));

	if (facts == NULL) {
		statement_list_clear(list);
		return NULL;
	}
	facts->list = *list;
	facts->users = 1;
	memset(list, 0, sizeof(*list));
	return facts;
}

/* Count the bytes.  False: there is no room for them. */
static bool
room_take(struct prepared_room *room, size_t bytes)
{
	if (bytes > PREPARED_SESSION_MAX_BYTES - room->bytes)
		return false;
	if (room->others != NULL &&
	    atomic_fetch_add(room->others, bytes) + bytes >
		PREPARED_PROCESS_MAX_BYTES) {
		atomic_fetch_sub(room->others, bytes);
		return false;
	}
	room->bytes += bytes;
	return true;
}

static void
room_give(struct prepared_room *room, size_t bytes)
{
	room->bytes -= bytes;
	if (room->others != NULL)
		atomic_fetch_sub(room->others, bytes);
}

bool
prepared_facts_keep(struct prepared_facts *facts, struct span text,
		    struct prepared_room *room)
{
	size_t bytes = sizeof(*facts) + statement_list_bytes(&facts->list);
	bool rests = bytes > PREPARED_AWAKE_MAX_BYTES && text.len < bytes;
	char *copy = NULL;

	if (rests) {
		bytes = sizeof(*facts) + text.len + 1;
		copy = calloc(1, text.len + 1);
	}
	if ((rests && copy == NULL) || !room_take(room, bytes)) {
		free(copy);
		return false;
	}
	facts->room = room;
	facts->bytes = bytes;
	facts->text = copy;
	facts->text_len = text.len;
	if (!rests)
		return true;
	memcpy(copy, text.data, text.len);
	statement_list_clear(&facts->list);
	return true;
}

bool
prepared_facts_wake(struct prepared_facts *facts, enum guard_scope scope,
		    size_t parse_bytes)
{
	if (facts->text == NULL)
		return true;
	if (facts->awake == 0 &&
	    statement_list_parse(&facts->list, facts->text, facts->text_len,
				 scope, parse_bytes) != STATEMENT_OK)
		return false;
	facts->awake++;
	return true;
}

void
prepared_facts_rest(struct prepared_facts *facts)
{
	if (facts == NULL || facts->text == NULL)
		return;
	assert(facts->awake > 0);
	if (--facts->awake == 0)
		statement_list_clear(&facts->list);
}

void
prepared_facts_use(struct prepared_facts *facts)
{
	facts->users++;
}

void
prepared_facts_drop(struct prepared_facts *facts)
{
	if (facts == NULL || --facts->users > 0)
		return;
	if (facts->room != NULL)
		room_give(facts->room, facts->bytes);
	statement_list_clear(&facts->list);
	free(facts->text);
	free(facts);
}
