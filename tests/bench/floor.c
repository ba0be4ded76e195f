/*
 * floor.c - the least that a proxy can do: the floor of the benchmark.
 *
 *	floor LISTEN-PORT UPSTREAM-PORT
 *
 * One thread, one level-triggered epoll.  Each wakeup of a socket is one recv
 * of up to 16 kB into a buffer that all share, and one send of it at once to
 * the other socket of the pair, with TCP_NODELAY on both.  Nothing is decoded,
 * nothing is logged, nothing has a timeout.  Both ports are of 127.0.0.1.
 *
 * What cannot be sent is kept, and no more is read from its source until it
 * has left: at most one buffer a direction.  An end of input is passed on once
 * everything before it has been; an error closes the pair, and where no pair
 * can be made the program ends.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 16384, EVENTS = 64, BACKLOG = 4096 };

struct end {
	struct pair *pair;
	int fd;
	uint32_t interest;
	bool has_ended; /* its input has, not what it is sent */
	char *unsent;   /* for this end; NULL if nothing waits */
	size_t unsent_len, unsent_sent;
};

struct pair {
	struct end ends[2];
	bool is_closed;
	struct pair *next; /* of those closed in this turn */
};

struct floor {
	int epoll_fd;
	int listen_fd;
	struct sockaddr_in upstream;
	struct pair *closed;
};

static struct end *
other_end(struct end *e)
{
	return &e->pair->ends[e == &e->pair->ends[0]];
}

/* Freed at the end of the turn, whose events may still name it. */
static void
pair_close(struct floor *f, struct pair *p)
{
	if (p->is_closed)
		return;
	p->is_closed = true;
	p->next = f->closed;
	f->closed = p;
	for (int i = 0; i < 2; i++) {
		(void)close(p->ends[i].fd);
		free(p->ends[i].unsent);
	}
}

/* Nothing wanted is not watched: a hangup would be reported for ever. */
static void
end_watch(struct floor *f, struct end *e)
{
	struct epoll_event event = {.data.ptr = e};
	int op = EPOLL_CTL_MOD;

	if (!e->has_ended && other_end(e)->unsent == NULL)
		event.events |= EPOLLIN;
	if (e->unsent != NULL)
		event.events |= EPOLLOUT;
	if (event.events == e->interest)
		return;
	if (event.events == 0)
		op = EPOLL_CTL_DEL;
	else if (e->interest == 0)
		op = EPOLL_CTL_ADD;
	if (epoll_ctl(f->epoll_fd, op, e->fd, &event) != 0)
		err(1, "epoll_ctl");
	e->interest = event.events;
}

/* Once all that came before the end of input has been sent. */
static void
pass_end(struct floor *f, struct end *source)
{
	struct end *sink = other_end(source);

	if (!source->has_ended || sink->unsent != NULL)
		return;
	(void)shutdown(sink->fd, SHUT_WR);
	if (sink->has_ended && source->unsent == NULL)
		pair_close(f, source->pair);
}

/* How much was sent; SIZE_MAX after an error. */
static size_t
send_some(int fd, const char *data, size_t len)
{
	ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

	if (n >= 0)
		return (size_t)n;
	return errno == EAGAIN ? 0 : SIZE_MAX;
}

static bool
end_keep(struct end *e, const char *data, size_t len)
{
	e->unsent = malloc(len);
	if (e->unsent == NULL)
		return false;
	memcpy(e->unsent, data, len);
	e->unsent_len = len;
	e->unsent_sent = 0;
	return true;
}

/* False after an error. */
static bool
end_flush(struct floor *f, struct end *e)
{
	size_t n = send_some(e->fd, e->unsent + e->unsent_sent,
			     e->unsent_len - e->unsent_sent);

	if (n == SIZE_MAX)
		return false;
	e->unsent_sent += n;
	if (e->unsent_sent < e->unsent_len)
		return true;
	free(e->unsent);
	e->unsent = NULL;
	end_watch(f, e);
	end_watch(f, other_end(e));
	pass_end(f, other_end(e));
	return true;
}

/* False after an error. */
static bool
end_relay(struct floor *f, struct end *source)
{
	static char buffer[BUFFER_BYTES];
	struct end *sink = other_end(source);
	ssize_t len = recv(source->fd, buffer, sizeof(buffer), 0);
	size_t sent;

	if (len < 0)
		return errno == EAGAIN;
	if (len == 0) {
		source->has_ended = true;
		end_watch(f, source);
		pass_end(f, source);
		return true;
	}
	sent = send_some(sink->fd, buffer, (size_t)len);
	if (sent == (size_t)len)
		return true;
	if (sent == SIZE_MAX ||
	    !end_keep(sink, buffer + sent, (size_t)len - sent))
		return false;
	end_watch(f, source);
	end_watch(f, sink);
	return true;
}

static void
end_turn(struct floor *f, struct end *e, uint32_t events)
{
	struct pair *p = e->pair;
	bool is_sound = (events & EPOLLERR) == 0;

	if (is_sound && !p->is_closed && e->unsent != NULL &&
	    (events & (EPOLLOUT | EPOLLHUP)) != 0)
		is_sound = end_flush(f, e);
	if (is_sound && !p->is_closed && (e->interest & EPOLLIN) != 0 &&
	    (events & (EPOLLIN | EPOLLHUP)) != 0)
		is_sound = end_relay(f, e);
	if (!is_sound)
		pair_close(f, p);
}

static void
set_nodelay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* On the loopback this is over at once; -1 if nobody listens. */
static int
dial(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	if (fd < 0)
		err(1, "socket");
	set_nodelay(fd);
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
		0 &&
	    ioctl(fd, FIONBIO, &on) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void
accept_one(struct floor *f)
{
	int client = accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK);
	struct pair *p;
	int server;

	if (client < 0 && (errno == EAGAIN || errno == ECONNABORTED))
		return;
	p = calloc(1, sizeof(*p));
	if (client < 0 || p == NULL)
		err(1, "accept");
	server = dial(&f->upstream);
	set_nodelay(client);
	p->ends[0] = (struct end){.pair = p, .fd = client};
	p->ends[1] = (struct end){.pair = p, .fd = server};
	if (server < 0) {
		(void)close(client);
		free(p);
		return;
	}
	end_watch(f, &p->ends[0]);
	end_watch(f, &p->ends[1]);
}

static void
free_closed(struct floor *f)
{
	struct pair *next;

	for (struct pair *p = f->closed; p != NULL; p = next) {
		next = p->next;
		free(p);
	}
	f->closed = NULL;
}

static void
floor_turn(struct floor *f)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(f->epoll_fd, events, EVENTS, -1);

	for (int i = 0; i < count; i++) {
		struct end *e = events[i].data.ptr;

		if (e == NULL)
			accept_one(f);
		else if (!e->pair->is_closed)
			end_turn(f, e, events[i].events);
	}
	free_closed(f);
}

static struct sockaddr_in
local_port(const char *text)
{
	return (struct sockaddr_in){
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(text)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static void
floor_listen(struct floor *f, const struct sockaddr_in *address)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int on = 1;

	f->epoll_fd = epoll_create1(0);
	f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (f->epoll_fd < 0 || f->listen_fd < 0)
		err(1, "socket");
	(void)setsockopt(f->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on,
			 sizeof(on));
	if (bind(f->listen_fd, (const struct sockaddr *)address,
		 sizeof(*address)) != 0 ||
	    listen(f->listen_fd, BACKLOG) != 0 ||
	    epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, f->listen_fd, &event) != 0)
		err(1, "cannot listen");
}

int
main(int argc, char **argv)
{
	struct floor f = {0};
	struct sockaddr_in address;

	if (argc != 3)
		errx(2, "usage: floor LISTEN-PORT UPSTREAM-PORT");
	address = local_port(argv[1]);
	f.upstream = local_port(argv[2]);
	floor_listen(&f, &address);
	for (;;)
		floor_turn(&f);
}
