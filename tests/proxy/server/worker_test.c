#include "proxy/server/worker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include "proxy/auth/credentials.h"
#include "proxy/gate/turns.h"
#include "proxy/pair/cancel.h"
#include "proxy/pair/seats.h"
#include "tests/support/loop.h"

enum {
	BOUND_MS = LOOP_BOUND_S * 1000,
};

/* One worker, and the server that its sessions dial. */
struct fixture {
	struct endpoint upstream;
	struct config config;
	struct daemon daemon;
	struct worker worker;
	struct mailbox *mailboxes[1];
	int listener;
};

static const char startup[] = "\0\0\0\x12\0\3\0\0user\0joe\0";

static int
setup(void **state)
{
	static char host[] = "127.0.0.1";
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_in a = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(a);

	assert_non_null(f);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(f->listener, 8), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&a, &len),
			 0);
	f->upstream = (struct endpoint){host, ntohs(a.sin_port), NULL};
	f->config = (struct config){
	    .upstream = &f->upstream,
	    .upstream_count = 1,
	    .max_connections = 10,
	    .connect_timeout_ms = BOUND_MS,
	    .login_timeout_ms = BOUND_MS,
	};
	f->daemon.config = &f->config;
	f->daemon.cancels = cancel_registry_new();
	f->daemon.turns = turns_new();
	f->daemon.seats = seats_new();
	f->mailboxes[0] = &f->worker.mailbox;
	f->daemon.mailboxes = f->mailboxes;
	f->daemon.worker_count = 1;
	f->daemon.credentials =
	    credentials_store_new(credentials_load(&f->config, stderr));
	assert_non_null(f->daemon.cancels);
	assert_non_null(f->daemon.credentials);
	assert_true(worker_start(&f->worker, &f->daemon, 0));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	cancel_registry_free(f->daemon.cancels);
	turns_free(f->daemon.turns);
	seats_free(f->daemon.seats);
	credentials_store_free(f->daemon.credentials);
	close(f->listener);
	free(f);
	return 0;
}

static void
tell(struct fixture *f, enum mail_kind kind)
{
	assert_true(
	    mailbox_post(&f->worker.mailbox, (struct mail){.kind = kind}));
}

/* As listener.c does it; returns the client's end. */
static int
connect_client(struct fixture *f)
{
	int fds[2];
	struct mail mail = {.kind = MAIL_CONNECTION};

	loop_socketpair(fds);
	mail.fd = fds[0];
	atomic_fetch_add(&f->worker.sessions.load, 1);
	atomic_fetch_add(&f->daemon.connections, 1);
	assert_true(mailbox_post(&f->worker.mailbox, mail));
	return fds[1];
}

/* Reads to the end, waiting for it: what was read fits `size`. */
static size_t
read_to_end(int fd, char *data, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n;

	do {
		assert_int_equal(poll(&p, 1, BOUND_MS), 1);
		n = read(fd, data + len, size - len);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0);
	return len;
}

static void
assert_ends_without_sessions(struct fixture *f)
{
	worker_join(&f->worker);
	worker_clear(&f->worker);
	assert_int_equal(atomic_load(&f->daemon.connections), 0);
	assert_int_equal(atomic_load(&f->worker.sessions.load), 0);
}

static void
worker_join_returns_once_told_to_stop(void **state)
{
	struct fixture *f = *state;

	tell(f, MAIL_STOP);
	assert_ends_without_sessions(f);
}

/* Who posts cannot know that the loop has ended already. */
static void
worker_takes_mail_until_it_is_joined(void **state)
{
	struct fixture *f = *state;
	int client = connect_client(f);
	char byte;

	tell(f, MAIL_DRAIN);
	close(client);
	while (atomic_load(&f->daemon.connections) > 0)
		usleep(1000);
	tell(f, MAIL_EXPIRE);
	tell(f, MAIL_STOP);
	usleep(1000);
	tell(f, MAIL_CANCEL);
	client = connect_client(f);
	worker_join(&f->worker);
	worker_clear(&f->worker);
	assert_int_equal(read_to_end(client, &byte, 1), 0);
	close(client);
}

static void
worker_told_to_stop_tells_its_clients(void **state)
{
	struct fixture *f = *state;
	int client = connect_client(f);
	char words[256];
	size_t len;

	tell(f, MAIL_STOP);
	len = read_to_end(client, words, sizeof(words));
	assert_true(len > 0);
	assert_int_equal(words[0], 'E');
	assert_non_null(memmem(words, len, "57P03", 5));
	close(client);
	assert_ends_without_sessions(f);
}

/* A session that ends within the call that tells it is counted off, too. */
static void
worker_told_to_stop_forgets_no_client_that_has_left(void **state)
{
	struct fixture *f = *state;
	int client = connect_client(f);
	char packet[sizeof(startup)];
	int server;

	assert_int_equal(write(client, startup, sizeof(startup)),
			 sizeof(startup));
	shutdown(client, SHUT_WR);
	server = accept(f->listener, NULL, NULL);
	assert_int_equal(read_to_end(server, packet, sizeof(packet)),
			 sizeof(startup));
	tell(f, MAIL_STOP);
	assert_ends_without_sessions(f);
	close(server);
	close(client);
}

static void
worker_answers_while_its_loop_turns_and_needs_not_behind_its_end(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 3; i++) {
		worker_ask(&f->worker);
		while (!worker_turns(&f->worker))
			usleep(1000);
	}
	tell(f, MAIL_STOP);
	worker_join(&f->worker);
	worker_ask(&f->worker);
	assert_true(worker_turns(&f->worker));
	worker_clear(&f->worker);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(worker_join_returns_once_told_to_stop),
	    TEST(
		worker_answers_while_its_loop_turns_and_needs_not_behind_its_end),
	    TEST(worker_takes_mail_until_it_is_joined),
	    TEST(worker_told_to_stop_tells_its_clients),
	    TEST(worker_told_to_stop_forgets_no_client_that_has_left),
	};

	return cmocka_run_group_tests_name("proxy/server/worker", tests, NULL,
					   NULL);
}
