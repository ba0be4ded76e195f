#include "proxy/net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

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
