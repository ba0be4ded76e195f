/*
 * swarm.c - thousands of clients in one thread, told what to do.
 *
 *	swarm PORT
 *
 * It talks to 127.0.0.1, takes commands from its standard input, one a line,
 * and answers each with one line once it is done:
 *
 *	open COUNT INFLIGHT
 *		hold so many sessions in all, some of them logging in at a time
 *	run ACTIVE INFLIGHT COUNT
 *		that many queries by the first sessions, in turn, some of them
 *		under way at a time; the answer is seconds, and the median and
 *		the 99th percentile in microseconds
 *	churn COUNT INFLIGHT
 *		that many sessions that come, log in and leave; seconds
 *	close
 *		leave; how many there were
 *
 * Whatever else happens ends it with a message.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS = 64,
	INPUT_BYTES = 16 * 1024,
	HEADER_BYTES = 5,
	HANG_BOUND_MS = 30 * 1000,
};

#define STARTUP "\0\0\0\x29\0\3\0\0user\0postgres\0database\0postgres\0\0"
#define QUERY                                                                  \
	"Q\0\0\0\x3dSELECT abalance FROM pgbench_accounts WHERE aid = "        \
	"12345;\0"
#define TERMINATE "X\0\0\0\4"

struct session {
	struct swarm *swarm;
	int fd;
	uint64_t began_ns;
	uint32_t skip; /* of a message's body */
	size_t header_len;
	uint8_t header[HEADER_BYTES];
};

/* What is done next by a session that is ready, or has been left. */
typedef void turn_fn(struct swarm *w, struct session *s);

struct swarm {
	struct sockaddr_in address;
	int epoll_fd;
	struct session **sessions;
	size_t count;
	turn_fn *ready;
	turn_fn *left;
	size_t wanted, begun, done;
	struct session **idle; /* a ring of those that may run */
	size_t idle_size, idle_first, idle_count;
	uint32_t *latencies_us;
};

static uint64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *
allocate(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL)
		err(1, "calloc");
	return p;
}

/* One session */

static void
session_send(struct session *s, const char *data, size_t len)
{
	s->began_ns = now_ns();
	if (send(s->fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
		err(1, "send");
}

/* On the loopback a connect is over at once. */
static struct session *
session_open(struct swarm *w)
{
	struct session *s = allocate(1, sizeof(*s));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
	int on = 1;

	s->swarm = w;
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (s->fd < 0 ||
	    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    connect(s->fd, (struct sockaddr *)&w->address,
		    sizeof(w->address)) != 0 ||
	    ioctl(s->fd, FIONBIO, &on) != 0 ||
	    epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, s->fd, &event) != 0)
		err(1, "cannot connect");
	session_send(s, STARTUP, sizeof(STARTUP) - 1);
	return s;
}

/* By a reset: a million connections must not wait for their ports. */
static void
session_close(struct session *s)
{
	struct linger now = {.l_onoff = 1};

	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)close(s->fd);
	free(s);
}

/* How much of the data belongs to the message at hand. */
static size_t
session_skip(struct session *s, size_t len)
{
	size_t n = s->skip < len ? s->skip : len;

	s->skip -= (uint32_t)n;
	return n;
}

static void
session_begin_message(struct session *s)
{
	uint32_t len;

	memcpy(&len, s->header + 1, sizeof(len));
	s->skip = ntohl(len) - (uint32_t)sizeof(len);
	s->header_len = 0;
	if (s->header[0] == 'E')
		errx(1, "the server reports an error");
}

/* True if the last message was ReadyForQuery, and is there as a whole. */
static bool
session_read(struct session *s, const uint8_t *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		if (s->skip > 0) {
			at += session_skip(s, len - at);
			continue;
		}
		s->header[s->header_len++] = data[at++];
		if (s->header_len == HEADER_BYTES)
			session_begin_message(s);
	}
	return s->header[0] == 'Z' && s->header_len == 0 && s->skip == 0;
}

static void
session_turn(struct session *s)
{
	static uint8_t input[INPUT_BYTES];
	struct swarm *w = s->swarm;
	ssize_t n = recv(s->fd, input, sizeof(input), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		err(1, "recv");
	if (n == 0)
		w->left(w, s);
	else if (session_read(s, input, (size_t)n))
		w->ready(w, s);
}

/* All of them */

static void
left_early(struct swarm *w, struct session *s)
{
	(void)w;
	(void)s;
	errx(1, "a session was closed by the other side");
}

static void
swarm_turn(struct swarm *w)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(w->epoll_fd, events, EVENTS, HANG_BOUND_MS);

	if (count < 0)
		err(1, "epoll_wait");
	if (count == 0)
		errx(1, "nothing comes any more");
	for (int i = 0; i < count; i++)
		session_turn(events[i].data.ptr);
}

/* Seconds until so many are done. */
static double
swarm_until_done(struct swarm *w, uint64_t began_ns)
{
	while (w->done < w->wanted)
		swarm_turn(w);
	return (double)(now_ns() - began_ns) / 1e9;
}

static void
swarm_want(struct swarm *w, size_t wanted, turn_fn *ready, turn_fn *left)
{
	w->wanted = wanted;
	w->begun = w->done = 0;
	w->ready = ready;
	w->left = left;
}

/* open */

static void
open_next(struct swarm *w)
{
	if (w->begun == w->wanted)
		return;
	w->begun++;
	w->sessions[w->count++] = session_open(w);
}

static void
opened(struct swarm *w, struct session *s)
{
	(void)s;
	w->done++;
	open_next(w);
}

static double
do_open(struct swarm *w, size_t count, size_t inflight)
{
	uint64_t began_ns = now_ns();

	if (count < w->count)
		errx(1, "there are %zu sessions already", w->count);
	w->sessions = reallocarray(w->sessions, count, sizeof(*w->sessions));
	if (w->sessions == NULL)
		err(1, "reallocarray");
	swarm_want(w, count - w->count, opened, left_early);
	for (size_t i = 0; i < inflight; i++)
		open_next(w);
	return swarm_until_done(w, began_ns);
}

/* run */

static void
run_next(struct swarm *w)
{
	struct session *s;

	if (w->begun == w->wanted || w->idle_count == 0)
		return;
	w->begun++;
	s = w->idle[w->idle_first];
	w->idle_first = (w->idle_first + 1) % w->idle_size;
	w->idle_count--;
	session_send(s, QUERY, sizeof(QUERY) - 1);
}

static void
answered(struct swarm *w, struct session *s)
{
	w->latencies_us[w->done++] =
	    (uint32_t)((now_ns() - s->began_ns) / 1000);
	w->idle[(w->idle_first + w->idle_count++) % w->idle_size] = s;
	run_next(w);
}

static int
compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
do_run(struct swarm *w, size_t active, size_t inflight, size_t count)
{
	uint64_t began_ns = now_ns();
	double seconds;

	if (active > w->count || active == 0 || count == 0)
		errx(1, "there are %zu sessions", w->count);
	w->idle_size = w->idle_count = active;
	w->idle_first = 0;
	w->idle = allocate(active, sizeof(*w->idle));
	memcpy(w->idle, w->sessions, active * sizeof(*w->idle));
	w->latencies_us = allocate(count, sizeof(*w->latencies_us));
	swarm_want(w, count, answered, left_early);
	for (size_t i = 0; i < inflight; i++)
		run_next(w);
	seconds = swarm_until_done(w, began_ns);
	qsort(w->latencies_us, count, sizeof(*w->latencies_us), compare_u32);
	printf("%.6f %" PRIu32 " %" PRIu32 "\n", seconds,
	       w->latencies_us[count / 2], w->latencies_us[count * 99 / 100]);
	free(w->latencies_us);
	free(w->idle);
}

/* churn */

static void
churn_next(struct swarm *w)
{
	if (w->begun == w->wanted)
		return;
	w->begun++;
	(void)session_open(w);
}

static void
churn_came(struct swarm *w, struct session *s)
{
	(void)w;
	session_send(s, TERMINATE, sizeof(TERMINATE) - 1);
}

static void
churn_left(struct swarm *w, struct session *s)
{
	session_close(s);
	w->done++;
	churn_next(w);
}

static double
do_churn(struct swarm *w, size_t count, size_t inflight)
{
	uint64_t began_ns = now_ns();

	swarm_want(w, count, churn_came, churn_left);
	for (size_t i = 0; i < inflight; i++)
		churn_next(w);
	return swarm_until_done(w, began_ns);
}

/* close */

/* How many there were. */
static size_t
do_close(struct swarm *w)
{
	size_t count = w->count;

	for (size_t i = 0; i < count; i++)
		session_close(w->sessions[i]);
	w->count = 0;
	return count;
}

static void
obey(struct swarm *w, const char *line)
{
	size_t a, b, c;

	if (sscanf(line, "open %zu %zu", &a, &b) == 2)
		printf("%.6f\n", do_open(w, a, b));
	else if (sscanf(line, "run %zu %zu %zu", &a, &b, &c) == 3)
		do_run(w, a, b, c);
	else if (sscanf(line, "churn %zu %zu", &a, &b) == 2)
		printf("%.6f\n", do_churn(w, a, b));
	else if (strcmp(line, "close\n") == 0)
		printf("%zu\n", do_close(w));
	else
		errx(2, "no such command: %s", line);
	(void)fflush(stdout);
}

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(int argc, char **argv)
{
	struct swarm w = {
	    .address = {.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
	};
	char line[256];

	if (argc != 2)
		errx(2, "usage: swarm PORT");
	w.address.sin_port = htons((uint16_t)atoi(argv[1]));
	w.epoll_fd = epoll_create1(0);
	if (w.epoll_fd < 0)
		err(1, "epoll_create1");
	raise_descriptor_limit();
	while (fgets(line, sizeof(line), stdin) != NULL)
		obey(&w, line);
	(void)do_close(&w);
	free(w.sessions);
	return 0;
}
