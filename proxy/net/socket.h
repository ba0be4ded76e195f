/*
 * socket.h - how the sockets of sessions are tuned, on either side.
 */
#ifndef LOCKSTEP_PROXY_NET_SOCKET_H
#define LOCKSTEP_PROXY_NET_SOCKET_H

#include "proxy/config/tcp_settings.h"

/*
 * Send small messages at once and notice a peer that is gone.  `family` is the
 * address family of fd; a Unix socket needs neither.  Failures are passed over:
 * a socket without these options still works.
 */
void socket_tune(int fd, int family, const struct tcp_settings *settings);

#endif
