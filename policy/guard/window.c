#include "policy/guard/window.h"

enum {
	PAUSE_LEAST_MS = 1000,
	PAUSE_SHARE = 3, /* times the window's length */
	DOUBLINGS_MAX = 3,
	JITTER_SHARE = 4, /* at most this part of the pause */
};

void
window_begin(struct window *w, uint64_t now_ms, uint32_t length_ms)
{
	w->begun_ms = now_ms;
	w->until_ms = now_ms + length_ms;
}

void
window_end(struct window *w, uint64_t now_ms, uint64_t random)
{
	uint64_t lasted_ms = now_ms - w->begun_ms;
	uint64_t pause_ms = lasted_ms * PAUSE_SHARE;

	if (pause_ms < PAUSE_LEAST_MS)
		pause_ms = PAUSE_LEAST_MS;
	pause_ms <<= w->count < DOUBLINGS_MAX ? w->count : DOUBLINGS_MAX;
	w->total_ms += lasted_ms;
	w->next_ms = now_ms + pause_ms + random % (pause_ms / JITTER_SHARE);
	w->count++;
}

void
window_put_off(struct window *w, uint64_t now_ms, uint64_t delay_ms)
{
	w->next_ms = now_ms + delay_ms;
}
