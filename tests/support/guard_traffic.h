/*
 * guard_traffic.h - traffic on a set of tables that comes by several gates, or
 * by none: each source is a process with one transaction after the other.
 *
 * The maker's own gate is shut at once.  Those of the fleet are shut by
 * messages, which come late, twice, or not at all, and open by their own clocks
 * where the message about that is lost, or its maker dead.  No gate stops the
 * rest.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_GUARD_TRAFFIC_H
#define LOCKSTEP_TESTS_SUPPORT_GUARD_TRAFFIC_H

#include <stdio.h>
#include <string.h>

#include "policy/catalog/holders.h"

enum {
	TRAFFIC_SOURCES = 6,
	TRAFFIC_LATE_MAX_MS = 40,
	TRAFFIC_IN_TIME_MS =
	    15, /* all of the fleet heard it by then, or none */
};

enum traffic_gate {
	TRAFFIC_OWN,
	TRAFFIC_FLEET,
	TRAFFIC_PAST,
	TRAFFIC_GATES,
};

struct traffic_source {
	enum traffic_gate gate;
	uint64_t shut_ms; /* its gate is shut from then on, */
	uint64_t open_ms; /* to then */
	uint64_t id;      /* of the transaction under way; 0: none */
	uint64_t begun_ms;
};

struct traffic {
	struct traffic_source sources[TRAFFIC_SOURCES];
	bool is_told;     /* when transactions began */
	bool is_punctual; /* messages are neither lost nor late */
	uint64_t random;
	uint64_t last_id;
};

static inline uint32_t
traffic_pick(struct traffic *t, uint32_t count)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (uint32_t)(t->random >> 16) % count;
}

static inline void
traffic_init(struct traffic *t, uint64_t seed)
{
	uint32_t gates;

	*t = (struct traffic){.random = seed * 0x9e3779b97f4a7c15u + 1};
	gates = 1 + traffic_pick(t, TRAFFIC_GATES);
	for (size_t i = 0; i < TRAFFIC_SOURCES; i++)
		t->sources[i].gate = (enum traffic_gate)traffic_pick(t, gates);
	t->is_told = traffic_pick(t, 2) == 0;
	t->is_punctual = traffic_pick(t, 2) == 0;
}

/* True if no source could come past a gate that is shut in time. */
static inline bool
traffic_is_gated(const struct traffic *t)
{
	for (size_t i = 0; i < TRAFFIC_SOURCES; i++)
		if (t->sources[i].gate == TRAFFIC_PAST)
			return false;
	return t->is_punctual;
}

static inline void
traffic_hear(struct traffic *t, struct traffic_source *s, uint64_t now_ms,
	     uint32_t length_ms)
{
	uint64_t late_ms = traffic_pick(
	    t, t->is_punctual ? TRAFFIC_IN_TIME_MS : TRAFFIC_LATE_MAX_MS);

	if (!t->is_punctual && traffic_pick(t, 4) == 0)
		return; /* lost */
	s->shut_ms = now_ms + late_ms;
	s->open_ms = s->shut_ms + length_ms;
	/* Doubled: it is known already, and changes nothing. */
}

static inline void
traffic_shut(struct traffic *t, uint64_t now_ms, uint32_t length_ms)
{
	for (size_t i = 0; i < TRAFFIC_SOURCES; i++) {
		struct traffic_source *s = &t->sources[i];

		if (s->gate == TRAFFIC_OWN) {
			s->shut_ms = now_ms;
			s->open_ms = now_ms + length_ms;
		} else if (s->gate == TRAFFIC_FLEET) {
			traffic_hear(t, s, now_ms, length_ms);
		}
	}
}

static inline void
traffic_open(struct traffic *t, uint64_t now_ms)
{
	for (size_t i = 0; i < TRAFFIC_SOURCES; i++) {
		struct traffic_source *s = &t->sources[i];
		bool is_told = s->gate == TRAFFIC_OWN ||
			       (t->is_punctual || traffic_pick(t, 2) == 0);

		if (is_told && s->open_ms > now_ms)
			s->open_ms = now_ms;
	}
}

/* A moment passes, up to now_ms. */
static inline void
traffic_move(struct traffic *t, uint64_t now_ms)
{
	for (size_t i = 0; i < TRAFFIC_SOURCES; i++) {
		struct traffic_source *s = &t->sources[i];
		bool is_shut = now_ms >= s->shut_ms && now_ms < s->open_ms;

		if (s->id != 0 && traffic_pick(t, 4) == 0)
			s->id = 0;
		if (s->id != 0 || is_shut || traffic_pick(t, 2) == 0)
			continue;
		s->id = ++t->last_id;
		s->begun_ms = now_ms;
	}
}

/* What a look finds, and how many of them began behind that moment. */
static inline size_t
traffic_look(struct traffic *t, struct holders *h, uint64_t since_ms,
	     uint64_t now_ms)
{
	size_t later = 0;

	for (size_t i = 0; i < TRAFFIC_SOURCES; i++) {
		const struct traffic_source *s = &t->sources[i];
		struct holder_transaction *y;

		if (s->id == 0)
			continue;
		y = &h->youngest[h->youngest_count++];
		*y = (struct holder_transaction){.id = s->id,
						 .has_age = t->is_told};
		if (t->is_told)
			y->age_ms = now_ms - s->begun_ms;
		else
			h->untold[h->untold_count++] = s->id;
		(void)snprintf(y->application_name, sizeof(y->application_name),
			       "source %zu", i);
		later += s->begun_ms > since_ms;
	}
	h->count = h->youngest_count;
	return later;
}

#endif
