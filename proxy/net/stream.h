/*
 * stream.h - one endpoint of a connection: a descriptor, its two events and
 * the bytes that it would not take yet; with TLS between them and the socket
 * where there is any.  The only file that reads from and writes to sockets of
 * sessions, once they are beyond the handshake.
 */
#ifndef LOCKSTEP_PROXY_NET_STREAM_H
#define LOCKSTEP_PROXY_NET_STREAM_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/buffer.h"
#include "proxy/tls/tls.h"

struct stream;

enum stream_event {
	STREAM_READABLE,
	STREAM_DRAINED, /* everything written has left */
	STREAM_BROKEN,  /* a write failed: the peer is gone */
};

/* At STREAM_READABLE it reads, or pauses reading: for bytes that TLS holds
 * back the event comes again at once. */
typedef void stream_handler(void *arg, enum stream_event event);

struct stream {
	int fd;    /* -1: closed */
	int error; /* errno of a failed write or read */
	bool is_reading;
	bool is_writing;
	bool is_deaf; /* no event can come: it cannot be read any more */
	bool shut_when_drained;
	bool is_shut; /* our side of it */
	stream_handler *handler;
	void *arg;
	struct event read_event;
	struct event write_event;
	struct buffer out;    /* as the socket is to get it: encrypted */
	struct tls *tls;      /* owned; NULL: in clear */
	size_t replied_bytes; /* by reading, since all was out */
};

/* Take fd, a connected non-blocking socket.  Reading starts paused. */
void stream_open(struct stream *s, struct event_base *base, int fd,
		 stream_handler *handler, void *arg);

/* Take tls, whose handshake is done; all that was written has left. */
void stream_secure(struct stream *s, struct tls *tls);

/* Accepts a closed stream; pending output is lost. */
void stream_close(struct stream *s);

/* True from stream_open to stream_close; a zeroed stream is not open. */
bool stream_is_open(const struct stream *s);

enum {
	STREAM_EOF = 0,
	STREAM_AGAIN = -1,
	STREAM_ERROR = -2,
};

/* Read at most size bytes: returns how many, or one of the above; with
 * STREAM_ERROR s->error says why. */
ssize_t stream_read(struct stream *s, void *data, size_t size);

/*
 * Send now what the socket takes and queues a copy of the rest.  False: the
 * peer is gone or memory is out, s->error says which; no event follows from
 * this call itself.
 */
bool stream_write(struct stream *s, const void *data, size_t len);

/* Bytes written but not yet taken by the socket. */
size_t stream_pending(const struct stream *s);

/* Drop the bytes that the socket has not taken yet. */
void stream_discard(struct stream *s);

/* Resume reading, or pauses it: STREAM_READABLE comes only when resumed. */
void stream_want_read(struct stream *s, bool wanted);

/* The reason for which TLS has ended a stream that a read or a write found
 * broken, borrowed from s; NULL: TLS has not ended it. */
const char *stream_tls_error(const struct stream *s);

/* No more will be written: the peer reads the end once all is out. */
void stream_shutdown(struct stream *s);

#endif
