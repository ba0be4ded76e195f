/*
 * http_sessions.h - who is there: /api/sessions.
 *
 * The workers are asked (pair/roll), and answer when their loops turn, so a
 * request waits for them; not for long, as one that is stuck is left out.  They
 * are asked a few times a second at most, however many requests come: all of
 * them get the same answer.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_SESSIONS_H
#define LOCKSTEP_PROXY_HTTP_HTTP_SESSIONS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/base/ticker.h"
#include "proxy/http/http_limit.h"
#include "proxy/pair/roll.h"

struct evhttp_request;

enum {
	HTTP_SESSIONS_LIMIT = 50, /* if not asked for fewer or more */
};

/* One that waits for the workers. */
struct http_sessions_request {
	struct evhttp_request *request;
	uint32_t limit;
};

struct http_sessions {
	struct daemon *daemon; /* borrowed */
	struct ticker ticker;
	struct roll *roll; /* one use, while it is under way */
	uint64_t asked_ms; /* when that began */
	/* The last answer. */
	struct roll_entry *entries; /* owned */
	size_t count;
	uint64_t total;
	uint32_t missing;     /* workers that did not answer */
	uint64_t answered_ms; /* 0: never */
	struct http_sessions_request waiting[HTTP_CONNECTIONS_MAX];
	size_t waiting_count;
};

/* Prepare a zeroed one; all are borrowed until http_sessions_stop.  False: out
 * of descriptors. */
bool http_sessions_start(struct http_sessions *s, struct daemon *d,
			 struct event_base *base);

/* Have the request answered, now or soon, with `limit` sessions at most.
 * False: too many wait, and it is the caller's. */
bool http_sessions_ask(struct http_sessions *s, struct evhttp_request *r,
		       uint32_t limit);

/* Answer what waits, and end it; accepts a zeroed one that never started. */
void http_sessions_stop(struct http_sessions *s);

#endif
