#include "proxy/http/http_client.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
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
	ANSWER_MAX_BYTES = 1024 * 1024,
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

/* Send a request, and connect for that.  -1: it was not sent; else the
 * connection, from which the answer comes. */
static int
http_client_send(const struct endpoint *e, const char *method, const char *path)
{
	char text[256];
	int fd = http_client_connect(e);
	int len = snprintf(text, sizeof(text),
			   "%s %s HTTP/1.1\r\nHost: localhost\r\n"
			   "Content-Length: 0\r\nConnection: close\r\n\r\n",
			   method, path);

	if (fd < 0)
		return -1;
	if (len < (int)sizeof(text) &&
	    send(fd, text, (size_t)len, MSG_NOSIGNAL) == len)
		return fd;
	close(fd);
	return -1;
}

/* True if the request is answered by 200. */
static bool
http_client_ask(const struct endpoint *e, const char *method, const char *path)
{
	static const char good[] = "HTTP/1.1 200 ";
	char text[sizeof(good)];
	int fd = http_client_send(e, method, path);
	bool is_good;

	if (fd < 0)
		return false;
	is_good = recv(fd, text, sizeof(good) - 1, MSG_WAITALL) ==
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

/* Answers with a body */

/* Read to the end, ANSWER_MAX_BYTES at most, NUL terminated, the caller's to
 * free.  NULL: that took too long, or memory is out. */
static char *
http_client_read(int fd)
{
	char *text = malloc(ANSWER_MAX_BYTES + 1);
	size_t len = 0;
	ssize_t n = 1;

	while (text != NULL && n > 0 && len < ANSWER_MAX_BYTES) {
		n = recv(fd, text + len, ANSWER_MAX_BYTES - len, 0);
		len += n > 0 ? (size_t)n : 0;
	}
	if (text == NULL || n < 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

/* The body of an answer, borrowed; *length is what its header promises.  NULL:
 * there is no whole header. */
static const char *
http_client_body(const char *answer, size_t *length)
{
	static const char key[] = "\r\nContent-Length: ";
	const char *body = strstr(answer, "\r\n\r\n");
	const char *at = strcasestr(answer, key);

	if (body == NULL || at == NULL || at > body)
		return NULL;
	*length = strtoul(at + sizeof(key) - 1, NULL, 10);
	return body + 4;
}

/* Print what a terminal is not told to do anything by, whoever has sent it. */
static void
http_client_print(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text >= ' ' || *text == '\n' ? *text
								   : '?',
		      out);
}

static enum http_client_answer
http_client_print_answer(FILE *out, const char *answer)
{
	size_t length = 0;
	const char *body = http_client_body(answer, &length);

	if (body == NULL)
		return HTTP_CLIENT_SILENT;
	if (strncmp(answer, "HTTP/1.1 404 ", 13) == 0)
		return HTTP_CLIENT_NOT_FOUND;
	if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
		return HTTP_CLIENT_ODD;
	if (strlen(body) != length)
		return HTTP_CLIENT_SILENT;
	http_client_print(out, body);
	return HTTP_CLIENT_OK;
}

enum http_client_answer
http_client_why(const struct config *c, const char *id, FILE *out)
{
	enum http_client_answer is = HTTP_CLIENT_SILENT;
	char path[64];
	char *answer;
	int fd;

	snprintf(path, sizeof(path), "/api/why%s%s", id != NULL ? "?id=" : "",
		 id != NULL ? id : "");
	fd = http_client_send(&c->http_listen.items[0], "GET", path);
	if (fd < 0)
		return HTTP_CLIENT_SILENT;
	answer = http_client_read(fd);
	close(fd);
	if (answer != NULL)
		is = http_client_print_answer(out, answer);
	free(answer);
	return is;
}

bool
http_client_shutdown(const struct config *c)
{
	return http_client_ask(&c->http_listen.items[0], "POST",
			       "/quitquitquit");
}
