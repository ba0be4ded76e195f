/*
 * socket.h - how the sockets of sessions are tuned, on either side.
 */
#ifndef LOCKSTEP_PROXY_NET_SOCKET_H
#define LOCKSTEP_PROXY_NET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/config/tcp_settings.h"

/*
 * Send small messages at once and notice a peer that is gone.  `family` is the
 * address family of fd; a Unix socket needs neither.  Failures are passed over:
 * a socket without these options still works.
 */
void socket_tune(int fd, int family, const struct tcp_settings *settings);

/* True if fd is a Unix socket. */
bool socket_is_local(int fd);

/*
 * True if the host of a TCP connection's peer has acknowledged nothing for
 * timeout_ms, though it was sent something again and again.  One that
 * answers, and only reads nothing, is there: TCP_USER_TIMEOUT would end it.
 */
bool socket_peer_is_gone(int fd, uint32_t timeout_ms);

/*
 * True if a connection that was dialled goes to where another one was accepted:
 * to ourselves.
 */
bool socket_leads_back(int dialled, int accepted);

/* True if socket() or connect() has failed for what this process, or its host,
 * lacks: it tells nothing about the peer. */
bool socket_is_own_failure(int error);

#endif
