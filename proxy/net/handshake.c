/*
 * handshake.c - a TLS handshake over a connected socket.
 *
 *   handshake_start  takes a step with what has been fed already, unless
 *                    it is the peer's turn
 *   STEPPING         a thread of the pool has `job`, and tls with it: the
 *                    socket is left alone until handshake_stepped
 *   SENDING          a part of the step's output waits: handshake_writable
 *   READING          the step wants bytes of the peer's: handshake_readable
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
handshake_step(struct handshake *h)
{
	h->is_stepping = true;
	handshake_pool_post(h->pool, &h->job);
}

static void
handshake_finish(struct handshake *h, const char *error)
{
	handshake_handler *handler = h->handler;
	void *arg = h->arg;
	struct tls *tls = h->job.tls;

	free(h);
	handler(arg, tls, error);
}

static void
handshake_readable(evutil_socket_t fd, short what, void *arg)
{
	struct handshake *h = arg;
	uint8_t data[READ_BYTES];
	ssize_t n = recv(fd, data, sizeof(data), 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		event_add(&h->event, NULL);
	else if (n == 0 || (n < 0 && errno == ECONNRESET))
		handshake_finish(h, handshake_closed);
	else if (n < 0)
		handshake_finish(h, strerror(errno));
	else if (!tls_feed(h->job.tls, span_of(data, (size_t)n)))
		handshake_finish(h, strerror(ENOMEM));
	else
		handshake_step(h);
}

static void handshake_go_on(struct handshake *h);

static void
handshake_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	handshake_go_on(arg);
}

static void
handshake_wait_for(struct handshake *h, short what, event_callback_fn callback)
{
	event_assign(&h->event, h->base, h->fd, what, callback, h);
	event_add(&h->event, NULL);
}

/* Send as much as the socket takes.  False: the peer is gone. */
static bool
handshake_send_output(struct handshake *h)
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
handshake_go_on(struct handshake *h)
{
	if (!handshake_send_output(h))
		handshake_finish(h, strerror(errno));
	else if (tls_output(h->job.tls)->len > 0)
		handshake_wait_for(h, EV_WRITE, handshake_writable);
	else if (h->job.result == TLS_MORE)
		handshake_wait_for(h, EV_READ, handshake_readable);
	else if (h->job.result == TLS_DONE)
		handshake_finish(h, NULL);
	else
		handshake_finish(h, tls_error(h->job.tls));
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
		handshake_go_on(h);
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
	event_assign(&h->event, h->base, fd, EV_READ, handshake_readable, h);
	if (tls_wants_input(tls))
		handshake_wait_for(h, EV_READ, handshake_readable);
	else
		handshake_step(h);
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
