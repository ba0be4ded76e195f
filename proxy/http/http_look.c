#include "proxy/http/http_look.h"

#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/config/generation.h"
#include "proxy/pair/counts.h"

enum {
	LOOK_MS = 5000,
	LOOK_TIMEOUT_MS = 2000, /* for one address of the upstream */
};

/* End the look that is under way, if one is. */
static void
http_look_end(struct http_look *l)
{
	dial_cancel(l->dial);
	l->dial = NULL;
	generation_release(l->generation);
	l->generation = NULL;
}

/* A dial_handler. */
static void
http_look_dialed(void *arg, const struct dial_result *result)
{
	struct http_look *l = arg;

	if (result->fd >= 0) {
		l->reached_ms = clock_now_ms();
		close(result->fd);
	}
	http_look_end(l);
}

static void
http_look_dial(struct http_look *l)
{
	struct generation *g = generation_store_use(l->daemon->generations);
	const struct config *c = g->config;
	const struct dial_target target = {
	    .endpoints = c->upstream,
	    .count = c->upstream_count,
	    .mode = TLS_DISABLE,
	    .tcp = c->upstream_tcp,
	    .timeout_ms = LOOK_TIMEOUT_MS,
	};

	l->generation = g;
	l->dial = dial_start(&l->by, l->daemon->resolver, &target,
			     http_look_dialed, l);
	if (l->dial == NULL) /* out of memory: the next look may do */
		http_look_end(l);
}

static void
http_look_tick(void *arg)
{
	struct http_look *l = arg;
	uint64_t reached_ms = http_look_reached_ms(l);

	if (l->dial == NULL &&
	    (reached_ms == 0 || clock_now_ms() >= reached_ms + LOOK_MS))
		http_look_dial(l);
}

bool
http_look_start(struct http_look *l, struct daemon *d, struct event_base *base,
		struct mailbox *mailbox)
{
	l->daemon = d;
	l->by = (struct handshaker){.base = base, .mailbox = mailbox};
	if (!ticker_open(&l->ticker, base, http_look_tick, l))
		return false;
	http_look_dial(l);
	return ticker_every(&l->ticker, LOOK_MS);
}

uint64_t
http_look_reached_ms(const struct http_look *l)
{
	uint64_t by_session_ms =
	    counts_reached_ms(l->daemon->counts, l->daemon->worker_count);

	return by_session_ms > l->reached_ms ? by_session_ms : l->reached_ms;
}

void
http_look_stop(struct http_look *l)
{
	if (l->daemon == NULL)
		return;
	http_look_end(l);
	ticker_close(&l->ticker);
}
