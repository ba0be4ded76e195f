/*
 * handshake.c - a TLS handshake over a connected socket.
 *
 *   begin     a step with what has been fed already, unless it is the peer's
 *             turn
 *   STEPPING  a thread of the pool has `job`, and tls with it: the socket is
 *             left alone.  handshake_stepped: its mail has come
 *   SENDING   what the step had to send is not all out; writable goes on
 *   READING   the step wants bytes of the peer's; readable brings some
 *
 * A step's output leaves before anything is read or told: the end of a
 * handshake that failed is an alert, and it is the peer's only explanation.
 *
 * One that is cancelled amid a step cannot be freed before the pool has given
 * it back; until then it is nobody's.
 */
#include "proxy/net/handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event_struct.h>

#include "proxy/net/handshake_pool.h"

enum {
	READ_BYTES = 16 * 1024,
};

struct handshake {
	struct handshake_pool *pool;
	struct handshake_job job;
	int fd;
	bool is_stepping;
	struct event event;
	struct event_base *base;
	handshake_handler *handler; /* NULL: cancelled */
	void *arg;
};

const char handshake_closed[] =
    "the connection was closed amid the TLS handshake";

static void
step(struct handshake *h)
{
	h->is_stepping = true;
	handshake_pool_post(h->pool, &h->job);
}

static void
finish(struct handshake *h, const char *error)
{
	handshake_handler *handler = h->handler;
	void *arg = h->arg;
	struct tls *tls = h->job.tls;

	free(h);
	handler(arg, tls, error);
}

static void
readable(evutil_socket_t fd, short what, void *arg)
{
	struct handshake *h = arg;
	uint8_t data[READ_BYTES];
	ssize_t n = recv(fd, data, sizeof(data), 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		event_add(&h->event, NULL);
	else if (n == 0 || (n < 0 && errno == ECONNRESET))
		finish(h, handshake_closed);
	else if (n < 0)
		finish(h, strerror(errno));
	else if (!tls_feed(h->job.tls, span_of(data, (size_t)n)))
		finish(h, strerror(ENOMEM));
	else
		step(h);
}

static void go_on(struct handshake *h);

static void
writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	go_on(arg);
}

static void
wait_for(struct handshake *h, short what, event_callback_fn callback)
{
	event_assign(&h->event, h->base, h->fd, what, callback, h);
	event_add(&h->event, NULL);
}

/* False: the peer is gone. */
static bool
send_output(struct handshake *h)
{
	struct buffer *out = tls_output(h->job.tls);

	while (out->len > 0) {
		struct span rest = buffer_span(out);
		ssize_t n = send(h->fd, rest.data, rest.len, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		buffer_consume(out, (size_t)n);
	}
	return true;
}

/* The step is over: send, then read, or tell. */
static void
go_on(struct handshake *h)
{
	if (!send_output(h))
		finish(h, strerror(errno));
	else if (tls_output(h->job.tls)->len > 0)
		wait_for(h, EV_WRITE, writable);
	else if (h->job.result == TLS_MORE)
		wait_for(h, EV_READ, readable);
	else if (h->job.result == TLS_DONE)
		finish(h, NULL);
	else
		finish(h, tls_error(h->job.tls));
}

static void
handshake_free(struct handshake *h)
{
	tls_free(h->job.tls);
	free(h);
}

/* For mail that nobody gets any more. */
static void
handshake_discard(void *data)
{
	handshake_free(data);
}

void
handshake_stepped(struct handshake *h)
{
	h->is_stepping = false;
	if (h->handler == NULL)
		handshake_free(h);
	else
		go_on(h);
}

struct handshake *
handshake_start(const struct handshaker *by, int fd, struct tls *tls,
		handshake_handler *handler, void *arg)
{
	struct handshake *h = calloc(1, sizeof(*h));

	if (h == NULL) {
		tls_free(tls);
		return NULL;
	}
	h->pool = by->pool;
	h->base = by->base;
	h->job.tls = tls;
	h->job.mailbox = by->mailbox;
	h->job.data = h;
	h->job.discard = handshake_discard;
	h->fd = fd;
	h->handler = handler;
	h->arg = arg;
	event_assign(&h->event, h->base, fd, EV_READ, readable, h);
	if (tls_wants_input(tls))
		wait_for(h, EV_READ, readable);
	else
		step(h);
	return h;
}

void
handshake_cancel(struct handshake *h)
{
	if (h == NULL)
		return;
	h->handler = NULL;
	if (h->is_stepping)
		return; /* handshake_stepped frees it */
	event_del(&h->event);
	handshake_free(h);
}
