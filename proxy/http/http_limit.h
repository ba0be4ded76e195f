/*
 * http_limit.h - how many connections the HTTP server has at a time, and for
 * how long each of them.
 *
 * evhttp bounds what a client sends and how long it is silent, but not how
 * many clients there are, nor one that sends a byte now and then.  So each
 * connection's bufferevent is held here, too, until evhttp has let go of it or
 * its time is over.  While there are as many as there may be, that time is
 * short, and who comes waits in the kernel's queue: clients that say nothing
 * cannot keep a probe out.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_LIMIT_H
#define LOCKSTEP_PROXY_HTTP_HTTP_LIMIT_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/ticker.h"

enum {
	HTTP_CONNECTIONS_MAX = 64,
	HTTP_BACKLOG = 64, /* that wait in the kernel; a listener that is told
			      to stop may hand these on all the same */
	HTTP_LISTENERS_MAX = 16,
	HTTP_HEADERS_MAX_BYTES = 8192,
	HTTP_BODY_MAX_BYTES = 1024,
	HTTP_TIMEOUT_MS = 5000, /* from its accept to the end of the answer */
	HTTP_CROWDED_MS = 250,  /* the same while others wait for its place */
};

struct http_connection {
	struct bufferevent *stream; /* one use */
	uint64_t since_ms;
};

struct http_limit {
	struct event_base *base;
	struct ticker ticker; /* while there are connections */
	struct evhttp_bound_socket *listeners[HTTP_LISTENERS_MAX]; /* evhttp's
								    */
	size_t listener_count;
	struct http_connection open[HTTP_CONNECTIONS_MAX + HTTP_BACKLOG];
	size_t count;
};

/* Prepare a zeroed one; base is borrowed until http_limit_clear.  False: out of
 * descriptors. */
bool http_limit_init(struct http_limit *l, struct event_base *base);

/* True if another listener can be counted. */
bool http_limit_has_room(const struct http_limit *l);

/* Have the connections of `http`, which come by that listener, counted. */
void http_limit_add(struct http_limit *l, struct evhttp *http,
		    struct evhttp_bound_socket *listener);

/* Close the listeners of `http`; connections that there are go on. */
void http_limit_close_listeners(struct http_limit *l, struct evhttp *http);

/* Let go of all connections, once evhttp is freed. */
void http_limit_clear(struct http_limit *l);

#endif
