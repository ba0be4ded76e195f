/*
 * dial.c - endpoint after endpoint, address after address.
 *
 *   dial_next_endpoint  a socket directory: one Unix address; else resolve
 *   dial_next_behind    the second round: those that were put behind
 *   dial_try_addresses  those of a name, in their order
 *   dial_unresolved     no answer in time
 *   dial_next_address   connect; an address that fails comes back here
 *   dial_connected      writable: SO_ERROR tells
 *   dial_upgraded       TLS, or the server has none, or it failed
 *   dial_finish         tell the caller, who frees the dial, or has it go on
 *
 * Each call from outside takes its first step from a timer of zero length, so
 * that the handler never runs within that call.
 */
#include "proxy/net/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event_struct.h>
#include <event2/util.h>

#include "proxy/base/clock.h"
#include "proxy/config/endpoint.h"
#include "proxy/net/address.h"
#include "proxy/net/second_round.h"
#include "proxy/net/shuffle.h"
#include "proxy/net/socket.h"
#include "proxy/net/upgrade.h"

struct dial {
	struct handshaker by;
	struct resolver *resolver;
	struct dial_target target;
	size_t *order;  /* owned: indices of the endpoints; NULL: as they are */
	size_t next;    /* the place of who follows in the first round */
	size_t current; /* the number, from 1, of the one being tried; 0: a
			   known address */
	struct timeval timeout;
	dial_handler *handler;
	void *arg;
	struct resolution *resolution;     /* NULL: no name is looked up */
	struct addrinfo *numeric;          /* owned; NULL: it was a name */
	const struct addrinfo **addresses; /* owned: those of either, in the
					      order in which they are tried */
	size_t address_next;
	size_t address_count;
	struct address peer; /* the one being tried */
	uint64_t rank;       /* in the second round, as second_place.rank */
	struct event event;
	struct upgrade *upgrade;
	bool is_fixed; /* by TLS or not as peer says, and no other way */
	bool is_downgraded;
	struct second_round second;
	int fd;
	char tried[DIAL_TRIED_MAX];
	size_t tried_len;
};

static void dial_next_endpoint(struct dial *d);
static void dial_next_address(struct dial *d);
static bool dial_try_peer(struct dial *d);

/* Forget the addresses of the endpoint. */
static void
dial_forget_addresses(struct dial *d)
{
	resolution_cancel(d->resolution);
	d->resolution = NULL;
	if (d->numeric != NULL)
		freeaddrinfo(d->numeric);
	d->numeric = NULL;
	free(d->addresses);
	d->addresses = NULL;
	d->address_next = 0;
	d->address_count = 0;
}

/* Tell the caller, who may free d. */
static void
dial_finish(struct dial *d, int fd, struct tls *tls)
{
	struct dial_result result = {
	    .fd = fd,
	    .tls = tls,
	    .peer = d->peer,
	    .is_downgraded = fd >= 0 && d->is_downgraded,
	    .tried = d->tried,
	};

	d->handler(d->arg, &result);
}

/* Names the endpoint that is being tried, for people. */
static void
dial_describe(const struct dial *d, char *out, size_t size)
{
	const struct endpoint *e;

	if (d->current == 0) {
		snprintf(out, size, "upstream");
		return;
	}
	e = &d->target.endpoints[d->current - 1];
	if (endpoint_is_local(e->host))
		snprintf(out, size, "%s/.s.PGSQL.%u", e->host, e->port);
	else
		snprintf(out, size, "%s port %u", e->host, e->port);
}

static void
dial_note_failure(struct dial *d, const char *why)
{
	char where[256];
	int n;

	dial_describe(d, where, sizeof(where));
	n = snprintf(d->tried + d->tried_len, sizeof(d->tried) - d->tried_len,
		     "%s%s: %s", d->tried_len > 0 ? "; " : "", where, why);
	d->tried_len += (size_t)n;
	if (d->tried_len >= sizeof(d->tried))
		d->tried_len = sizeof(d->tried) - 1;
}

/* The peer is of no use now: the next dial tries others first, if it is one of
 * them that counts. */
static void
dial_fail_peer(struct dial *d, const char *why)
{
	dial_note_failure(d, why);
	if (d->target.is_one)
		misfits_add(&d->target.misfits, MISFIT_IS_SILENT, &d->peer);
}

static void
dial_fail_by(struct dial *d, int error)
{
	if (socket_is_own_failure(error))
		dial_note_failure(d, strerror(error));
	else
		dial_fail_peer(d, strerror(error));
}

static void
dial_give_up(struct dial *d, const char *why)
{
	close(d->fd);
	d->fd = -1;
	dial_fail_peer(d, why);
	dial_next_address(d);
}

static void
dial_succeed(struct dial *d, struct tls *tls)
{
	int fd = d->fd;

	d->fd = -1;
	d->peer.is_tls = tls != NULL;
	dial_finish(d, fd, tls);
}

/* The mode that holds for the peer that is being tried. */
static enum tls_mode
dial_mode(const struct dial *d)
{
	if (d->is_fixed && d->target.mode < TLS_REQUIRE)
		return d->peer.is_tls ? TLS_REQUIRE : TLS_DISABLE;
	return d->target.mode;
}

/* TLS_PREFER would rather have it in clear than not at all. */
static void
dial_fail_upgrade(struct dial *d, const char *why)
{
	if (dial_mode(d) != TLS_PREFER) {
		dial_give_up(d, why);
		return;
	}
	close(d->fd);
	dial_note_failure(d, why);
	d->peer.is_tls = false;
	d->is_downgraded = true;
	if (!dial_try_peer(d))
		dial_next_address(d);
}

/* An upgrade_handler. */
static void
dial_upgraded(void *arg, enum upgrade_outcome outcome, struct tls *tls,
	      const char *why)
{
	struct dial *d = arg;

	d->upgrade = NULL;
	event_del(&d->event);
	switch (outcome) {
	case UPGRADE_DONE:
		dial_succeed(d, tls);
		return;
	case UPGRADE_REFUSED:
		if (dial_mode(d) == TLS_PREFER)
			dial_succeed(d, NULL);
		else
			dial_give_up(d,
				     "server does not support SSL, but SSL was "
				     "required");
		return;
	case UPGRADE_FAILED:
		dial_fail_upgrade(d, why);
		return;
	}
}

static void
dial_upgrade_late(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;

	(void)fd;
	(void)what;
	upgrade_cancel(d->upgrade);
	d->upgrade = NULL;
	/* Silent by TLS, it will hardly speak in clear: others go first. */
	if (dial_has_more(d))
		dial_give_up(d, "the TLS handshake timed out");
	else
		dial_fail_upgrade(d, "the TLS handshake timed out");
}

static void
dial_begin_upgrade(struct dial *d)
{
	struct tls *tls = tls_new(d->target.tls, d->peer.name);

	if (tls != NULL)
		d->upgrade = upgrade_start(
		    &d->by, d->fd, tls, d->target.is_direct, dial_upgraded, d);
	if (d->upgrade == NULL) {
		close(d->fd);
		d->fd = -1;
		dial_fail_by(d, ENOMEM);
		dial_next_address(d);
		return;
	}
	event_assign(&d->event, d->by.base, -1, 0, dial_upgrade_late, d);
	event_add(&d->event, &d->timeout);
}

static void
dial_connected(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;
	int error = 0;
	socklen_t len = sizeof(error);

	if (what & EV_TIMEOUT)
		error = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0)
		dial_give_up(d, strerror(error));
	else if (d->peer.is_tls)
		dial_begin_upgrade(d);
	else
		dial_succeed(d, NULL);
}

/* Begin to connect.  False: that failed at once, and is noted. */
static bool
dial_try_peer(struct dial *d)
{
	int family = d->peer.address.ss_family;

	d->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0) {
		dial_fail_by(d, errno);
		return false;
	}
	socket_tune(d->fd, family, &d->target.tcp);
	if (connect(d->fd, (const struct sockaddr *)&d->peer.address,
		    d->peer.len) != 0 &&
	    errno != EINPROGRESS) {
		dial_fail_by(d, errno);
		close(d->fd);
		d->fd = -1;
		return false;
	}
	event_assign(&d->event, d->by.base, d->fd, EV_WRITE, dial_connected, d);
	event_add(&d->event, &d->timeout);
	return true;
}

static bool
dial_put_behind_at(struct dial *d, uint64_t rank)
{
	struct second_place p = {d->peer, d->current, rank};

	return second_round_add(&d->second, &p);
}

bool
dial_put_behind(struct dial *d)
{
	return d->rank != UINT64_MAX && dial_put_behind_at(d, UINT64_MAX);
}

/* Begin to connect to the peer as the target says.  False: it did not do the
 * last time, and is left for the second round, or that failed at once. */
static bool
dial_try_fresh_peer(struct dial *d)
{
	bool is_local = d->peer.address.ss_family == AF_UNIX;

	d->peer.is_tls = !is_local && d->target.mode >= TLS_PREFER;
	d->is_fixed = false;
	d->is_downgraded = false;
	if (d->second.has_begun)
		return dial_try_peer(d);
	d->rank = misfits_rank(&d->target.misfits, &d->peer);
	if (d->rank > 0 && dial_put_behind_at(d, d->rank))
		return false;
	return dial_try_peer(d);
}

/* Try those that were put behind.  False: none of them is left. */
static bool
dial_next_behind(struct dial *d)
{
	struct second_place p;

	while (second_round_take(&d->second, &p)) {
		d->peer = p.peer;
		d->current = p.endpoint;
		d->rank = p.rank;
		if (dial_try_fresh_peer(d))
			return true;
	}
	return false;
}

static void
dial_next_address(struct dial *d)
{
	while (d->address_next < d->address_count) {
		const struct addrinfo *a = d->addresses[d->address_next++];

		if (a->ai_addrlen > sizeof(d->peer.address))
			continue;
		memcpy(&d->peer.address, a->ai_addr, a->ai_addrlen);
		d->peer.len = (socklen_t)a->ai_addrlen;
		if (dial_try_fresh_peer(d))
			return;
	}
	dial_forget_addresses(d);
	dial_next_endpoint(d);
}

/* Have them tried, in their order or by chance. */
static void
dial_take_addresses(struct dial *d, const struct addrinfo *found)
{
	const struct addrinfo *a;
	size_t count = 0;

	for (a = found; a != NULL; a = a->ai_next)
		count++;
	if (count == 0)
		return;
	d->addresses = calloc(count, sizeof(struct addrinfo *));
	if (d->addresses == NULL) {
		dial_note_failure(d, strerror(ENOMEM));
		return;
	}
	for (a = found; a != NULL; a = a->ai_next)
		d->addresses[d->address_count++] = a;
	if (d->target.is_random)
		shuffle(d->addresses, count, sizeof(struct addrinfo *));
}

/* A resolution_handler. */
static void
dial_resolved(void *arg, int error, const struct addrinfo *found)
{
	struct dial *d = arg;

	event_del(&d->event);
	if (error != 0)
		dial_note_failure(d, gai_strerror(error));
	dial_take_addresses(d, found);
	dial_next_address(d);
}

/* The system's resolver alone may go on for minutes. */
static void
dial_unresolved(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;

	(void)fd;
	(void)what;
	dial_note_failure(d, "name resolution timed out");
	dial_next_address(d);
}

/* True if it is an address, which takes no look-up. */
static bool
dial_read_numeric(struct dial *d, const struct endpoint *e)
{
	return address_look_up(e->host, e->port,
			       AI_NUMERICHOST | AI_NUMERICSERV,
			       &d->numeric) == 0;
}

static void
dial_resolve(struct dial *d, const struct endpoint *e)
{
	if (dial_read_numeric(d, e)) {
		dial_take_addresses(d, d->numeric);
		dial_next_address(d);
		return;
	}
	d->numeric = NULL;
	d->resolution = resolver_ask(d->resolver, d->by.mailbox, e->host,
				     e->port, dial_resolved, d);
	if (d->resolution == NULL) {
		dial_note_failure(d, strerror(errno));
		dial_next_endpoint(d);
		return;
	}
	event_assign(&d->event, d->by.base, -1, 0, dial_unresolved, d);
	event_add(&d->event, &d->timeout);
}

static void
dial_next_endpoint(struct dial *d)
{
	while (d->next < d->target.count) {
		size_t i = d->order != NULL ? d->order[d->next] : d->next;
		const struct endpoint *e = &d->target.endpoints[i];

		d->next++;
		d->current = i + 1;
		d->peer.name = e->name;
		if (e->host[0] != '/' && e->host[0] != '@') {
			dial_resolve(d, e);
			return;
		}
		if (!address_set_local(&d->peer, e->host, e->port))
			dial_note_failure(d, "socket path too long");
		else if (dial_try_fresh_peer(d))
			return;
	}
	if (!dial_next_behind(d))
		dial_finish(d, -1, NULL);
}

static void
dial_begin_list(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	dial_next_address(arg);
}

static void
dial_begin_peer(evutil_socket_t fd, short what, void *arg)
{
	struct dial *d = arg;

	(void)fd;
	(void)what;
	if (!dial_try_peer(d))
		dial_next_address(d);
}

static void
dial_step_soon(struct dial *d, event_callback_fn step)
{
	static const struct timeval at_once = {0, 0};

	event_del(&d->event);
	event_assign(&d->event, d->by.base, -1, 0, step, d);
	event_add(&d->event, &at_once);
}

static struct dial *
dial_new(const struct handshaker *by, const struct dial_target *target,
	 dial_handler *handler, void *arg)
{
	struct dial *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->by = *by;
	d->fd = -1;
	d->target = *target;
	if (target->tls != NULL)
		tls_context_use(target->tls);
	event_assign(&d->event, by->base, -1, 0, dial_begin_list, d);
	d->timeout = clock_timeval(target->timeout_ms);
	d->handler = handler;
	d->arg = arg;
	return d;
}

/* Have the endpoints tried by chance.  False: out of memory. */
static bool
dial_shuffle_endpoints(struct dial *d)
{
	size_t i;

	d->order = calloc(d->target.count, sizeof(*d->order));
	if (d->order == NULL)
		return false;
	for (i = 0; i < d->target.count; i++)
		d->order[i] = i;
	shuffle(d->order, d->target.count, sizeof(*d->order));
	return true;
}

struct dial *
dial_start(const struct handshaker *by, struct resolver *resolver,
	   const struct dial_target *target, dial_handler *handler, void *arg)
{
	struct dial *d = dial_new(by, target, handler, arg);

	if (d == NULL)
		return NULL;
	d->resolver = resolver;
	if (target->is_random && target->count > 1 &&
	    !dial_shuffle_endpoints(d)) {
		dial_cancel(d);
		return NULL;
	}
	dial_step_soon(d, dial_begin_list);
	return d;
}

struct dial *
dial_start_address(const struct handshaker *by,
		   const struct dial_target *target,
		   const struct address *address, dial_handler *handler,
		   void *arg)
{
	struct dial *d = dial_new(by, target, handler, arg);

	if (d == NULL)
		return NULL;
	d->target.count = 0;
	d->peer = *address;
	d->is_fixed = true;
	dial_step_soon(d, dial_begin_peer);
	return d;
}

bool
dial_has_more(const struct dial *d)
{
	return d != NULL &&
	       (d->address_next < d->address_count ||
		d->next < d->target.count || second_round_has_more(&d->second));
}

void
dial_go_on(struct dial *d, const char *why)
{
	dial_note_failure(d, why);
	dial_step_soon(d, dial_begin_list);
}

void
dial_other_way(struct dial *d)
{
	d->peer.is_tls = !d->peer.is_tls;
	d->is_fixed = true;
	d->is_downgraded = false;
	dial_step_soon(d, dial_begin_peer);
}

void
dial_cancel(struct dial *d)
{
	if (d == NULL)
		return;
	dial_forget_addresses(d);
	upgrade_cancel(d->upgrade);
	event_del(&d->event);
	if (d->fd >= 0)
		close(d->fd);
	tls_context_release(d->target.tls);
	free(d->order);
	free(d);
}
