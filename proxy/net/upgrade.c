#include "proxy/net/upgrade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event_struct.h>

#include "protocol/startup.h"
#include "protocol/types.h"

struct upgrade {
	struct handshaker by;
	int fd;
	struct tls *tls; /* until the handshake has it */
	struct handshake *handshake;
	struct event event;
	upgrade_handler *handler;
	void *arg;
};

/* tls goes with UPGRADE_DONE, and is freed otherwise. */
static void
upgrade_finish(struct upgrade *u, enum upgrade_outcome outcome, struct tls *tls,
	       const char *why)
{
	upgrade_handler *handler = u->handler;
	void *arg = u->arg;

	event_del(&u->event);
	free(u);
	handler(arg, outcome, outcome == UPGRADE_DONE ? tls : NULL, why);
	if (outcome != UPGRADE_DONE)
		tls_free(tls); /* `why` may be its */
}

static void
upgrade_fail(struct upgrade *u, const char *why)
{
	upgrade_finish(u, UPGRADE_FAILED, u->tls, why);
}

static void
upgrade_shaken(void *arg, struct tls *tls, const char *error)
{
	struct upgrade *u = arg;

	u->handshake = NULL;
	upgrade_finish(u, error == NULL ? UPGRADE_DONE : UPGRADE_FAILED, tls,
		       error);
}

static void
upgrade_begin_handshake(struct upgrade *u)
{
	struct tls *tls = u->tls;

	u->tls = NULL;
	u->handshake = handshake_start(&u->by, u->fd, tls, upgrade_shaken, u);
	if (u->handshake == NULL)
		upgrade_fail(u, strerror(ENOMEM));
}

/*
 * One byte.  What came behind it in clear somebody else may have put there,
 * to be taken for the server's (CVE-2021-23222).
 */
static void
upgrade_answered(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade *u = arg;
	char answer[2];
	ssize_t n = recv(fd, answer, sizeof(answer), 0);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		event_add(&u->event, NULL);
	else if (n < 0)
		upgrade_fail(u, strerror(errno));
	else if (n == 0)
		upgrade_fail(u,
			     "the server closed the connection at SSLRequest");
	else if (answer[0] == 'E')
		upgrade_fail(
		    u, "server sent an error response during SSL exchange");
	else if (n > 1)
		upgrade_fail(u, "received unencrypted data after SSL response");
	else if (answer[0] == 'S')
		upgrade_begin_handshake(u);
	else if (answer[0] == 'N')
		upgrade_finish(u, UPGRADE_REFUSED, u->tls, NULL);
	else
		upgrade_fail(u, "received invalid response to SSL negotiation");
}

/* The first bytes on a connection: the socket takes them all, or is broken. */
static void
upgrade_ask(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade *u = arg;
	const uint8_t *request = startup_ssl_request;

	(void)what;
	if (send(fd, request, STARTUP_REQUEST_BYTES, MSG_NOSIGNAL) !=
	    STARTUP_REQUEST_BYTES) {
		upgrade_fail(u, strerror(errno));
		return;
	}
	event_assign(&u->event, u->by.base, u->fd, EV_READ, upgrade_answered,
		     u);
	event_add(&u->event, NULL);
}

struct upgrade *
upgrade_start(const struct handshaker *by, int fd, struct tls *tls,
	      bool is_direct, upgrade_handler *handler, void *arg)
{
	struct upgrade *u = calloc(1, sizeof(*u));

	if (u == NULL) {
		tls_free(tls);
		return NULL;
	}
	u->by = *by;
	u->fd = fd;
	u->tls = tls;
	u->handler = handler;
	u->arg = arg;
	event_assign(&u->event, by->base, fd, EV_WRITE, upgrade_ask, u);
	if (!is_direct) {
		/* A socket that has just connected is writable. */
		event_active(&u->event, EV_WRITE, 1);
		return u;
	}
	u->tls = NULL;
	u->handshake = handshake_start(by, fd, tls, upgrade_shaken, u);
	if (u->handshake != NULL)
		return u;
	free(u);
	return NULL;
}

void
upgrade_cancel(struct upgrade *u)
{
	if (u == NULL)
		return;
	handshake_cancel(u->handshake);
	event_del(&u->event);
	tls_free(u->tls);
	free(u);
}
