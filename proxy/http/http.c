#include "proxy/http/http.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/config/generation.h"
#include "proxy/fleet/fleet.h"
#include "proxy/gate/pause.h"
#include "proxy/http/http_facts.h"
#include "proxy/http/http_history.h"
#include "proxy/http/http_host.h"
#include "proxy/http/http_limit.h"
#include "proxy/http/http_look.h"
#include "proxy/http/http_metrics.h"
#include "proxy/http/http_page.h"
#include "proxy/http/http_reply.h"
#include "proxy/http/http_route.h"
#include "proxy/http/http_sessions.h"
#include "proxy/http/http_status.h"
#include "proxy/net/address.h"
#include "proxy/net/resolver.h"

enum {
	ANSWER_MS = 100, /* to be on its way */
};

struct http {
	struct daemon *daemon;
	struct fleet *fleet;
	http_quit_fn *quit;
	void *arg;
	struct event_base *base;
	struct evhttp *server;
	struct mailbox mailbox;
	struct http_limit limit;
	struct http_look look;
	struct http_sessions sessions;
	pthread_t thread;
	bool is_mailbox_open;
	bool is_started;
	uint64_t started_s;
};

/* Answers */

static const char *
http_fleet_state(const struct http *h)
{
	struct fleet_report report;

	if (h->fleet == NULL)
		return NULL;
	fleet_get_report(h->fleet, &report);
	return fleet_link_state_name(report.state);
}

static uint64_t
http_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct http_facts
http_gather(const struct http *h)
{
	struct daemon *d = h->daemon;
	struct generation *g = generation_store_use(d->generations);
	uint32_t max_connections = g->config->max_connections;
	uint64_t generation = g->number;
	bool is_off = atomic_load(&d->is_guard_off) ||
		      g->config->detect == GUARD_SCOPE_OFF;

	generation_release(g);
	return (struct http_facts){
	    .counts = d->counts,
	    .workers = d->worker_count,
	    .is_listening = atomic_load(&d->is_listening),
	    .is_draining = atomic_load(&d->is_draining),
	    .pauses = pause_count(d->pauses),
	    .is_guard_off = is_off,
	    .connections = atomic_load(&d->connections),
	    .max_connections = max_connections,
	    .generation = generation,
	    .is_stale = atomic_load(&d->is_stale),
	    .unjudged = daemon_unjudged(d),
	    .unplanned = atomic_load(&d->unplanned),
	    .reached_ms = http_look_reached_ms(&h->look),
	    .now_ms = clock_now_ms(),
	    .started_s = h->started_s,
	    .wall_ms = http_wall_ms(),
	    .history = history_count(d->history),
	    .fleet = http_fleet_state(h),
	};
}

/* Answer with what `write` makes of the facts. */
static void
http_reply_facts(const struct http *h, struct evhttp_request *r,
		 const char *type,
		 void (*write)(FILE *out, const struct http_facts *f))
{
	struct http_facts facts = http_gather(h);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out != NULL) {
		write(out, &facts);
		(void)fclose(out);
	}
	http_reply_written(r, type, text, len);
}

static void
http_reply_ready(const struct http *h, struct evhttp_request *r)
{
	struct http_facts facts = http_gather(h);

	http_reply_probe(r, http_facts_not_ready(&facts));
}

static void
http_reply_page(struct evhttp_request *r)
{
	struct span page = http_page();

	http_add_header(r, "Content-Security-Policy", http_page_policy());
	http_add_header(r, "Referrer-Policy", "no-referrer");
	http_reply(r, HTTP_OK, "OK", "text/html; charset=utf-8", page.data,
		   page.len);
}

static void
http_reply_history(const struct http *h, struct evhttp_request *r,
		   enum http_history_kind kind)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);
	struct http_history_question q;
	char *text = NULL;
	size_t len = 0;
	bool is_kept = true;
	FILE *out;

	if (!http_history_ask(&q, evhttp_uri_get_query(uri))) {
		http_reply_line(
		    r, HTTP_BADREQUEST, "Bad Request",
		    "parameters are id, brief, before and limit, which is "
		    "at most 200");
		return;
	}
	out = open_memstream(&text, &len);
	if (out != NULL) {
		is_kept = http_history_write(out, kind, h->daemon->history, &q);
		(void)fclose(out);
	}
	if (is_kept) {
		http_reply_written(r,
				   kind == HTTP_HISTORY_WHY ? HTTP_TEXT_TYPE
							    : HTTP_JSON_TYPE,
				   text, len);
		return;
	}
	free(text);
	http_reply_line(r, HTTP_NOTFOUND, "Not Found",
			"there is none, or it is not kept any more");
}

static void
http_ask_sessions(struct http *h, struct evhttp_request *r)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);
	uint32_t limit = HTTP_SESSIONS_LIMIT;

	if (!http_history_ask_limit(&limit, evhttp_uri_get_query(uri)))
		http_reply_line(r, HTTP_BADREQUEST, "Bad Request",
				"the parameter is limit, which is at most 200");
	else if (!http_sessions_ask(&h->sessions, r, limit))
		http_reply_line(r, HTTP_SERVUNAVAIL, "Service Unavailable",
				"too many ask at a time");
}

static void
http_drain(struct http *h, struct evhttp_request *r)
{
	if (!atomic_exchange(&h->daemon->is_draining, true))
		log_line(LOG_INFO, "http: not ready from now on, as asked by "
				   "POST /drain");
	http_reply_line(r, HTTP_OK, "OK", "draining");
}

static void
http_quit_now(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;

	(void)fd;
	(void)what;
	h->quit(h->arg);
}

/* The stop can end this thread: the answer goes first. */
static void
http_quit(struct http *h, struct evhttp_request *r)
{
	struct timeval soon = clock_timeval(ANSWER_MS);

	log_line(LOG_INFO, "http: POST /quitquitquit");
	http_reply_line(r, HTTP_OK, "OK", "stopping");
	if (event_base_once(h->base, -1, EV_TIMEOUT, http_quit_now, h, &soon) !=
	    0)
		h->quit(h->arg);
}

/* Requests */

/* True unless a browser says that some page has sent it. */
static bool
http_may_write(struct evhttp_request *r)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(r);

	return evhttp_find_header(headers, "Origin") == NULL &&
	       evhttp_find_header(headers, "Sec-Fetch-Site") == NULL;
}

/* The action for a path, under the settings in force. */
static enum http_action
http_action_for(const struct http *h, struct evhttp_request *r,
		const char *path)
{
	const char *host =
	    evhttp_find_header(evhttp_request_get_input_headers(r), "Host");
	bool is_post = evhttp_request_get_command(r) == EVHTTP_REQ_POST;
	struct generation *g = generation_store_use(h->daemon->generations);
	const struct config *c = g->config;
	enum http_action action = http_route(
	    is_post ? HTTP_WRITE : HTTP_READ, path, c->http_admin,
	    http_may_write(r), http_host_is_ours(host, &c->http_hosts));

	generation_release(g);
	return action;
}

static enum http_action
http_action_of(const struct http *h, struct evhttp_request *r)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);
	const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);

	return path == NULL ? HTTP_NOT_FOUND : http_action_for(h, r, path);
}

static const enum http_history_kind history_kinds[] = {
    [HTTP_HELD] = HTTP_HISTORY_HELD,
    [HTTP_WINDOWS] = HTTP_HISTORY_WINDOWS,
    [HTTP_GUARDED] = HTTP_HISTORY_GUARDED,
    [HTTP_DEADLOCKS] = HTTP_HISTORY_DEADLOCKS,
    [HTTP_WHY] = HTTP_HISTORY_WHY,
};

static void
http_answer(struct evhttp_request *r, void *arg)
{
	struct http *h = arg;
	enum http_action action = http_action_of(h, r);
	bool has_listened = atomic_load(&h->daemon->has_listened);

	switch (action) {
	case HTTP_LIVE:
		http_reply_probe(r, NULL);
		break;
	case HTTP_STARTUP:
		http_reply_probe(r, has_listened ? NULL : "not listening");
		break;
	case HTTP_READY:
		http_reply_ready(h, r);
		break;
	case HTTP_PAGE:
		http_reply_page(r);
		break;
	case HTTP_METRICS:
		http_reply_facts(h, r, HTTP_METRICS_TYPE, http_metrics_write);
		break;
	case HTTP_STATUS:
		http_reply_facts(h, r, HTTP_JSON_TYPE, http_status_write);
		break;
	case HTTP_HELD:
	case HTTP_WINDOWS:
	case HTTP_GUARDED:
	case HTTP_DEADLOCKS:
	case HTTP_WHY:
		http_reply_history(h, r, history_kinds[action]);
		break;
	case HTTP_SESSIONS:
		http_ask_sessions(h, r);
		break;
	case HTTP_DRAIN:
		http_drain(h, r);
		break;
	case HTTP_QUIT:
		http_quit(h, r);
		break;
	case HTTP_FORBIDDEN:
		http_reply_line(r, 403, "Forbidden",
				"only with http_admin = on, and not for pages "
				"in a browser");
		break;
	case HTTP_STRANGE:
		http_reply_line(r, 403, "Forbidden",
				"the name in Host is none of http_hosts");
		break;
	case HTTP_WRONG_METHOD:
		http_reply_line(r, HTTP_BADMETHOD, "Method Not Allowed",
				"another method");
		break;
	case HTTP_NOT_FOUND:
		http_reply_line(r, HTTP_NOTFOUND, "Not Found",
				"there is no such page");
		break;
	}
}

/* Listening */

static struct evconnlistener *
http_bind(const struct http *h, const struct addrinfo *at)
{
	unsigned flags =
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;

	if (at->ai_family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	if (h->daemon->start_config->reuse_port)
		flags |= LEV_OPT_REUSEABLE_PORT;
	return evconnlistener_new_bind(h->base, NULL, NULL, flags, HTTP_BACKLOG,
				       at->ai_addr, (int)at->ai_addrlen);
}

/* Listen at each address of a name.  False: *why says why not. */
static bool
http_listen_at(struct http *h, const struct endpoint *e, const char **why)
{
	struct addrinfo *found;
	const struct addrinfo *at;
	int error = address_look_up(e->host, e->port, AI_PASSIVE, &found);
	size_t before = h->limit.listener_count;

	if (error != 0) {
		*why = gai_strerror(error);
		return false;
	}
	for (at = found; at != NULL && http_limit_has_room(&h->limit);
	     at = at->ai_next) {
		struct evconnlistener *l = http_bind(h, at);
		struct evhttp_bound_socket *bound = NULL;

		if (l == NULL)
			*why = strerror(errno);
		else
			bound = evhttp_bind_listener(h->server, l);
		if (bound != NULL)
			http_limit_add(&h->limit, h->server, bound);
		else if (l != NULL)
			evconnlistener_free(l);
	}
	freeaddrinfo(found);
	return h->limit.listener_count > before;
}

static bool
http_listen(struct http *h)
{
	const struct endpoint_list *list =
	    &h->daemon->start_config->http_listen;
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct endpoint *e = &list->items[i];
		const char *why = "too many addresses";

		if (!http_listen_at(h, e, &why)) {
			log_line(LOG_ERROR,
				 "cannot listen at %s port %u: %s (setting "
				 "\"http_listen\")",
				 e->host, e->port, why);
			return false;
		}
		log_line(LOG_INFO,
			 strchr(e->host, ':') == NULL
			     ? "page, probes and metrics at http://%s:%u/"
			     : "page, probes and metrics at http://[%s]:%u/",
			 e->host, e->port);
	}
	return true;
}

static bool
http_make_server(struct http *h)
{
	h->server = evhttp_new(h->base);
	if (h->server == NULL)
		return false;
	evhttp_set_max_headers_size(h->server, HTTP_HEADERS_MAX_BYTES);
	evhttp_set_max_body_size(h->server, HTTP_BODY_MAX_BYTES);
	evhttp_set_timeout(h->server, HTTP_TIMEOUT_MS / 1000);
	evhttp_set_allowed_methods(h->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD |
						  EVHTTP_REQ_POST);
	evhttp_set_gencb(h->server, http_answer, h);
	return true;
}

/* The thread */

/* A mail_handler. */
static void
http_handle_mail(void *arg, const struct mail *mail)
{
	struct http *h = arg;

	if (mail->kind == MAIL_RESOLVED)
		resolution_answered(mail->data);
	else if (mail->kind == MAIL_DRAIN)
		http_limit_close_listeners(&h->limit, h->server);
	else if (mail->kind == MAIL_STOP)
		event_base_loopbreak(h->base);
}

static void *
http_run(void *arg)
{
	struct http *h = arg;

	event_base_loop(h->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

/* Make all but the thread.  False: errno says why. */
static bool
http_prepare(struct http *h)
{
	h->base = event_base_new();
	if (h->base == NULL || !http_make_server(h)) {
		errno = ENOMEM;
		return false;
	}
	h->is_mailbox_open =
	    mailbox_open(&h->mailbox, h->base, http_handle_mail, h);
	return h->is_mailbox_open && http_limit_init(&h->limit, h->base) &&
	       http_sessions_start(&h->sessions, h->daemon, h->base) &&
	       http_look_start(&h->look, h->daemon, h->base, &h->mailbox);
}

struct http *
http_start(struct daemon *d, struct fleet *fleet, http_quit_fn *quit, void *arg)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	*h = (struct http){
	    .daemon = d,
	    .fleet = fleet,
	    .quit = quit,
	    .arg = arg,
	    .limit.ticker.fd = -1,
	    .sessions.ticker.fd = -1,
	    .started_s = (uint64_t)time(NULL),
	};
	if (!http_prepare(h)) {
		log_line(LOG_ERROR, "cannot serve HTTP: %s", strerror(errno));
		goto fail;
	}
	if (!http_listen(h))
		goto fail;
	errno = pthread_create(&h->thread, NULL, http_run, h);
	if (errno == 0) {
		h->is_started = true;
		return h;
	}
	log_line(LOG_ERROR, "cannot start a thread for HTTP: %s",
		 strerror(errno));

fail:
	http_stop(h);
	return NULL;
}

size_t
http_descriptors(const struct config *c)
{
	if (c->http_listen.count == 0)
		return 0;
	return c->http_listen.count + HTTP_CONNECTIONS_MAX + HTTP_BACKLOG;
}

void
http_leave(struct http *h)
{
	struct mail drain = {.kind = MAIL_DRAIN};

	/* Out of memory: both are asked until this one has ended. */
	if (h != NULL)
		(void)mailbox_post(&h->mailbox, drain);
}

void
http_stop(struct http *h)
{
	struct mail stop = {.kind = MAIL_STOP};

	if (h == NULL)
		return;
	if (h->is_started) {
		while (!mailbox_post(&h->mailbox, stop))
			sched_yield(); /* out of memory: not for long */
		pthread_join(h->thread, NULL);
	}
	http_look_stop(&h->look);
	http_sessions_stop(&h->sessions);
	if (h->server != NULL)
		evhttp_free(h->server);
	http_limit_clear(&h->limit);
	if (h->is_mailbox_open)
		mailbox_close(&h->mailbox);
	if (h->base != NULL)
		event_base_free(h->base);
	free(h);
}
