#include "proxy/http/http_limit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"

enum {
	SWEEP_MS = 50,
};

static void
http_limit_enable(struct http_limit *l, bool enabled)
{
	size_t i;

	for (i = 0; i < l->listener_count; i++) {
		struct evconnlistener *listener =
		    evhttp_bound_socket_get_listener(l->listeners[i]);

		if (enabled)
			evconnlistener_enable(listener);
		else
			evconnlistener_disable(listener);
	}
}

/* True if evhttp has freed it: nobody is called any more. */
static bool
http_limit_is_left(struct bufferevent *stream)
{
	bufferevent_event_cb on_event = NULL;

	bufferevent_getcb(stream, NULL, NULL, &on_event, NULL);
	return on_event == NULL;
}

/* Give the use back.  Who has not ended in time is cut off: evhttp finds its
 * end then, and frees what is left. */
static void
http_limit_release(struct bufferevent *stream)
{
	if (!http_limit_is_left(stream))
		(void)shutdown(bufferevent_getfd(stream), SHUT_RDWR);
	(void)bufferevent_decref(stream);
}

static void
http_limit_sweep(struct http_limit *l)
{
	bool is_crowded = l->count >= HTTP_CONNECTIONS_MAX;
	uint64_t allowed_ms = is_crowded ? HTTP_CROWDED_MS : HTTP_TIMEOUT_MS;
	uint64_t now_ms = clock_now_ms();
	size_t i = 0;

	while (i < l->count) {
		struct http_connection *c = &l->open[i];

		if (now_ms < c->since_ms + allowed_ms &&
		    !http_limit_is_left(c->stream)) {
			i++;
			continue;
		}
		http_limit_release(c->stream);
		*c = l->open[--l->count];
	}
}

/* Tick on as long as there is something to be looked at. */
static void
http_limit_tick(void *arg)
{
	struct http_limit *l = arg;

	http_limit_sweep(l);
	if (l->count < HTTP_CONNECTIONS_MAX)
		http_limit_enable(l, true);
	if (l->count > 0)
		(void)ticker_once(&l->ticker, SWEEP_MS);
}

/* Make the bufferevent of a connection that evhttp has accepted. */
static struct bufferevent *
http_limit_open(struct event_base *base, void *arg)
{
	struct http_limit *l = arg;
	struct bufferevent *stream =
	    bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (l->count >= HTTP_CONNECTIONS_MAX)
		http_limit_sweep(l);
	if (stream == NULL || l->count == HTTP_CONNECTIONS_MAX + HTTP_BACKLOG)
		return stream;
	bufferevent_incref(stream);
	l->open[l->count++] = (struct http_connection){stream, clock_now_ms()};
	if (l->count >= HTTP_CONNECTIONS_MAX)
		http_limit_enable(l, false);
	if (l->count == 1)
		(void)ticker_once(&l->ticker, SWEEP_MS);
	return stream;
}

/* Out of descriptors: try again when the next tick allows it. */
static void
http_limit_accept_failed(struct evconnlistener *listener, void *arg)
{
	const char *why = strerror(errno);
	struct http_limit *l = arg;
	struct log_event e;

	(void)listener;
	log_begin_limited(&e, LOG_WARNING, "http: cannot accept a connection",
			  "http-accept");
	log_text(&e, "why", why);
	log_end(&e);
	http_limit_enable(l, false);
	(void)ticker_once(&l->ticker, SWEEP_MS);
}

bool
http_limit_init(struct http_limit *l, struct event_base *base)
{
	l->base = base;
	return ticker_open(&l->ticker, base, http_limit_tick, l);
}

bool
http_limit_has_room(const struct http_limit *l)
{
	return l->listener_count < HTTP_LISTENERS_MAX;
}

void
http_limit_add(struct http_limit *l, struct evhttp *http,
	       struct evhttp_bound_socket *listener)
{
	l->listeners[l->listener_count++] = listener;
	evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(listener),
				    http_limit_accept_failed);
	evhttp_set_bevcb(http, http_limit_open, l);
}

void
http_limit_close_listeners(struct http_limit *l, struct evhttp *http)
{
	while (l->listener_count > 0)
		evhttp_del_accept_socket(http,
					 l->listeners[--l->listener_count]);
}

void
http_limit_clear(struct http_limit *l)
{
	while (l->count > 0)
		http_limit_release(l->open[--l->count].stream);
	ticker_close(&l->ticker);
}
