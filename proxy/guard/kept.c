#include "proxy/guard/kept.h"

#include <string.h>

#include "proxy/guard/guarded.h"

bool
kept_add(struct kept *k, const void *frame, size_t len)
{
	if (!buffer_append(&k->frames, frame, len))
		return false;
	k->count++;
	return true;
}

void
kept_release(struct guarded *g)
{
	struct kept kept = g->kept;
	struct span rest = buffer_span(&kept.frames);
	struct frame_header h;

	memset(&g->kept, 0, sizeof(g->kept));
	(void)pair_to_server(g->pair, rest.data, rest.len);
	while (frame_peek(&h, rest) == FRAME_OK) {
		guarded_note_sent(g, &h, rest);
		rest.data += frame_len(&h);
		rest.len -= frame_len(&h);
	}
	gate_watch_note_touch(&g->watch, false);
	kept_clear(&kept);
}

void
kept_clear(struct kept *k)
{
	buffer_clear(&k->frames);
	k->count = 0;
}
