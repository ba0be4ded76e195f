/*
 * notify.h - what the service manager is told: sd_notify(3), a datagram to the
 * socket that NOTIFY_SOCKET names.
 */
#ifndef LOCKSTEP_PROXY_SERVER_NOTIFY_H
#define LOCKSTEP_PROXY_SERVER_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	/* The longest that one telling waits for a manager that does not read.
	 */
	NOTIFY_WAIT_MS = 100,
};

struct notify {
	int fd; /* owned; < 0: nobody wants to be told */
	struct sockaddr_un to;
	socklen_t to_len;
	uint64_t watchdog_us; /* the manager ends us if it hears no WATCHDOG=1
				 for so long; 0: it does not */
};

/* Read the environment.  It is an address of ours or nobody's: with one that
 * cannot be used, which is logged, there is nobody to tell. */
void notify_open(struct notify *n);

/* Tell this, lines of NAME=VALUE, as printf formats it.  No effect where nobody
 * wants to be told. */
void notify_tell(const struct notify *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Tell that settings are being read again; READY=1 tells the end of it. */
void notify_reloading(const struct notify *n);

/* Tell nobody any more. */
void notify_close(struct notify *n);

#endif
