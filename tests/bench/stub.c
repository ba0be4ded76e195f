/*
 * stub.c - a PostgreSQL server that is none: it has one answer.
 *
 *	stub
 *
 * Holds as many sessions as it may have descriptors, where PostgreSQL would
 * need a process for each.  Listens on a port of 127.0.0.1, which it prints,
 * until its standard input ends.  Lets everybody in, declines TLS, answers
 * each message at once, whatever it says, and hangs up at a Terminate.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EVENTS = 64,
	BACKLOG = 4096,
	PART_MAX_BYTES = 512, /* of a message whose rest is to come */
	INPUT_BYTES = 16 * 1024,
	OUTPUT_BYTES = 64 * 1024,
	CANCEL_REQUEST = 80877102,
	SSL_REQUEST = 80877103,
	GSSENC_REQUEST = 80877104,
};

#define PARSED "1\0\0\0\4"
#define BOUND "2\0\0\0\4"
#define CLOSED "3\0\0\0\4"
#define DESCRIBED                                                              \
	"T\0\0\0\x21\0\1abalance\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff"  \
	"\0\0"
#define EXECUTED "D\0\0\0\x0f\0\1\0\0\0\5-4711C\0\0\0\x0dSELECT 1\0"
#define READY "Z\0\0\0\5I"

static const struct {
	const char *name;
	const char *value;
} parameters[] = {
    {"server_version", "15.0"},
    {"client_encoding", "UTF8"},
    {"standard_conforming_strings", "on"},
};

static const struct {
	char type;
	const char *bytes;
	size_t len;
} answers[] = {
    {'Q', DESCRIBED EXECUTED READY, sizeof(DESCRIBED EXECUTED READY) - 1},
    {'P', PARSED, sizeof(PARSED) - 1},
    {'B', BOUND, sizeof(BOUND) - 1},
    {'C', CLOSED, sizeof(CLOSED) - 1},
    {'D', DESCRIBED, sizeof(DESCRIBED) - 1},
    {'E', EXECUTED, sizeof(EXECUTED) - 1},
    {'S', READY, sizeof(READY) - 1},
};

struct peer {
	int fd;
	uint32_t number;
	bool is_started;
	bool is_leaving;
	size_t part_len;
	char part[PART_MAX_BYTES];
};

struct output {
	size_t len;
	char bytes[OUTPUT_BYTES];
};

static int epoll_fd;
static int listen_fd;
static uint32_t peers; /* ever */

static void
put(struct output *out, const void *bytes, size_t len)
{
	if (out->len + len > sizeof(out->bytes))
		errx(1, "an answer is too long");
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

static uint32_t
get_u32(const char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return ntohl(value);
}

static void
put_parameter(struct output *out, const char *name, const char *value)
{
	size_t name_size = strlen(name) + 1;
	size_t value_size = strlen(value) + 1;
	uint32_t len = htonl((uint32_t)(sizeof(len) + name_size + value_size));

	put(out, "S", 1);
	put(out, &len, sizeof(len));
	put(out, name, name_size);
	put(out, value, value_size);
}

static void
greet(const struct peer *p, struct output *out)
{
	uint32_t key[2] = {htonl(p->number), htonl(42)};

	put(out, "R\0\0\0\x08\0\0\0\0", 9);
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		put_parameter(out, parameters[i].name, parameters[i].value);
	put(out, "K\0\0\0\x0c", 5);
	put(out, key, sizeof(key));
	put(out, READY, sizeof(READY) - 1);
}

static void
take_startup(struct peer *p, const char *packet, struct output *out)
{
	switch (get_u32(packet + 4)) {
	case SSL_REQUEST:
	case GSSENC_REQUEST:
		put(out, "N", 1);
		break;
	case CANCEL_REQUEST:
		p->is_leaving = true;
		break;
	default:
		p->is_started = true;
		greet(p, out);
		break;
	}
}

static void
take_message(struct peer *p, char type, struct output *out)
{
	p->is_leaving = type == 'X';
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (answers[i].type == type)
			put(out, answers[i].bytes, answers[i].len);
}

/* Of what stands first; more than there is, if it is not all there. */
static size_t
message_len(const struct peer *p, const char *data, size_t len)
{
	if (len < (p->is_started ? 5 : 8))
		return SIZE_MAX;
	return p->is_started ? 1 + get_u32(data + 1) : get_u32(data);
}

/* How much of the data was whole messages. */
static size_t
take_all(struct peer *p, const char *data, size_t len, struct output *out)
{
	size_t at = 0;
	size_t size;

	while (!p->is_leaving) {
		size = message_len(p, data + at, len - at);
		if (size > len - at)
			break;
		if (p->is_started)
			take_message(p, data[at], out);
		else
			take_startup(p, data + at, out);
		at += size;
	}
	return at;
}

static void
hang_up(struct peer *p)
{
	(void)close(p->fd);
	free(p);
}

static void
peer_turn(struct peer *p)
{
	static char input[PART_MAX_BYTES + INPUT_BYTES];
	static struct output out;
	ssize_t n = recv(p->fd, input + p->part_len, INPUT_BYTES, 0);
	size_t len, used;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		hang_up(p);
		return;
	}
	memcpy(input, p->part, p->part_len);
	len = p->part_len + (size_t)n;
	out.len = 0;
	used = take_all(p, input, len, &out);
	p->part_len = len - used;
	if (send(p->fd, out.bytes, out.len, MSG_NOSIGNAL) != (ssize_t)out.len ||
	    p->is_leaving || p->part_len > sizeof(p->part)) {
		hang_up(p);
		return;
	}
	memcpy(p->part, input + used, p->part_len);
}

static void
watch(int fd, void *data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		err(1, "epoll_ctl");
}

static void
accept_one(void)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
	struct peer *p;
	int on = 1;

	if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
		return;
	p = calloc(1, sizeof(*p));
	if (fd < 0 || p == NULL)
		err(1, "accept");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	p->fd = fd;
	p->number = ++peers;
	watch(fd, p);
}

static uint16_t
open_listener(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);

	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (listen_fd < 0 ||
	    bind(listen_fd, (struct sockaddr *)&address, len) != 0 ||
	    listen(listen_fd, BACKLOG) != 0 ||
	    getsockname(listen_fd, (struct sockaddr *)&address, &len) != 0)
		err(1, "cannot listen");
	watch(listen_fd, &listen_fd);
	return ntohs(address.sin_port);
}

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* False once the standard input has ended. */
static bool
turn(void)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(epoll_fd, events, EVENTS, -1);
	char ignored;

	for (int i = 0; i < count; i++) {
		void *data = events[i].data.ptr;

		if (data == &listen_fd)
			accept_one();
		else if (data != NULL)
			peer_turn(data);
		else if (read(STDIN_FILENO, &ignored, 1) <= 0)
			return false;
	}
	return true;
}

int
main(void)
{
	raise_descriptor_limit();
	epoll_fd = epoll_create1(0);
	if (epoll_fd < 0)
		err(1, "epoll_create1");
	watch(STDIN_FILENO, NULL);
	printf("%u\n", open_listener());
	(void)fflush(stdout);
	while (turn())
		;
	return 0;
}
