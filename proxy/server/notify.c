#include "proxy/server/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"

enum {
	TEXT_BYTES = 512,
};

/* Read a path or an abstract name.  False: it is neither, or too long. */
static bool
notify_read_address(struct notify *n, const char *text)
{
	size_t len = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || len < 2 ||
	    len >= sizeof(n->to.sun_path))
		return false;
	n->to = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(n->to.sun_path, text, len);
	if (text[0] == '@')
		n->to.sun_path[0] = '\0';
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

/* The variable as a number; 0: it is none. */
static uint64_t
notify_read_number(const char *name)
{
	const char *text = getenv(name);
	char *end = NULL;
	uint64_t number;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	number = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0 ? number : 0;
}

/* True unless the watchdog is meant for another process. */
static bool
notify_is_watched(void)
{
	return getenv("WATCHDOG_PID") == NULL ||
	       notify_read_number("WATCHDOG_PID") == (uint64_t)getpid();
}

void
notify_open(struct notify *n)
{
	struct timeval wait = clock_timeval(NOTIFY_WAIT_MS);
	const char *text = getenv("NOTIFY_SOCKET");

	*n = (struct notify){.fd = -1};
	if (text == NULL || *text == '\0')
		return;
	if (notify_read_address(n, text))
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd < 0) {
		log_line(LOG_WARNING, "NOTIFY_SOCKET cannot be used: %s", text);
		return;
	}
	(void)setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (notify_is_watched())
		n->watchdog_us = notify_read_number("WATCHDOG_USEC");
}

void
notify_tell(const struct notify *n, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;
	int len;

	if (n->fd < 0)
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return;
	/* A manager that cannot be told is no reason to stop. */
	(void)sendto(n->fd, text, strnlen(text, sizeof(text)), MSG_NOSIGNAL,
		     (const struct sockaddr *)&n->to, n->to_len);
}

void
notify_reloading(const struct notify *n)
{
	struct timespec now = {0};
	uint64_t now_us;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	notify_tell(n, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_us);
}

void
notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}
