#include "proxy/http/http_client.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/net/address.h"

enum {
	AGAIN_NS = 100 * 1000 * 1000,
	ANSWER_MS = 1000, /* for each step of one try */
};

static int
http_client_open(int family, const struct sockaddr *address, socklen_t len)
{
	const struct timeval bound = clock_timeval(ANSWER_MS);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound));
	if (connect(fd, address, len) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
http_client_open_unix(const char *path)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n >= sizeof(u.sun_path))
		return -1;
	memcpy(u.sun_path, path, n);
	if (path[0] != '@')
		return http_client_open(AF_UNIX, (struct sockaddr *)&u,
					sizeof(u));
	u.sun_path[0] = '\0';
	return http_client_open(
	    AF_UNIX, (struct sockaddr *)&u,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}

/* A connection to where a Lockstep listens.  -1: there is none. */
static int
http_client_connect(const struct endpoint *e)
{
	struct addrinfo *found;
	const struct addrinfo *at;
	int fd = -1;

	if (endpoint_is_local(e->host))
		return http_client_open_unix(e->host);
	if (address_look_up(e->host, e->port, 0, &found) != 0)
		return -1;
	for (at = found; at != NULL && fd < 0; at = at->ai_next)
		fd = http_client_open(at->ai_family, at->ai_addr,
				      at->ai_addrlen);
	freeaddrinfo(found);
	return fd;
}

/* True if the request is answered by 200. */
static bool
http_client_ask(const struct endpoint *e, const char *method, const char *path)
{
	static const char good[] = "HTTP/1.1 200 ";
	char text[256];
	int fd = http_client_connect(e);
	int len = snprintf(text, sizeof(text),
			   "%s %s HTTP/1.1\r\nHost: localhost\r\n"
			   "Content-Length: 0\r\nConnection: close\r\n\r\n",
			   method, path);
	bool is_good;

	if (fd < 0)
		return false;
	is_good = send(fd, text, (size_t)len, MSG_NOSIGNAL) == len &&
		  recv(fd, text, sizeof(good) - 1, MSG_WAITALL) ==
		      (ssize_t)sizeof(good) - 1 &&
		  memcmp(text, good, sizeof(good) - 1) == 0;
	close(fd);
	return is_good;
}

static bool
http_client_is_served(const struct config *c)
{
	int fd;

	if (c->http_listen.count > 0)
		return http_client_ask(&c->http_listen.items[0], "GET",
				       "/startup");
	fd = http_client_connect(&c->listen[0]);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

bool
http_client_wait(const struct config *c, uint32_t max_ms)
{
	const struct timespec again = {.tv_nsec = AGAIN_NS};
	uint64_t until_ms = clock_now_ms() + max_ms;

	while (!http_client_is_served(c)) {
		if (clock_now_ms() >= until_ms)
			return false;
		(void)nanosleep(&again, NULL);
	}
	return true;
}

bool
http_client_shutdown(const struct config *c)
{
	return http_client_ask(&c->http_listen.items[0], "POST",
			       "/quitquitquit");
}
