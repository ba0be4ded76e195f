#include "proxy/stream.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	s->handler(s->arg, STREAM_READABLE);
}

static bool
is_transient(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Bytes sent; -1: the stream is broken. */
static ssize_t
send_some(struct stream *s, const void *data, size_t len)
{
	ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL);

	if (n >= 0)
		return n;
	if (is_transient(errno))
		return 0;
	s->error = errno;
	return -1;
}

static void
shut(struct stream *s)
{
	s->shut_when_drained = false;
	s->is_shut = true;
	(void)shutdown(s->fd, SHUT_WR); /* a dead peer needs no goodbye */
}

static void
drained(struct stream *s)
{
	event_del(&s->write_event);
	s->is_writing = false;
	if (s->shut_when_drained)
		shut(s);
	s->handler(s->arg, STREAM_DRAINED);
}

static void
writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	struct span rest = buffer_span(&s->out);
	ssize_t n = send_some(s, rest.data, rest.len);

	(void)fd;
	(void)what;
	if (n < 0) {
		event_del(&s->write_event);
		s->is_writing = false;
		s->handler(s->arg, STREAM_BROKEN);
		return;
	}
	buffer_consume(&s->out, (size_t)n);
	if (s->out.len == 0)
		drained(s);
}

void
stream_open(struct stream *s, struct event_base *base, int fd,
	    stream_handler *handler, void *arg)
{
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->handler = handler;
	s->arg = arg;
	event_assign(&s->read_event, base, fd, EV_READ | EV_PERSIST, readable,
		     s);
	event_assign(&s->write_event, base, fd, EV_WRITE | EV_PERSIST, writable,
		     s);
}

void
stream_close(struct stream *s)
{
	if (!stream_is_open(s))
		return;
	event_del(&s->read_event);
	event_del(&s->write_event);
	close(s->fd);
	s->fd = -1;
	buffer_clear(&s->out);
}

bool
stream_is_open(const struct stream *s)
{
	return s->handler != NULL && s->fd >= 0;
}

ssize_t
stream_read(struct stream *s, void *data, size_t size)
{
	ssize_t n = recv(s->fd, data, size, 0);

	if (n >= 0)
		return n;
	if (is_transient(errno))
		return STREAM_AGAIN;
	s->error = errno;
	return STREAM_ERROR;
}

bool
stream_write(struct stream *s, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	ssize_t n = 0;

	assert(!s->is_shut && !s->shut_when_drained);
	if (len == 0)
		return true;
	if (s->out.len == 0) {
		n = send_some(s, bytes, len);
		if (n < 0)
			return false;
	}
	if ((size_t)n == len)
		return true;
	if (!buffer_append(&s->out, bytes + n, len - (size_t)n)) {
		s->error = ENOMEM;
		return false;
	}
	if (!s->is_writing)
		event_add(&s->write_event, NULL);
	s->is_writing = true;
	return true;
}

size_t
stream_pending(const struct stream *s)
{
	return s->out.len;
}

void
stream_want_read(struct stream *s, bool wanted)
{
	if (s->is_reading == wanted)
		return;
	s->is_reading = wanted;
	if (wanted)
		event_add(&s->read_event, NULL);
	else
		event_del(&s->read_event);
}

void
stream_shutdown(struct stream *s)
{
	if (s->is_shut || s->shut_when_drained)
		return;
	if (s->out.len == 0)
		shut(s);
	else
		s->shut_when_drained = true;
}
