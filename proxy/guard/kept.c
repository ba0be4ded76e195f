#include "proxy/guard/kept.h"

bool
kept_add(struct kept *k, const void *frame, size_t len)
{
	if (!buffer_append(&k->frames, frame, len))
		return false;
	k->count++;
	return true;
}

void
kept_clear(struct kept *k)
{
	buffer_clear(&k->frames);
	k->count = 0;
}
