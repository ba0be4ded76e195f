#include "proxy/net/second_round.h"

#include <string.h>

bool
second_round_add(struct second_round *r, const struct second_place *p)
{
	if (r->has_begun && r->first > 0)
		r->places[--r->first] = *p;
	else if (!r->has_begun && r->count < SECOND_ROUND_MAX)
		r->places[r->count++] = *p;
	else
		return false;
	return true;
}

bool
second_round_take(struct second_round *r, struct second_place *out)
{
	struct second_place *first = &r->places[r->first];
	struct second_place *found = first;
	size_t i;

	r->has_begun = true;
	if (!second_round_has_more(r))
		return false;
	for (i = r->first + 1; i < r->count; i++)
		if (r->places[i].rank < found->rank)
			found = &r->places[i];
	*out = *found;
	memmove(first + 1, first, (size_t)(found - first) * sizeof(*first));
	r->first++;
	return true;
}

bool
second_round_has_more(const struct second_round *r)
{
	return r->first < r->count;
}
