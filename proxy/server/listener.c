#include "proxy/server/listener.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event_struct.h>
#include <event2/listener.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/config/endpoint.h"
#include "proxy/net/address.h"
#include "proxy/net/socket.h"

enum {
	PAUSE_MS = 100, /* when out of descriptors */
};

struct listener {
	struct evconnlistener *socket;
	char *path; /* owned; the file of a Unix socket, or NULL */
};

struct listeners {
	struct daemon *daemon;
	struct worker *workers;
	struct listener *items;
	size_t count;
	struct event resume_event;
};

static struct worker *
listener_least_loaded(const struct listeners *l)
{
	struct worker *best = &l->workers[0];
	uint32_t i;

	for (i = 1; i < l->daemon->worker_count; i++)
		if (atomic_load(&l->workers[i].sessions.load) <
		    atomic_load(&best->sessions.load))
			best = &l->workers[i];
	return best;
}

static void
listener_accepted(struct evconnlistener *socket, evutil_socket_t fd,
		  struct sockaddr *address, int len, void *arg)
{
	struct listeners *l = arg;
	struct worker *w = listener_least_loaded(l);
	struct mail mail = {.kind = MAIL_CONNECTION, .fd = (int)fd};

	(void)socket;
	(void)len;
	socket_tune((int)fd, address->sa_family, &l->daemon->config->tcp);
	atomic_fetch_add(&w->sessions.load, 1);
	atomic_fetch_add(&l->daemon->connections, 1);
	if (mailbox_post(&w->mailbox, mail))
		return;
	atomic_fetch_sub(&w->sessions.load, 1);
	atomic_fetch_sub(&l->daemon->connections, 1);
	close((int)fd);
}

static void
listeners_enable(struct listeners *l, bool enabled)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		if (enabled)
			evconnlistener_enable(l->items[i].socket);
		else
			evconnlistener_disable(l->items[i].socket);
	}
}

static void
listeners_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	listeners_enable(arg, true);
}

static void
listener_accept_failed(struct evconnlistener *socket, void *arg)
{
	struct listeners *l = arg;
	struct timeval pause = clock_timeval(PAUSE_MS);

	(void)socket;
	log_line(LOG_ERROR, "cannot accept a connection: %s", strerror(errno));
	listeners_enable(l, false);
	event_add(&l->resume_event, &pause);
}

static bool
listener_bind(struct listeners *l, struct event_base *base,
	      const struct sockaddr *address, socklen_t len)
{
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
	struct evconnlistener *socket;
	struct listener *items =
	    realloc(l->items, (l->count + 1) * sizeof(*items));

	if (items == NULL)
		return false;
	l->items = items;
	if (address->sa_family != AF_UNIX)
		flags |= LEV_OPT_REUSEABLE;
	if (address->sa_family == AF_INET6)
		flags |= LEV_OPT_BIND_IPV6ONLY;
	socket = evconnlistener_new_bind(base, listener_accepted, l, flags, -1,
					 address, (int)len);
	if (socket == NULL)
		return false;
	evconnlistener_set_error_cb(socket, listener_accept_failed);
	l->items[l->count++] = (struct listener){.socket = socket};
	return true;
}

/* A socket file that nobody listens at any more is in the way. */
static void
listener_remove_stale(const struct sockaddr_un *u, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)u, len) != 0 &&
	    errno == ECONNREFUSED)
		(void)unlink(u->sun_path);
	close(fd);
}

static bool
listener_listen_unix(struct listeners *l, struct event_base *base,
		     const struct endpoint *e)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(u);
	size_t n = strlen(e->host);

	if (n >= sizeof(u.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(u.sun_path, e->host, n);
	if (e->host[0] == '@') {
		u.sun_path[0] = '\0';
		len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
		return listener_bind(l, base, (struct sockaddr *)&u, len);
	}
	listener_remove_stale(&u, len);
	if (!listener_bind(l, base, (struct sockaddr *)&u, len))
		return false;
	l->items[l->count - 1].path = strdup(u.sun_path);
	return chmod(u.sun_path, (mode_t)l->daemon->config->unix_socket_mode) ==
	       0;
}

/*
 * Bind each address of a name; one that this machine does not have, as ::1
 * where IPv6 is off, is passed over if it has another.  False: errno says why.
 */
static bool
listener_bind_all(struct listeners *l, struct event_base *base,
		  const struct addrinfo *found)
{
	size_t before = l->count;
	int missing = 0;

	for (; found != NULL; found = found->ai_next) {
		if (listener_bind(l, base, found->ai_addr, found->ai_addrlen))
			continue;
		/* One address may come twice, or be somebody else's. */
		if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT &&
		    errno != EADDRINUSE)
			return false;
		missing = errno;
	}
	errno = missing;
	return l->count > before;
}

static bool
listener_listen_tcp(struct listeners *l, struct event_base *base,
		    const struct endpoint *e, const char **why)
{
	struct addrinfo *found;
	int error = address_look_up(e->host, e->port, AI_PASSIVE, &found);
	bool bound;

	if (error != 0) {
		*why = gai_strerror(error);
		return false;
	}
	bound = listener_bind_all(l, base, found);
	*why = strerror(errno);
	freeaddrinfo(found);
	return bound;
}

static bool
listener_listen(struct listeners *l, struct event_base *base,
		const struct endpoint *e)
{
	bool is_local = endpoint_is_local(e->host);
	const char *why = NULL;

	if (is_local && listener_listen_unix(l, base, e)) {
		log_line(LOG_INFO, "listening at %s", e->host);
		return true;
	}
	if (!is_local && listener_listen_tcp(l, base, e, &why)) {
		log_line(LOG_INFO, "listening at %s port %u", e->host, e->port);
		return true;
	}
	log_line(LOG_ERROR,
		 "cannot listen at %s port %u: %s (setting \"listen\")",
		 e->host, e->port, is_local ? strerror(errno) : why);
	return false;
}

struct listeners *
listeners_open(struct event_base *base, struct daemon *daemon,
	       struct worker *workers)
{
	const struct config *c = daemon->config;
	struct listeners *l = calloc(1, sizeof(*l));
	size_t i;

	if (l == NULL)
		return NULL;
	l->daemon = daemon;
	l->workers = workers;
	event_assign(&l->resume_event, base, -1, 0, listeners_resume, l);
	for (i = 0; i < c->listen_count; i++)
		if (!listener_listen(l, base, &c->listen[i]))
			goto fail;
	return l;

fail:
	listeners_close(l);
	return NULL;
}

void
listeners_close(struct listeners *l)
{
	size_t i;

	if (l == NULL)
		return;
	event_del(&l->resume_event);
	for (i = 0; i < l->count; i++) {
		evconnlistener_free(l->items[i].socket);
		if (l->items[i].path != NULL)
			(void)unlink(l->items[i].path);
		free(l->items[i].path);
	}
	free(l->items);
	free(l);
}
