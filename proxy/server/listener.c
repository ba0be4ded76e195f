/*
 * listener.c - accept connections; and, with reuse_port, take over from a
 * process that does, and leave to another.
 *
 * The kernel gives each connection of a TCP port to one of the sockets that
 * share it, by a hash, and resets what waits in the queue of one that is
 * closed.  So who leaves has a filter point all that is new to the other
 * process, accepts what has come before, and closes its socket once nobody
 * came for a while.  The filter chooses by the place of a socket among those
 * that share the port.  With two of them the older one has place 0, and
 * whoever leaves is mostly that; if connections still come, it was the younger
 * one, and the filter is turned round.  With one alone there is no place 1, and
 * the kernel goes by its hash.
 *
 * A Unix socket has a name that only one can have: who takes over binds another
 * name and gives it this one, in a step that no client can come between.  What
 * waits in the older one's queue is accepted there.
 */
#include "proxy/server/listener.h"

#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
	/* While it leaves: in the first half of a round those come who were on
	 * their way when it began. */
	LEAVE_HALF_MS = 100,
	LEAVE_ROUNDS_MAX = 10,
};

struct listener {
	struct evconnlistener *socket;
	char *path; /* owned; the file of a Unix socket, or NULL */
	/* The name that the file takes when all are bound, borrowed from the
	 * configuration; NULL: it has its own. */
	const char *wanted;
	dev_t device;
	ino_t inode; /* the file's: by its name it may be another's by now */
};

/* How listeners leave. */
struct leaving {
	struct event event; /* a half of a round is over */
	uint32_t halves;
	uint32_t came; /* connections, in this half */
	uint32_t place;
	listeners_left *left;
	void *arg;
};

struct listeners {
	struct daemon *daemon;
	struct worker *workers;
	struct listener *items;
	size_t count;
	struct event resume_event;
	struct leaving leaving; /* zeroed: they stay */
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
	(void)address;
	(void)len;
	l->leaving.came++;
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
	const char *why = strerror(errno);
	struct log_event e;

	(void)socket;
	log_begin_limited(&e, LOG_ERROR, "cannot accept a connection",
			  "accept");
	log_text(&e, "why", why);
	log_end(&e);
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
	if (address->sa_family != AF_UNIX &&
	    l->daemon->start_config->reuse_port)
		flags |= LEV_OPT_REUSEABLE_PORT;
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

/* Note whose file it is, to remove it in the end. */
static bool
listener_own_file(struct listener *item, const char *path)
{
	struct stat file;

	item->path = strdup(path);
	if (item->path == NULL || stat(path, &file) != 0)
		return false;
	item->device = file.st_dev;
	item->inode = file.st_ino;
	return true;
}

/* Take the name that is wanted from whoever has it. */
static bool
listener_take_name(struct listener *item)
{
	char *taken = strdup(item->wanted);

	if (taken == NULL || rename(item->path, taken) != 0) {
		log_line(LOG_ERROR, "cannot listen at %s: %s", item->wanted,
			 strerror(errno));
		free(taken);
		return false;
	}
	free(item->path);
	item->path = taken;
	return true;
}

/* Take all names: a process that could not bind one leaves them to another. */
static bool
listeners_take_names(struct listeners *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (l->items[i].wanted != NULL &&
		    !listener_take_name(&l->items[i]))
			return false;
	return true;
}

/* Bind a name of the file system, with the mode that is set. */
static bool
listener_bind_file(struct listeners *l, struct event_base *base,
		   struct sockaddr_un *u)
{
	if (!listener_bind(l, base, (struct sockaddr *)u, sizeof(*u)))
		return false;
	return listener_own_file(&l->items[l->count - 1], u->sun_path) &&
	       chmod(u->sun_path,
		     (mode_t)l->daemon->start_config->unix_socket_mode) == 0;
}

/* Bind it by a name of this process's own first. */
static bool
listener_take_over_file(struct listeners *l, struct event_base *base,
			const char *path)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	int len = snprintf(u.sun_path, sizeof(u.sun_path), "%s.%d", path,
			   (int)getpid());

	if (len < 0 || (size_t)len >= sizeof(u.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	(void)unlink(u.sun_path);
	if (!listener_bind_file(l, base, &u))
		return false;
	l->items[l->count - 1].wanted = path;
	return true;
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
	if (l->daemon->start_config->reuse_port)
		return listener_take_over_file(l, base, e->host);
	listener_remove_stale(&u, len);
	return listener_bind_file(l, base, &u);
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
	const struct config *c = daemon->start_config;
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
	if (!listeners_take_names(l))
		goto fail;
	return l;

fail:
	listeners_close(l);
	return NULL;
}

/* Remove the file, unless another process has taken its name. */
static void
listener_remove_file(struct listener *item)
{
	struct stat file;

	if (item->path != NULL && stat(item->path, &file) == 0 &&
	    file.st_dev == item->device && file.st_ino == item->inode)
		(void)unlink(item->path);
	free(item->path);
}

void
listeners_close(struct listeners *l)
{
	size_t i;

	if (l == NULL)
		return;
	event_del(&l->resume_event);
	if (l->leaving.left != NULL)
		event_del(&l->leaving.event);
	for (i = 0; i < l->count; i++) {
		evconnlistener_free(l->items[i].socket);
		listener_remove_file(&l->items[i]);
	}
	free(l->items);
	free(l);
}

/* Leaving */

/* Have the kernel give what is new to the socket that has this place among
 * those that share the port.  Where it cannot, it goes on by its hash. */
static void
listeners_point_to(const struct listeners *l, uint32_t place)
{
	struct sock_filter choose = {.code = BPF_RET | BPF_K, .k = place};
	struct sock_fprog program = {.len = 1, .filter = &choose};
	size_t i;

	for (i = 0; i < l->count; i++)
		(void)setsockopt(evconnlistener_get_fd(l->items[i].socket),
				 SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
				 sizeof(program));
}

/* Accept all that has come to the socket. */
static void
listener_accept_rest(struct listeners *l, struct evconnlistener *socket)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	int fd;

	while ((fd = accept4(evconnlistener_get_fd(socket),
			     (struct sockaddr *)&address, &len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0 ||
	       errno == ECONNABORTED || errno == EINTR) {
		if (fd >= 0)
			listener_accepted(socket, fd,
					  (struct sockaddr *)&address, (int)len,
					  l);
		len = sizeof(address);
	}
}

static void
listeners_leave_now(struct listeners *l)
{
	listeners_left *left = l->leaving.left;
	void *arg = l->leaving.arg;
	size_t i;

	for (i = 0; i < l->count; i++)
		listener_accept_rest(l, l->items[i].socket);
	listeners_close(l);
	left(arg);
}

/* At the end of a round somebody came: look the other way. */
static void
listeners_half_over(evutil_socket_t fd, short what, void *arg)
{
	struct listeners *l = arg;
	struct leaving *v = &l->leaving;
	bool is_round = ++v->halves % 2 == 0;

	(void)fd;
	(void)what;
	if (is_round && (v->came == 0 || v->halves == 2 * LEAVE_ROUNDS_MAX)) {
		listeners_leave_now(l);
		return;
	}
	if (is_round) {
		v->place = 1 - v->place;
		listeners_point_to(l, v->place);
	}
	v->came = 0;
}

void
listeners_leave(struct listeners *l, struct event_base *base,
		listeners_left *left, void *arg)
{
	struct timeval half = clock_timeval(LEAVE_HALF_MS);

	l->leaving = (struct leaving){.place = 1, .left = left, .arg = arg};
	listeners_point_to(l, l->leaving.place);
	event_assign(&l->leaving.event, base, -1, EV_PERSIST,
		     listeners_half_over, l);
	event_add(&l->leaving.event, &half);
}
