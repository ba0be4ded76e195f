#include "policy/guard/past.h"

#include <string.h>

static bool
past_knows(const struct past *p, uint64_t transaction)
{
	size_t i;

	for (i = 0; i < p->count && i < PAST_KNOWN_MAX; i++)
		if (p->known[i] == transaction)
			return true;
	return false;
}

static void
past_note_name(struct past *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->name_count; i++)
		if (strcmp(p->names[i], name) == 0)
			return;
	if (p->name_count == PAST_NAMES_MAX) {
		p->has_more_names = true;
		return;
	}
	memcpy(p->names[p->name_count++], name, HOLDERS_NAME_BYTES);
}

/* Began behind the shutting, and not so soon that the gate may have been open
 * somewhere. */
static bool
came_past(const struct holder_transaction *t, const struct holder_age *age,
	  const struct window *w, uint64_t asked_ms, uint64_t now_ms)
{
	uint64_t half_ms = (w->until_ms - w->begun_ms) / 2;

	if (t->has_age)
		return t->age_ms + PAST_MARGIN_MS + w->begun_ms < asked_ms;
	return holder_age_since(age, t->id, now_ms) >=
	       w->begun_ms + PAST_MARGIN_MS + half_ms;
}

bool
past_note(struct past *p, const struct holders *holders,
	  const struct holder_age *age, const struct window *w,
	  uint64_t asked_ms, uint64_t now_ms)
{
	bool has_any = false;
	size_t i;

	for (i = 0; i < holders->youngest_count; i++) {
		const struct holder_transaction *t = &holders->youngest[i];

		if (!came_past(t, age, w, asked_ms, now_ms))
			continue;
		has_any = true;
		if (past_knows(p, t->id))
			continue;
		p->known[p->count++ % PAST_KNOWN_MAX] = t->id;
		past_note_name(p, t->application_name);
	}
	return has_any;
}
