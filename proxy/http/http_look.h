/*
 * http_look.h - can the upstream be reached?  Where no session has got through
 * to it lately, a connection is made now and then, in which nothing is said.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_LOOK_H
#define LOCKSTEP_PROXY_HTTP_HTTP_LOOK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/mailbox.h"
#include "proxy/base/ticker.h"
#include "proxy/net/dial.h"
#include "proxy/pair/daemon.h"

struct generation;

struct http_look {
	struct daemon *daemon; /* borrowed */
	struct handshaker by;
	struct ticker ticker;
	struct dial *dial;             /* owned; NULL: no look is under way */
	struct generation *generation; /* one use, while it dials by it */
	uint64_t reached_ms;           /* by a look of its own; 0: never */
};

/* Begin to look; all are borrowed until http_look_stop.  mailbox is to hand on
 * MAIL_RESOLVED.  False: out of descriptors. */
bool http_look_start(struct http_look *l, struct daemon *d,
		     struct event_base *base, struct mailbox *mailbox);

/* When the upstream was reached last, by a session or by a look, by
 * clock_now_ms; 0: never. */
uint64_t http_look_reached_ms(const struct http_look *l);

/* End it; accepts a zeroed one that never started. */
void http_look_stop(struct http_look *l);

#endif
