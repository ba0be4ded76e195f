#include "proxy/rescue/rescue.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/rescue/rescue_base.h"

enum {
	DATABASES_MAX = 16, /* at a time; statements of others are left alone */
};

struct rescue {
	struct daemon *daemon;
	struct event_base *loop;
	struct rescue_bases bases;
	size_t count;
	struct rescue_counts counts;
};

static struct rescue_base *
rescue_find(struct rescue *r, const char *database)
{
	struct rescue_base *b;

	TAILQ_FOREACH(b, &r->bases, link)
		if (strcmp(b->name, database) == 0)
			return b;
	return NULL;
}

static void
rescue_drop(struct rescue *r, struct rescue_base *b)
{
	TAILQ_REMOVE(&r->bases, b, link);
	r->count--;
	rescue_base_free(b);
}

/* Forget databases that nothing has been heard of for long. */
static void
rescue_drop_idle(struct rescue *r, uint64_t now_ms)
{
	struct rescue_base *b = TAILQ_FIRST(&r->bases);

	while (b != NULL) {
		struct rescue_base *next = TAILQ_NEXT(b, link);

		if (rescue_base_is_idle(b, now_ms))
			rescue_drop(r, b);
		b = next;
	}
}

static struct rescue_base *
rescue_add(struct rescue *r, const char *database)
{
	struct rescue_base *b = NULL;

	rescue_drop_idle(r, clock_now_ms());
	if (r->count < DATABASES_MAX)
		b = rescue_base_new(r->daemon, r->loop, &r->counts, database);
	if (b == NULL)
		return NULL;
	TAILQ_INSERT_TAIL(&r->bases, b, link);
	r->count++;
	return b;
}

void
rescue_hear(struct rescue *r, const struct rescue_call *call)
{
	struct rescue_base *b = rescue_find(r, call->database);

	if (b == NULL && call->valid_ms > 0)
		b = rescue_add(r, call->database);
	if (b != NULL)
		rescue_base_hear(b, call);
}

void
rescue_describe(const struct rescue *r)
{
	const struct rescue_base *b;
	size_t connected = 0;
	size_t cases = 0;
	struct log_event e;

	TAILQ_FOREACH(b, &r->bases, link) {
		connected += b->asker.is_connected;
		cases += b->count;
	}
	log_begin(&e, LOG_INFO, "rescue");
	log_number(&e, "databases", r->count);
	log_number(&e, "connected", connected);
	log_number(&e, "statements", cases);
	log_number(&e, "looks", r->counts.looks);
	log_number(&e, "windows", r->counts.windows);
	log_number(&e, "failures", r->counts.failures);
	log_end(&e);
}

struct rescue *
rescue_new(struct daemon *d, struct event_base *base)
{
	struct rescue *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->daemon = d;
	r->loop = base;
	TAILQ_INIT(&r->bases);
	return r;
}

void
rescue_free(struct rescue *r)
{
	if (r == NULL)
		return;
	while (!TAILQ_EMPTY(&r->bases))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it has left */
		rescue_drop(r, TAILQ_FIRST(&r->bases));
	free(r);
}
