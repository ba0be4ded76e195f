#include "proxy/net/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	UNANSWERED_MIN = 3, /* fewer may be lost on their way to anybody */
};

static void
socket_set(int fd, int level, int option, uint32_t value)
{
	const int number = (int)value;

	(void)setsockopt(fd, level, option, &number, sizeof(number));
}

/* Zero leaves it as it is. */
static void
socket_set_tcp(int fd, int option, uint32_t value)
{
	if (value > 0)
		socket_set(fd, IPPROTO_TCP, option, value);
}

static uint32_t
socket_seconds(uint32_t ms)
{
	return ms / 1000 + (ms % 1000 > 0);
}

void
socket_tune(int fd, int family, const struct tcp_settings *settings)
{
	if (family == AF_UNIX)
		return;
	socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	socket_set_tcp(fd, TCP_USER_TIMEOUT, settings->user_timeout_ms);
	if (settings->is_off)
		return;
	socket_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	socket_set_tcp(fd, TCP_KEEPIDLE, socket_seconds(settings->idle_ms));
	socket_set_tcp(fd, TCP_KEEPINTVL,
		       socket_seconds(settings->interval_ms));
	socket_set_tcp(fd, TCP_KEEPCNT, settings->count);
}

bool
socket_is_local(int fd)
{
	int domain = AF_UNSPEC;
	socklen_t len = sizeof(domain);

	(void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	return domain == AF_UNIX;
}

bool
socket_leads_back(int dialled, int accepted)
{
	struct sockaddr_storage peer = {0};
	struct sockaddr_storage own = {0};
	socklen_t peer_len = sizeof(peer);
	socklen_t own_len = sizeof(own);
	struct ucred listener;
	socklen_t listener_len = sizeof(listener);

	if (getpeername(dialled, (struct sockaddr *)&peer, &peer_len) != 0)
		return false;
	/* The name of one is what it was bound by, in a file system of its own.
	 * One without a name is of no listener's. */
	if (peer.ss_family == AF_UNIX)
		return peer_len > sizeof(peer.ss_family) &&
		       getsockopt(dialled, SOL_SOCKET, SO_PEERCRED, &listener,
				  &listener_len) == 0 &&
		       listener.pid == getpid();
	return getsockname(accepted, (struct sockaddr *)&own, &own_len) == 0 &&
	       peer_len == own_len && memcmp(&peer, &own, peer_len) == 0;
}

bool
socket_peer_is_gone(int fd, uint32_t timeout_ms)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
	    info.tcpi_last_ack_recv < timeout_ms)
		return false;
	/* The silence before what is under way was sent does not count; the
	 * time to the next retransmission is as long as all before it. */
	if (info.tcpi_retransmits >= UNANSWERED_MIN)
		return info.tcpi_rto / 1000 >= timeout_ms / 2;
	return info.tcpi_probes >= UNANSWERED_MIN;
}

bool
socket_is_own_failure(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EADDRNOTAVAIL:
		return true;
	default:
		return false;
	}
}
