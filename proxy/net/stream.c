#include "proxy/net/stream.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* One read takes as much of the socket: somewhat more than a record. */
	CIPHER_BYTES = 32 * 1024,
	/* TLS itself may answer so much to a peer that does not read: new keys,
	 * and an alert for each renegotiation that the peer asks for. */
	REPLIES_MAX_BYTES = 4096,
};

/* Make an event of bytes that TLS holds back: the socket makes none. */
static void
stream_notice_more(struct stream *s)
{
	if (s->tls != NULL && s->is_reading && tls_has_more(s->tls))
		event_active(&s->read_event, EV_READ, 1);
}

static void
stream_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)what;
	s->handler(s->arg, STREAM_READABLE);
	if (stream_is_open(s))
		stream_notice_more(s);
}

static bool
stream_is_transient(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Bytes sent; -1: the stream is broken. */
static ssize_t
stream_send_some(struct stream *s, const void *data, size_t len)
{
	ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL);

	if (n >= 0)
		return n;
	if (stream_is_transient(errno))
		return 0;
	s->error = errno;
	return -1;
}

static void
stream_shut(struct stream *s)
{
	s->shut_when_drained = false;
	s->is_shut = true;
	(void)shutdown(s->fd, SHUT_WR); /* a dead peer needs no goodbye */
}

static void
stream_drained(struct stream *s)
{
	event_del(&s->write_event);
	s->is_writing = false;
	s->replied_bytes = 0;
	if (s->shut_when_drained)
		stream_shut(s);
	s->handler(s->arg, STREAM_DRAINED);
}

static void
stream_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	struct span rest = buffer_span(&s->out);
	ssize_t n = stream_send_some(s, rest.data, rest.len);

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
		stream_drained(s);
}

/* Wait for the event.  The kernel may have no memory for that, or no more such
 * waits for the user: nothing would ever come, so the next read fails, at once.
 */
static void
stream_await(struct stream *s, struct event *event)
{
	if (event_add(event, NULL) == 0)
		return;
	s->is_deaf = true;
	s->error = ENOMEM;
	event_active(&s->read_event, EV_READ, 1);
}

void
stream_open(struct stream *s, struct event_base *base, int fd,
	    stream_handler *handler, void *arg)
{
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->handler = handler;
	s->arg = arg;
	event_assign(&s->read_event, base, fd, EV_READ | EV_PERSIST,
		     stream_readable, s);
	event_assign(&s->write_event, base, fd, EV_WRITE | EV_PERSIST,
		     stream_writable, s);
}

void
stream_secure(struct stream *s, struct tls *tls)
{
	assert(s->tls == NULL && s->out.len == 0);
	s->tls = tls;
	stream_notice_more(s);
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
	tls_free(s->tls);
	s->tls = NULL;
}

bool
stream_is_open(const struct stream *s)
{
	return s->handler != NULL && s->fd >= 0;
}

static ssize_t
stream_receive(struct stream *s, void *data, size_t size)
{
	ssize_t n = s->is_deaf ? -1 : recv(s->fd, data, size, 0);

	if (n >= 0)
		return n;
	if (s->is_deaf)
		errno = ENOMEM;
	if (stream_is_transient(errno))
		return STREAM_AGAIN;
	s->error = errno;
	return STREAM_ERROR;
}

static void
stream_await_writable(struct stream *s)
{
	if (!s->is_writing)
		stream_await(s, &s->write_event);
	s->is_writing = true;
}

/* Send now what the socket takes and queue the rest. */
static bool
stream_send_or_queue(struct stream *s, const uint8_t *data, size_t len)
{
	ssize_t n = 0;

	if (len == 0)
		return true;
	if (s->out.len == 0) {
		n = stream_send_some(s, data, len);
		if (n < 0)
			return false;
	}
	if ((size_t)n == len)
		return true;
	if (!buffer_append(&s->out, data + n, len - (size_t)n)) {
		s->error = ENOMEM;
		return false;
	}
	stream_await_writable(s);
	return true;
}

/* TLS */

static bool
stream_send_output(struct stream *s)
{
	struct buffer *out = tls_output(s->tls);
	struct span bytes = buffer_span(out);
	bool is_sent = stream_send_or_queue(s, bytes.data, bytes.len);

	buffer_clear(out);
	return is_sent;
}

static_assert((int)TLS_EOF == STREAM_EOF && (int)TLS_AGAIN == STREAM_AGAIN &&
		  (int)TLS_BROKEN == STREAM_ERROR,
	      "stream_read returns what tls_read does");

/* Send the answers that reading made TLS give.  False: the peer takes nothing
 * and asks on. */
static bool
stream_send_replies(struct stream *s)
{
	size_t len = tls_output(s->tls)->len;

	if (len == 0 || s->is_shut)
		return true;
	/* A peer that is gone shows at the next write. */
	(void)stream_send_output(s);
	s->replied_bytes = s->out.len == 0 ? 0 : s->replied_bytes + len;
	return s->replied_bytes <= REPLIES_MAX_BYTES;
}

static ssize_t
stream_decrypt(struct stream *s, struct span cipher, void *data, size_t size)
{
	ssize_t n = tls_read(s->tls, cipher, data, size);

	if (!stream_send_replies(s))
		n = TLS_BROKEN;
	if (n == TLS_BROKEN)
		s->error = EPROTO;
	return n;
}

static ssize_t
stream_read_tls(struct stream *s, void *data, size_t size)
{
	uint8_t cipher[CIPHER_BYTES];
	ssize_t n;

	if (tls_has_more(s->tls)) {
		n = stream_decrypt(s, span_of(NULL, 0), data, size);
		if (n != STREAM_AGAIN)
			return n;
	}
	n = stream_receive(s, cipher, sizeof(cipher));
	if (n <= 0)
		return n;
	return stream_decrypt(s, span_of(cipher, (size_t)n), data, size);
}

static bool
stream_write_tls(struct stream *s, const void *data, size_t len)
{
	if (tls_write(s->tls, data, len))
		return stream_send_output(s);
	s->error = EPROTO;
	return false;
}

/* Data */

ssize_t
stream_read(struct stream *s, void *data, size_t size)
{
	if (s->tls != NULL)
		return stream_read_tls(s, data, size);
	return stream_receive(s, data, size);
}

bool
stream_write(struct stream *s, const void *data, size_t len)
{
	assert(!s->is_shut && !s->shut_when_drained);
	if (len == 0)
		return true;
	if (s->tls != NULL)
		return stream_write_tls(s, data, len);
	return stream_send_or_queue(s, data, len);
}

size_t
stream_pending(const struct stream *s)
{
	return s->out.len;
}

void
stream_discard(struct stream *s)
{
	buffer_clear(&s->out);
}

const char *
stream_tls_error(const struct stream *s)
{
	if (s->tls == NULL || s->error != EPROTO)
		return NULL;
	if (*tls_error(s->tls) != '\0')
		return tls_error(s->tls);
	return "it asks for answers and takes none";
}

void
stream_want_read(struct stream *s, bool wanted)
{
	if (s->is_reading == wanted)
		return;
	s->is_reading = wanted;
	if (wanted)
		stream_await(s, &s->read_event);
	else
		event_del(&s->read_event);
	stream_notice_more(s);
}

void
stream_shutdown(struct stream *s)
{
	if (s->is_shut || s->shut_when_drained)
		return;
	if (s->tls != NULL) {
		tls_finish(s->tls);
		(void)stream_send_output(s); /* a dead peer needs no goodbye */
	}
	if (s->out.len == 0)
		stream_shut(s);
	else
		s->shut_when_drained = true;
}
