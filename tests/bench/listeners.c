/*
 * listeners.c - a fleet that only listens.
 *
 *	listeners CONNINFO COUNT ROUNDS
 *
 * Holds COUNT sessions that listen as Lockstep's fleet does, and sends
 * notifications of 600 bytes, a window of some forty names, by another one.
 * Prints for each of ROUNDS, in microseconds, after how long the sender had its
 * answer, and after how long the last listener had the notification.  Then
 * prints "idle", and asks SELECT 1 of each listener every 15 seconds, as an
 * idle fleet does, until its standard input ends.
 */
#include <err.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

enum {
	EVENTS = 64,
	PAYLOAD_BYTES = 600,
	GAP_MS = 20, /* between two rounds */
	LOOK_MS = 15000,
};

struct fleet {
	int count;
	PGconn **listeners;
	PGconn *sender;
	int epoll_fd;
};

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static PGconn *
connect_to(const char *conninfo)
{
	PGconn *c = PQconnectdb(conninfo);

	if (PQstatus(c) != CONNECTION_OK)
		errx(1, "%s", PQerrorMessage(c));
	return c;
}

static void
run(PGconn *c, const char *sql)
{
	PGresult *r = PQexec(c, sql);

	if (PQresultStatus(r) != PGRES_COMMAND_OK &&
	    PQresultStatus(r) != PGRES_TUPLES_OK)
		errx(1, "%s", PQerrorMessage(c));
	PQclear(r);
}

static void
open_all(struct fleet *f, const char *conninfo)
{
	int i;

	f->sender = connect_to(conninfo);
	run(f->sender, "SET synchronous_commit TO off");
	f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	f->listeners = calloc((size_t)f->count + 1, sizeof(PGconn *));
	if (f->epoll_fd < 0 || f->listeners == NULL)
		err(1, "cannot hold %d listeners", f->count);
	for (i = 0; i < f->count; i++) {
		struct epoll_event e = {.events = EPOLLIN};

		f->listeners[i] = connect_to(conninfo);
		e.data.ptr = f->listeners[i];
		run(f->listeners[i], "LISTEN lockstep");
		if (epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD,
			      PQsocket(f->listeners[i]), &e) != 0)
			err(1, "epoll_ctl");
	}
}

/* The number of notifications that have come to it. */
static int
take_notifications(PGconn *c)
{
	PGnotify *n;
	int count = 0;

	if (PQconsumeInput(c) != 1)
		errx(1, "%s", PQerrorMessage(c));
	while ((n = PQnotifies(c)) != NULL) {
		PQfreemem(n);
		count++;
	}
	return count;
}

/* Wait until as many notifications have come as there are listeners. */
static void
wait_for_all(struct fleet *f)
{
	struct epoll_event events[EVENTS];
	int left = f->count;
	int ready, i;

	while (left > 0) {
		ready = epoll_wait(f->epoll_fd, events, EVENTS, 10000);
		if (ready <= 0)
			errx(1, "%d listeners have heard nothing", left);
		for (i = 0; i < ready; i++)
			left -= take_notifications(events[i].data.ptr);
	}
}

static void
measure_round(struct fleet *f, const char *sql)
{
	uint64_t begun_us = now_us();
	uint64_t sent_us;

	if (PQsendQuery(f->sender, sql) != 1)
		errx(1, "%s", PQerrorMessage(f->sender));
	PQclear(PQgetResult(f->sender));
	PQclear(PQgetResult(f->sender));
	sent_us = now_us();
	wait_for_all(f);
	printf("%ju %ju\n", (uintmax_t)(sent_us - begun_us),
	       (uintmax_t)(now_us() - begun_us));
}

/* One listener after the other, each once in LOOK_MS. */
static void
be_idle(struct fleet *f)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	int i = 0;

	puts("idle");
	fflush(stdout);
	while (poll(&input, 1, LOOK_MS / (f->count + 1)) == 0)
		if (f->count > 0)
			run(f->listeners[i++ % f->count], "SELECT 1");
}

int
main(int argc, char **argv)
{
	struct rlimit limit;
	struct fleet f = {0};
	char payload[PAYLOAD_BYTES + 1];
	char sql[PAYLOAD_BYTES + 64];
	int rounds;

	if (argc != 4)
		errx(2, "usage: listeners CONNINFO COUNT ROUNDS");
	f.count = atoi(argv[2]);
	rounds = atoi(argv[3]);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	open_all(&f, argv[1]);
	memset(payload, 'x', PAYLOAD_BYTES);
	payload[PAYLOAD_BYTES] = '\0';
	for (; rounds > 0; rounds--) {
		snprintf(sql, sizeof(sql), "SELECT pg_notify('lockstep', '%s')",
			 payload);
		measure_round(&f, sql);
		(void)poll(NULL, 0, GAP_MS);
	}
	be_idle(&f);
	return 0;
}
