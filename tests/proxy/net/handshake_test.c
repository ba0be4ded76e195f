/*
 * With a pool of threads, over pairs of sockets; the other end is ours, too,
 * or plain OpenSSL.
 */
#include "proxy/net/handshake.h"

#include <errno.h>
#include <signal.h>

#include "tests/support/allocation.h"
#include "tests/support/certificates.h"
#include "tests/support/handshaker.h"
#include "tests/support/tls_peer.h"

enum {
	MANY = 200,
	FILLER_BYTES = 4096,
};

static const struct tls_settings server_settings = {
    .mode = TLS_REQUIRE, .cert = "server.crt", .key = "server.key"};
static const struct tls_settings client_settings = {.mode = TLS_VERIFY_FULL,
						    .ca = "ca.crt"};

/* One end of a connection, and what its handler was told. */
struct end {
	int fd;
	struct handshake *handshake;
	struct tls *tls;
	char error[TLS_ERROR_MAX];
	unsigned calls;
};

struct fixture {
	struct event_base *base;
	struct handshaker_fixture shaker;
	struct tls_context *of_server;
	struct tls_context *of_client;
	struct end server;
	struct end client;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fds[2];

	assert_non_null(f);
	f->base = loop_new();
	handshaker_fixture_begin(&f->shaker, f->base);
	f->of_server = handshaker_server_context(&server_settings);
	f->of_client = handshaker_client_context(&client_settings);
	loop_socketpair(fds);
	f->server.fd = fds[0];
	f->client.fd = fds[1];
	*state = f;
	return 0;
}

static void
end_clear(struct end *e)
{
	tls_free(e->tls);
	e->tls = NULL;
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	handshaker_fixture_end(&f->shaker);
	end_clear(&f->server);
	end_clear(&f->client);
	tls_context_release(f->of_server);
	tls_context_release(f->of_client);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void
handshaken(void *arg, struct tls *tls, const char *error)
{
	struct end *e = arg;

	e->calls++;
	e->handshake = NULL;
	e->tls = tls;
	snprintf(e->error, sizeof(e->error), "%s", error == NULL ? "" : error);
}

static void
begin(struct fixture *f, struct end *e, struct tls_context *context,
      const char *name)
{
	struct tls *tls = tls_new(context, name);

	assert_non_null(tls);
	e->handshake =
	    handshake_start(&f->shaker.by, e->fd, tls, handshaken, e);
	assert_non_null(e->handshake);
	assert_int_equal(e->calls, 0);
}

static void
begin_server(struct fixture *f)
{
	begin(f, &f->server, f->of_server, NULL);
}

static void
begin_client(struct fixture *f, const char *name)
{
	begin(f, &f->client, f->of_client, name);
}

static bool
is_told(void *arg)
{
	const struct end *e = arg;

	return e->calls > 0;
}

static bool
both_are_told(void *arg)
{
	struct fixture *f = arg;

	return is_told(&f->server) && is_told(&f->client);
}

static void
assert_told_once(struct fixture *f, const struct end *e, const char *error)
{
	loop_for(f->base, 5);
	assert_int_equal(e->calls, 1);
	assert_string_equal(e->error, error);
	assert_non_null(e->tls);
}

/* From begin to end */

static void
handshake_ends_with_two_that_agree(void **state)
{
	struct fixture *f = *state;

	begin_server(f);
	begin_client(f, "db.test");
	loop_until(f->base, both_are_told, f);
	assert_told_once(f, &f->server, "");
	assert_told_once(f, &f->client, "");
	assert_string_equal(tls_cipher_name(f->server.tls),
			    tls_cipher_name(f->client.tls));
	assert_int_equal(tls_output(f->server.tls)->len, 0);
	assert_int_equal(tls_output(f->client.tls)->len, 0);
}

/* What a client has sent at once was read with its first packet. */
static void
handshake_begins_with_what_was_fed(void **state)
{
	struct fixture *f = *state;
	struct tls *tls = tls_new(f->of_server, NULL);
	uint8_t hello[2048];
	ssize_t n = 0;

	begin_client(f, "db.test");
	while (n <= 0) {
		loop_for(f->base, 1);
		n = read(f->server.fd, hello, sizeof(hello));
	}
	assert_true(tls_feed(tls, span_of(hello, (size_t)n)));
	f->server.handshake = handshake_start(&f->shaker.by, f->server.fd, tls,
					      handshaken, &f->server);
	loop_until(f->base, both_are_told, f);
	assert_told_once(f, &f->server, "");
	assert_told_once(f, &f->client, "");
}

static void
handshake_fails_with_words(void **state)
{
	struct fixture *f = *state;

	begin_server(f);
	begin_client(f, "other.test");
	loop_until(f->base, both_are_told, f);
	assert_told_once(f, &f->client,
			 "server certificate for \"db.test\" (and 1 other "
			 "name) does not match host name \"other.test\"");
}

static void
handshake_fails_when_the_peer_speaks_no_tls(void **state)
{
	struct fixture *f = *state;

	begin_server(f);
	assert_int_equal(write(f->client.fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	loop_until(f->base, is_told, &f->server);
	assert_told_once(f, &f->server, "http request");
}

static const char closed[] = "the connection was closed amid the TLS handshake";

static void
handshake_fails_when_the_peer_closes(void **state)
{
	struct fixture *f = *state;

	begin_client(f, "db.test");
	loop_for(f->base, 20);
	assert_int_equal(f->client.calls, 0);
	shutdown(f->server.fd, SHUT_WR);
	loop_until(f->base, is_told, &f->client);
	assert_told_once(f, &f->client, closed);
}

static void
handshake_fails_when_the_peer_leaves_without_a_word(void **state)
{
	struct fixture *f = *state;

	begin_server(f);
	end_clear(&f->client);
	loop_until(f->base, is_told, &f->server);
	assert_told_once(f, &f->server, closed);
}

static void
handshake_fails_when_the_peer_is_gone(void **state)
{
	struct fixture *f = *state;

	end_clear(&f->server);
	begin_client(f, "db.test");
	loop_until(f->base, is_told, &f->client);
	assert_told_once(f, &f->client, strerror(EPIPE));
}

static void
handshake_fails_when_the_peer_resets(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write(f->server.fd, "never read", 10), 10);
	begin_server(f);
	end_clear(&f->client); /* with bytes unread: a reset */
	loop_until(f->base, is_told, &f->server);
	assert_told_once(f, &f->server, handshake_closed);
}

/* What is sent */

struct duel {
	struct fixture *f;
	struct tls_peer peer;
	enum tls_peer_step step;
};

static bool
duel_is_over(void *arg)
{
	struct duel *d = arg;

	if (d->step == TLS_PEER_MORE)
		d->step = tls_peer_shake(&d->peer);
	return d->step != TLS_PEER_MORE && is_told(&d->f->client);
}

static void
handshake_that_fails_ends_with_an_alert(void **state)
{
	struct fixture *f = *state;
	struct duel d = {f, tls_peer_new(true, "other"), TLS_PEER_MORE};

	tls_peer_begin(&d.peer, f->server.fd);
	begin_client(f, "db.test");
	loop_until(f->base, duel_is_over, &d);
	assert_told_once(f, &f->client,
			 "certificate verify failed (self-signed certificate)");
	assert_int_equal(d.step, TLS_PEER_FAILED);
	assert_string_equal(d.peer.alert, "tlsv1 alert unknown ca");
	tls_peer_clear(&d.peer);
}

/* Fill the socket, so that it takes nothing more: how many bytes. */
static size_t
fill(int fd)
{
	static const uint8_t filler[FILLER_BYTES];
	size_t total = 0;
	ssize_t n;

	while ((n = send(fd, filler, sizeof(filler), 0)) > 0)
		total += (size_t)n;
	assert_int_equal(errno, EAGAIN);
	return total;
}

static void
drain(int fd, size_t total)
{
	uint8_t filler[FILLER_BYTES];

	while (total > 0) {
		ssize_t n =
		    read(fd, filler,
			 total < sizeof(filler) ? total : sizeof(filler));

		assert_true(n > 0);
		total -= (size_t)n;
	}
}

static void
handshake_goes_on_when_the_socket_takes_more(void **state)
{
	struct fixture *f = *state;
	struct duel d = {f, tls_peer_new(true, "server"), TLS_PEER_MORE};
	size_t filled = fill(f->client.fd);

	begin_client(f, "db.test");
	loop_for(f->base, 20);
	drain(f->server.fd, filled);
	tls_peer_begin(&d.peer, f->server.fd);
	loop_until(f->base, duel_is_over, &d);
	assert_told_once(f, &f->client, "");
	assert_int_equal(d.step, TLS_PEER_DONE);
	tls_peer_clear(&d.peer);
}

/* Cancelling */

static void
handshake_cancel_accepts_null(void **state)
{
	(void)state;
	handshake_cancel(NULL);
}

static void
handshake_cancel_amid_a_step(void **state)
{
	struct fixture *f = *state;

	begin_client(f, "db.test");
	handshake_cancel(f->client.handshake);
	end_clear(&f->client);
	loop_for(f->base, 20);
	assert_int_equal(f->client.calls, 0);
}

static void
handshake_cancel_while_it_reads(void **state)
{
	struct fixture *f = *state;

	begin_server(f);
	handshake_cancel(f->server.handshake);
	assert_int_equal(write(f->client.fd, "hello", 5), 5);
	loop_for(f->base, 20);
	assert_int_equal(f->server.calls, 0);
}

static void
handshake_cancel_while_it_sends(void **state)
{
	struct fixture *f = *state;
	size_t filled = fill(f->client.fd);

	begin_client(f, "db.test");
	loop_for(f->base, 20);
	handshake_cancel(f->client.handshake);
	drain(f->server.fd, filled);
	loop_for(f->base, 20);
	assert_int_equal(f->client.calls, 0);
}

/* After every number of turns of the loop, until it is too late. */
static void
handshake_cancel_after_any_turn(void **state)
{
	struct fixture *f = *state;
	int turns;

	for (turns = 0;; turns++) {
		int i;

		teardown(state);
		setup(state);
		f = *state;
		begin_server(f);
		begin_client(f, "db.test");
		for (i = 0; i < turns && f->client.calls == 0; i++)
			event_base_loop(f->base, EVLOOP_ONCE);
		if (f->client.calls > 0)
			break;
		handshake_cancel(f->client.handshake);
		loop_for(f->base, 2);
		assert_int_equal(f->client.calls, 0);
		handshake_cancel(f->server.handshake);
	}
	assert_true(turns > 1);
	handshake_cancel(f->server.handshake);
}

/* The worker's loop has ended: what the pool still says nobody hears. */
static void
handshake_discard_frees_what_nobody_takes_any_more(void **state)
{
	struct fixture *f = *state;

	begin_client(f, "db.test");
	handshake_pool_stop(f->shaker.by.pool);
	f->shaker.by.pool = NULL;
	assert_int_equal(f->shaker.mailbox.count, 1);
	mailbox_close(&f->shaker.mailbox);
	assert_true(mailbox_open(&f->shaker.mailbox, f->base,
				 handshaker_fixture_mail, NULL));
	assert_int_equal(f->client.calls, 0);
}

static void
handshake_cancel_and_discard_free_it_once(void **state)
{
	struct fixture *f = *state;

	begin_client(f, "db.test");
	handshake_cancel(f->client.handshake);
	handshake_pool_stop(f->shaker.by.pool);
	f->shaker.by.pool = NULL;
	assert_int_equal(f->shaker.mailbox.count, 1);
	mailbox_close(&f->shaker.mailbox);
	assert_true(mailbox_open(&f->shaker.mailbox, f->base,
				 handshaker_fixture_mail, NULL));
	assert_int_equal(f->client.calls, 0);
}

/* Many */

struct crowd {
	struct end servers[MANY];
	struct end clients[MANY];
};

static bool
crowd_is_told(void *arg)
{
	const struct crowd *c = arg;
	size_t i;

	for (i = 0; i < MANY; i++)
		if (c->servers[i].handshake != NULL ||
		    c->clients[i].handshake != NULL)
			return false;
	return true;
}

static void
cancel(struct end *e)
{
	handshake_cancel(e->handshake);
	e->handshake = NULL;
	end_clear(e);
}

/* Of three, one is cancelled at its server, one trusts nobody. */
static void
handshakes_go_on_beside_each_other(void **state)
{
	const struct tls_settings wary = {.mode = TLS_VERIFY_CA,
					  .ca = "other.crt"};
	struct tls_context *of_wary = handshaker_client_context(&wary);
	struct crowd *c = calloc(1, sizeof(*c));
	struct fixture *f = *state;
	size_t i;

	assert_non_null(c);
	for (i = 0; i < MANY; i++) {
		int fds[2];

		loop_socketpair(fds);
		c->servers[i].fd = fds[0];
		c->clients[i].fd = fds[1];
		begin(f, &c->servers[i], f->of_server, NULL);
		begin(f, &c->clients[i], i % 3 == 1 ? of_wary : f->of_client,
		      "db.test");
	}
	loop_for(f->base, 10);
	for (i = 0; i < MANY; i += 3)
		if (c->servers[i].handshake != NULL)
			cancel(&c->servers[i]);
	loop_until(f->base, crowd_is_told, c);
	for (i = 0; i < MANY; i++) {
		if (i % 3 == 1)
			assert_string_equal(c->servers[i].error,
					    "tlsv1 alert unknown ca");
		if (i % 3 == 2) {
			assert_string_equal(c->servers[i].error, "");
			assert_string_equal(c->clients[i].error, "");
		}
		assert_int_equal(c->clients[i].calls, 1);
		end_clear(&c->servers[i]);
		end_clear(&c->clients[i]);
	}
	free(c);
	tls_context_release(of_wary);
}

/* Memory */

static void
handshake_start_without_memory_is_null(void **state)
{
	struct fixture *f = *state;
	struct tls *tls = tls_new(f->of_client, NULL);

	allocation_fail_after(0);
	assert_null(handshake_start(&f->shaker.by, f->client.fd, tls,
				    handshaken, &f->client));
	assert_null(handshake_pool_new(1));
	assert_true(allocation_restore());
	loop_for(f->base, 5);
	assert_int_equal(f->client.calls, 0);
}

static void
handshake_pool_stop_accepts_null(void **state)
{
	(void)state;
	handshake_pool_stop(NULL);
}

static void
handshake_pool_starts_as_many_threads_as_told(void **state)
{
	struct handshake_pool *p = handshake_pool_new(16);

	(void)state;
	assert_non_null(p);
	assert_true(handshake_pool_start(p));
	assert_true(handshake_pool_start(p)); /* they run */
	handshake_pool_stop(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(handshake_ends_with_two_that_agree),
	    TEST(handshake_begins_with_what_was_fed),
	    TEST(handshake_fails_with_words),
	    TEST(handshake_fails_when_the_peer_speaks_no_tls),
	    TEST(handshake_fails_when_the_peer_closes),
	    TEST(handshake_fails_when_the_peer_leaves_without_a_word),
	    TEST(handshake_fails_when_the_peer_is_gone),
	    TEST(handshake_fails_when_the_peer_resets),
	    TEST(handshake_that_fails_ends_with_an_alert),
	    TEST(handshake_goes_on_when_the_socket_takes_more),
	    TEST(handshake_cancel_accepts_null),
	    TEST(handshake_cancel_amid_a_step),
	    TEST(handshake_cancel_while_it_reads),
	    TEST(handshake_cancel_while_it_sends),
	    TEST(handshake_cancel_after_any_turn),
	    TEST(handshake_discard_frees_what_nobody_takes_any_more),
	    TEST(handshake_cancel_and_discard_free_it_once),
	    TEST(handshakes_go_on_beside_each_other),
	    TEST(handshake_start_without_memory_is_null),
	    TEST(handshake_pool_stop_accepts_null),
	    TEST(handshake_pool_starts_as_many_threads_as_told),
	};

	signal(SIGPIPE, SIG_IGN); /* plain OpenSSL does not care */
	return cmocka_run_group_tests_name("proxy/net/handshake", tests,
					   certificates_enter_folder,
					   certificates_leave_folder);
}
