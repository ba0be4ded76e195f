#include "proxy/pair/roll.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct roll {
	atomic_uint uses;
	uint32_t worker_count;
	struct place {
		atomic_bool is_answered;
		struct roll_part part;
	} places[];
};

static void
roll_give_back(struct roll *r)
{
	uint32_t i;

	if (atomic_fetch_sub(&r->uses, 1) > 1)
		return;
	for (i = 0; i < r->worker_count; i++)
		free(r->places[i].part.entries);
	free(r);
}

/* A mail that nobody takes any more. */
static void
roll_discard(void *roll)
{
	roll_give_back(roll);
}

struct roll *
roll_call(struct daemon *d)
{
	size_t bytes = d->worker_count * sizeof(struct place);
	struct roll *r = calloc(1, sizeof(*r) + bytes);
	struct mail mail = {
	    .kind = MAIL_ROLL, .data = r, .discard = roll_discard};
	uint32_t i;

	if (r == NULL)
		return NULL;
	atomic_init(&r->uses, 1 + d->worker_count);
	r->worker_count = d->worker_count;
	for (i = 0; i < d->worker_count; i++)
		if (!daemon_post(d, i, mail))
			roll_give_back(r); /* that worker's */
	return r;
}

struct roll_part *
roll_part(struct roll *r, uint32_t worker)
{
	assert(worker < r->worker_count);
	return &r->places[worker].part;
}

void
roll_release(struct roll *r)
{
	roll_give_back(r);
}

void
roll_answer(struct roll *r, uint32_t worker)
{
	atomic_store(&r->places[worker].is_answered, true);
	roll_give_back(r);
}

uint32_t
roll_missing(const struct roll *r)
{
	uint32_t missing = 0;
	uint32_t i;

	for (i = 0; i < r->worker_count; i++)
		missing += !atomic_load(&r->places[i].is_answered);
	return missing;
}

bool
roll_is_before(const struct roll_order *a, const struct roll_order *b)
{
	if (a->is_busy != b->is_busy)
		return a->is_busy;
	if (a->for_ms != b->for_ms)
		return a->for_ms > b->for_ms;
	return a->id < b->id;
}

static int
roll_compare(const void *a, const void *b)
{
	const struct roll_entry *x = a;
	const struct roll_entry *y = b;

	return roll_is_before(&x->order, &y->order) ? -1 : 1;
}

size_t
roll_merge(const struct roll *r, struct roll_entry **out, uint64_t *total)
{
	size_t count = 0;
	size_t n = 0;
	uint32_t i;

	*total = 0;
	for (i = 0; i < r->worker_count; i++)
		if (atomic_load(&r->places[i].is_answered))
			count += r->places[i].part.count;
	*out = count == 0 ? NULL : calloc(count, sizeof(**out));
	for (i = 0; i < r->worker_count; i++) {
		const struct roll_part *part = &r->places[i].part;

		/* One that answers between the two loops is left for later. */
		if (!atomic_load(&r->places[i].is_answered) ||
		    n + part->count > count)
			continue;
		*total += part->total;
		if (*out == NULL || part->count == 0)
			continue;
		memcpy(*out + n, part->entries, part->count * sizeof(**out));
		n += part->count;
	}
	if (n > 0)
		qsort(*out, n, sizeof(**out), roll_compare);
	return n < ROLL_MAX ? n : ROLL_MAX;
}
