/*
 * handshake.h - a TLS handshake over a connected socket.
 *
 * The arithmetic of a handshake takes a millisecond and more, which is longer
 * than a worker may keep its other sessions waiting.  So its steps are taken
 * by a pool of threads; the worker reads and writes for them.
 */
#ifndef LOCKSTEP_PROXY_NET_HANDSHAKE_H
#define LOCKSTEP_PROXY_NET_HANDSHAKE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/mailbox.h"
#include "proxy/tls/tls.h"

struct handshake;
struct handshake_pool;

/* All that the handshakes of one worker share; borrowed. */
struct handshaker {
	struct event_base *base;
	struct mailbox *mailbox; /* which gets MAIL_HANDSHAKE after a step */
	struct handshake_pool *pool;
};

/* The peer has just left, which is no fault of anybody's. */
extern const char handshake_closed[];

/* Take tls.  error: NULL, or why it failed; borrowed until tls is freed, or
 * for the call. */
typedef void handshake_handler(void *arg, struct tls *tls, const char *error);

/*
 * Take tls; fd stays the caller's, who does not touch it meanwhile.  The
 * handler runs exactly once, never within this call, unless handshake_cancel
 * comes first; all that the handshake had to send has left then.
 * NULL: out of memory, and tls is freed.
 */
struct handshake *handshake_start(const struct handshaker *by, int fd,
				  struct tls *tls, handshake_handler *handler,
				  void *arg);

/* Give up and free it: the handler will not run, and fd may be closed.  Accepts
 * NULL. */
void handshake_cancel(struct handshake *h);

/* For the worker that gets MAIL_HANDSHAKE: h is the data of that mail. */
void handshake_stepped(struct handshake *h);

#endif
