#include "policy/sql/repeat_facts.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/grow.h"

enum {
	NAMES_LEAST = 8,
};

void
repeat_stop(struct repeat *r, const char *obstacle)
{
	if (r->obstacle == NULL)
		r->obstacle = obstacle;
}

void
repeat_add(struct repeat *r, struct repeat_names *names, char *name)
{
	char **items = NULL;

	if (names->count == REPEAT_NAMES_MAX)
		repeat_stop(r, "it names too much");
	else if (name != NULL)
		items = grow_array(names->items, names->count, sizeof(*items),
				   NAMES_LEAST);
	if (items == NULL) {
		repeat_stop(r, "out of memory");
		free(name);
		return;
	}
	names->items = items;
	names->items[names->count++] = name;
}

static void
repeat_names_clear(struct repeat_names *names)
{
	while (names->count > 0)
		free(names->items[--names->count]);
	free(names->items);
}

void
repeat_clear(struct repeat *r)
{
	repeat_names_clear(&r->functions);
	repeat_names_clear(&r->shown);
	repeat_names_clear(&r->written);
	repeat_names_clear(&r->filled);
	repeat_names_clear(&r->savepoints);
	memset(r, 0, sizeof(*r));
}
