/*
 * An asker and a server that takes its connection and says nothing, or is not
 * there.  With one that answers it is e2e/rescue.
 */
#include "proxy/net/asker.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "proxy/net/resolver.h"
#include "tests/support/loop.h"
#include "tests/support/names.h"

struct fixture {
	struct event_base *base;
	struct mailbox mailbox;
	struct resolver *resolver;
	struct asker asker;
	size_t failures;
};

static void
fail_test(void *arg)
{
	(void)arg;
	fail();
}

static void
count_failure(void *arg)
{
	struct fixture *f = arg;

	f->failures++;
}

static const struct asker_ears ears = {
    .connected = fail_test,
    .failed = count_failure,
};

/* A mail_handler. */
static void
take_mail(void *arg, const struct mail *mail)
{
	(void)arg;
	assert_int_equal(mail->kind, MAIL_RESOLVED);
	resolution_answered(mail->data);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	names_begin();
	f->base = loop_new();
	f->resolver = resolver_new();
	assert_true(mailbox_open(&f->mailbox, f->base, take_mail, NULL));
	f->asker.names.resolver = f->resolver;
	f->asker.names.mailbox = &f->mailbox;
	f->asker.base = f->base;
	f->asker.ears = &ears;
	f->asker.arg = f;
	asker_init(&f->asker);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	asker_close(&f->asker);
	names_be(NAMES_UNKNOWN);
	resolver_leave(f->resolver);
	mailbox_close(&f->mailbox);
	event_base_free(f->base);
	free(f);
	return 0;
}

static bool
has_failed(void *arg)
{
	struct fixture *f = arg;

	return f->failures > 0;
}

/* A socket that listens on a port of its own, which is told. */
static int
listen_somewhere(char *conninfo, size_t size)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(conninfo, size, "host=127.0.0.1 port=%d sslmode=disable",
		 ntohs(address.sin_port));
	return fd;
}

static void
asker_connect_tells_that_it_cannot(void **state)
{
	struct fixture *f = *state;

	asker_connect(&f->asker, "host=/nowhere dbname=x", "db", "test");
	loop_until(f->base, has_failed, f);
	assert_int_equal(f->failures, 1);
	assert_null(f->asker.connection);
	assert_true(strlen(f->asker.why) > 0);
	assert_null(strchr(f->asker.why, '\n'));
	asker_connect(&f->asker, "no=conninfo", "db", "test");
	assert_int_equal(f->failures, 2);
}

static void
asker_connect_takes_the_name_of_the_database_as_it_is(void **state)
{
	struct fixture *f = *state;
	char conninfo[100];
	char packet[512] = "";
	int fd = listen_somewhere(conninfo, sizeof(conninfo));
	int server;
	ssize_t len;

	strcat(conninfo, " dbname=other user=u application_name=mine");
	asker_connect(&f->asker, conninfo, "host=b dbname=c", "test");
	assert_false(asker_ask(&f->asker, "SELECT 1", ""));
	server = accept(fd, NULL, NULL);
	loop_for(f->base, 100);
	len = read(server, packet, sizeof(packet));
	assert_true(len > 8);
	assert_non_null(
	    memmem(packet, (size_t)len, "database\0host=b dbname=c", 25));
	assert_non_null(memmem(packet, (size_t)len, "user\0u", 7));
	assert_non_null(
	    memmem(packet, (size_t)len, "application_name\0mine", 22));
	close(server);
	loop_until(f->base, has_failed, f);
	assert_false(f->asker.is_connected);
	close(fd);
}

static void
asker_gives_a_silent_server_up(void **state)
{
	struct fixture *f = *state;
	struct timeval due;
	char conninfo[100];
	int fd = listen_somewhere(conninfo, sizeof(conninfo));

	asker_connect(&f->asker, conninfo, "db", "test");
	loop_for(f->base, 50);
	assert_int_equal(f->failures, 0);
	assert_true(event_pending(&f->asker.timer, EV_TIMEOUT, &due));
	event_active(&f->asker.timer, EV_TIMEOUT, 1);
	loop_for(f->base, 0);
	assert_int_equal(f->failures, 1);
	assert_string_equal(f->asker.why, "the server does not answer");
	assert_null(f->asker.connection);
	assert_false(event_pending(&f->asker.timer, EV_TIMEOUT, NULL));
	close(fd);
}

/* Names */

/* The port of a CONNINFO by listen_somewhere. */
static const char *
port_of(const char *conninfo)
{
	return strstr(conninfo, "port=") + strlen("port=");
}

/* The startup packet comes there: libpq knows no such name itself. */
static void
assert_reaches(struct fixture *f, int fd)
{
	char packet[512];
	int server = accept(fd, NULL, NULL);

	assert_true(server >= 0);
	loop_for(f->base, 50);
	assert_true(read(server, packet, sizeof(packet)) > 8);
	assert_true(asker_is_open(&f->asker));
	assert_int_equal(f->failures, 0);
	close(server);
}

static void
asker_waits_for_no_name(void **state)
{
	struct fixture *f = *state;
	char conninfo[200];
	char real[100];
	int fd = listen_somewhere(real, sizeof(real));

	snprintf(conninfo, sizeof(conninfo), "host=host.invalid port=%s",
		 port_of(real));
	asker_connect(&f->asker, conninfo, "db", "test");
	loop_for(f->base, 50);
	assert_int_equal(names_asked(), 1);
	assert_true(asker_is_open(&f->asker));
	assert_null(f->asker.connection);
	assert_false(asker_ask(&f->asker, "SELECT 1", NULL));
	names_be(NAMES_KNOWN);
	loop_for(f->base, 50);
	assert_non_null(f->asker.connection);
	assert_reaches(f, fd);
	close(fd);
}

static void
asker_gives_a_silent_name_server_up(void **state)
{
	struct fixture *f = *state;

	asker_connect(&f->asker, "host=host.invalid", "db", "test");
	loop_for(f->base, 20);
	event_active(&f->asker.timer, EV_TIMEOUT, 1);
	loop_for(f->base, 0);
	assert_int_equal(f->failures, 1);
	assert_string_equal(f->asker.why, "name resolution timed out");
	assert_false(asker_is_open(&f->asker));
	names_be(NAMES_KNOWN);
	loop_for(f->base, 50);
	assert_int_equal(f->failures, 1);
}

static void
asker_passes_over_a_name_that_is_unknown(void **state)
{
	struct fixture *f = *state;
	char conninfo[200];
	char real[100];
	int fd = listen_somewhere(real, sizeof(real));

	names_be(NAMES_UNKNOWN);
	asker_connect(&f->asker, "host=a.invalid,b.invalid", "db", "test");
	loop_until(f->base, has_failed, f);
	assert_true(strlen(f->asker.why) > 0);
	f->failures = 0;
	snprintf(conninfo, sizeof(conninfo),
		 "host=a.invalid,127.0.0.1 port=1,%s", port_of(real));
	asker_connect(&f->asker, conninfo, "db", "test");
	loop_for(f->base, 50);
	assert_int_equal(names_asked(), 3);
	assert_reaches(f, fd);
	close(fd);
}

/* An address, a socket, and what libpq has something to say about. */
static void
asker_looks_up_what_is_a_name(void **state)
{
	static const char *const others[] = {
	    "host=/nowhere",
	    "host=@nowhere port=1,2",
	    "hostaddr=nonsense",
	    "host=a.invalid hostaddr=127.0.0.1 port=1",
	    "host=a.invalid,b.invalid port=1,2,3",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		f->failures = 0;
		asker_connect(&f->asker, others[i], "db", "test");
		loop_until(f->base, has_failed, f);
		assert_false(asker_is_open(&f->asker));
	}
	assert_int_equal(names_asked(), 0);
}

static void
asker_close_amid_a_look_up(void **state)
{
	struct fixture *f = *state;

	for (int ms = 0; ms < 3; ms++) {
		asker_connect(&f->asker, "host=a.invalid,b.invalid", "db",
			      "test");
		loop_for(f->base, (unsigned int)ms);
		asker_close(&f->asker);
		assert_false(asker_is_open(&f->asker));
	}
	names_be(NAMES_KNOWN);
	loop_for(f->base, 50);
	assert_int_equal(f->failures, 0);
}

static void
asker_close_calls_nobody(void **state)
{
	struct fixture *f = *state;
	char conninfo[100];
	int fd = listen_somewhere(conninfo, sizeof(conninfo));

	asker_connect(&f->asker, conninfo, "db", "test");
	asker_close(&f->asker);
	asker_close(&f->asker);
	loop_for(f->base, 20);
	assert_int_equal(f->failures, 0);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(asker_connect_tells_that_it_cannot),
	    TEST(asker_connect_takes_the_name_of_the_database_as_it_is),
	    TEST(asker_gives_a_silent_server_up),
	    TEST(asker_waits_for_no_name),
	    TEST(asker_gives_a_silent_name_server_up),
	    TEST(asker_passes_over_a_name_that_is_unknown),
	    TEST(asker_looks_up_what_is_a_name),
	    TEST(asker_close_amid_a_look_up),
	    TEST(asker_close_calls_nobody),
	};

	return cmocka_run_group_tests_name("proxy/net/asker", tests, NULL,
					   NULL);
}
