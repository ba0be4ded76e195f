/*
 * The server is a socket that the test writes to, and plain OpenSSL behind
 * it where there is a handshake.
 */
#include "proxy/net/upgrade.h"

#include <errno.h>
#include <signal.h>

#include "tests/support/allocation.h"
#include "tests/support/certificates.h"
#include "tests/support/handshaker.h"
#include "tests/support/tls_peer.h"

static const char request[] = "\0\0\0\x08\x04\xd2\x16\x2f";

enum {
	REQUEST_BYTES = sizeof(request) - 1,
};

struct fixture {
	struct event_base *base;
	struct handshaker_fixture shaker;
	struct tls_context *context;
	int fd;
	int server;
	struct tls_peer peer;
	enum tls_peer_step step;
	struct upgrade *upgrade;
	unsigned calls; /* of the handler */
	enum upgrade_outcome outcome;
	struct tls *tls;
	char why[TLS_ERROR_MAX];
};

static int
setup(void **state)
{
	const struct tls_settings s = {.mode = TLS_VERIFY_FULL, .ca = "ca.crt"};
	struct fixture *f = calloc(1, sizeof(*f));
	int fds[2];

	assert_non_null(f);
	f->base = loop_new();
	handshaker_fixture_begin(&f->shaker, f->base);
	f->context = handshaker_client_context(&s);
	loop_socketpair(fds);
	f->fd = fds[0];
	f->server = fds[1];
	f->peer = tls_peer_new(true, "server");
	f->step = TLS_PEER_MORE;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	tls_free(f->tls);
	handshaker_fixture_end(&f->shaker);
	tls_peer_clear(&f->peer);
	tls_context_release(f->context);
	close(f->fd);
	if (f->server >= 0)
		close(f->server);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void
upgraded(void *arg, enum upgrade_outcome outcome, struct tls *tls,
	 const char *why)
{
	struct fixture *f = arg;

	f->calls++;
	f->upgrade = NULL;
	f->outcome = outcome;
	f->tls = tls;
	snprintf(f->why, sizeof(f->why), "%s", why == NULL ? "" : why);
}

static void
begin_to(struct fixture *f, const char *name, bool is_direct)
{
	struct tls *tls = tls_new(f->context, name);

	assert_non_null(tls);
	f->upgrade =
	    upgrade_start(&f->shaker.by, f->fd, tls, is_direct, upgraded, f);
	assert_non_null(f->upgrade);
	assert_int_equal(f->calls, 0);
}

static void
begin(struct fixture *f)
{
	begin_to(f, "db.test", false);
}

static bool
is_told(void *arg)
{
	const struct fixture *f = arg;

	return f->calls > 0;
}

static bool
was_asked(void *arg)
{
	const struct fixture *f = arg;
	char data[REQUEST_BYTES + 1];
	ssize_t n = read(f->server, data, sizeof(data));

	if (n < 0)
		return false;
	assert_int_equal(n, REQUEST_BYTES);
	assert_memory_equal(data, request, REQUEST_BYTES);
	return true;
}

static void
answer(struct fixture *f, const char *data, size_t len)
{
	loop_until(f->base, was_asked, f);
	assert_int_equal(write(f->server, data, len), len);
}

static bool
both_are_done(void *arg)
{
	struct fixture *f = arg;

	if (f->step == TLS_PEER_MORE)
		f->step = tls_peer_shake(&f->peer);
	return f->step != TLS_PEER_MORE && is_told(f);
}

static void
shake(struct fixture *f)
{
	tls_peer_begin(&f->peer, f->server);
	loop_until(f->base, both_are_done, f);
}

static void
assert_outcome(struct fixture *f, enum upgrade_outcome outcome, const char *why)
{
	loop_until(f->base, is_told, f);
	loop_for(f->base, 5);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->outcome, outcome);
	assert_string_equal(f->why, why);
	assert_int_equal(f->tls != NULL, outcome == UPGRADE_DONE);
}

static void
assert_fails_by(struct fixture *f, const char *data, size_t len,
		const char *why)
{
	begin(f);
	answer(f, data, len);
	assert_outcome(f, UPGRADE_FAILED, why);
}

/* Answers */

static void
upgrade_asks_and_shakes_hands(void **state)
{
	struct fixture *f = *state;

	begin(f);
	answer(f, "S", 1);
	shake(f);
	assert_outcome(f, UPGRADE_DONE, "");
	assert_int_equal(f->step, TLS_PEER_DONE);
	assert_string_equal(
	    SSL_get_servername(f->peer.ssl, TLSEXT_NAMETYPE_host_name),
	    "db.test");
}

static void
upgrade_says_nothing_before_the_answer(void **state)
{
	struct fixture *f = *state;
	char byte;

	begin(f);
	loop_until(f->base, was_asked, f);
	loop_for(f->base, 20);
	assert_int_equal(read(f->server, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(f->calls, 0);
	upgrade_cancel(f->upgrade);
}

static void
upgrade_leaves_a_connection_in_clear_where_there_is_no_tls(void **state)
{
	struct fixture *f = *state;
	char data[4];

	begin(f);
	answer(f, "N", 1);
	assert_outcome(f, UPGRADE_REFUSED, "");
	assert_int_equal(write(f->server, "ping", 4), 4);
	assert_int_equal(read(f->fd, data, sizeof(data)), 4);
	assert_memory_equal(data, "ping", 4);
}

static void
upgrade_fails_at_an_error(void **state)
{
	assert_fails_by(*state, "E\0\0\0\5\0", 6,
			"server sent an error response during SSL exchange");
}

static void
upgrade_fails_at_any_other_answer(void **state)
{
	struct fixture *f;
	int byte;

	for (byte = 0; byte < 256; byte++) {
		char data = (char)byte;

		if (data == 'S' || data == 'N' || data == 'E')
			continue;
		f = *state;
		assert_fails_by(f, &data, 1,
				"received invalid response to SSL "
				"negotiation");
		f->calls = 0;
	}
}

/* CVE-2021-23222 */
static void
upgrade_fails_when_clear_bytes_follow_the_answer(void **state)
{
	static const char why[] =
	    "received unencrypted data after SSL response";
	struct fixture *f = *state;

	assert_fails_by(f, "SR\0\0\0\x08\0\0\0\0", 10, why);
	teardown(state);
	setup(state);
	assert_fails_by(*state, "NN", 2, why);
}

/* Those that come a moment later end in the handshake. */
static void
upgrade_takes_no_clear_bytes_for_the_servers(void **state)
{
	struct fixture *f = *state;

	begin(f);
	answer(f, "S", 1);
	loop_for(f->base, 20);
	assert_int_equal(write(f->server, "R\0\0\0\x08\0\0\0\0", 9), 9);
	assert_outcome(f, UPGRADE_FAILED, "wrong version number");
}

static void
upgrade_fails_when_the_server_closes(void **state)
{
	struct fixture *f = *state;

	begin(f);
	loop_until(f->base, was_asked, f);
	shutdown(f->server, SHUT_WR);
	assert_outcome(f, UPGRADE_FAILED,
		       "the server closed the connection at SSLRequest");
}

static void
upgrade_fails_when_the_server_is_gone(void **state)
{
	struct fixture *f = *state;

	close(f->server);
	f->server = -1;
	begin(f);
	assert_outcome(f, UPGRADE_FAILED, strerror(EPIPE));
}

static void
upgrade_fails_when_the_server_resets(void **state)
{
	struct fixture *f = *state;

	begin(f);
	event_base_loop(f->base, EVLOOP_ONCE);
	close(f->server); /* with the request unread */
	f->server = -1;
	assert_outcome(f, UPGRADE_FAILED, strerror(ECONNRESET));
}

static void
upgrade_fails_with_the_handshake(void **state)
{
	struct fixture *f = *state;

	begin_to(f, "other.test", false);
	answer(f, "S", 1);
	shake(f);
	assert_outcome(f, UPGRADE_FAILED,
		       "server certificate for \"db.test\" (and 1 other name) "
		       "does not match host name \"other.test\"");
}

static void
upgrade_fails_when_the_server_closes_amid_the_handshake(void **state)
{
	struct fixture *f = *state;

	begin(f);
	answer(f, "S", 1);
	shutdown(f->server, SHUT_WR);
	assert_outcome(f, UPGRADE_FAILED,
		       "the connection was closed amid the TLS handshake");
}

/* Directly */

static void
upgrade_shakes_hands_at_once_where_it_is_direct(void **state)
{
	struct fixture *f = *state;

	begin_to(f, "db.test", true);
	shake(f);
	assert_outcome(f, UPGRADE_DONE, "");
	assert_int_equal(f->step, TLS_PEER_DONE);
}

static void
upgrade_that_is_direct_fails_with_a_server_that_is_not(void **state)
{
	struct fixture *f = *state;

	begin_to(f, "db.test", true);
	assert_int_equal(write(f->server, "E\0\0\0\5\0", 6), 6);
	shutdown(f->server, SHUT_WR);
	loop_until(f->base, is_told, f);
	assert_int_equal(f->outcome, UPGRADE_FAILED);
	assert_string_not_equal(f->why, "");
}

/* Cancelling, and memory */

static void
upgrade_cancel_accepts_null(void **state)
{
	(void)state;
	upgrade_cancel(NULL);
}

/* After every number of turns of the loop, until the handshake is over. */
static void
upgrade_cancel_after_any_turn(void **state)
{
	struct fixture *f;
	int turns;

	for (turns = 0;; turns++) {
		int i;

		teardown(state);
		setup(state);
		f = *state;
		begin(f);
		for (i = 0; i < turns && f->calls == 0; i++) {
			if (i == 1)
				answer(f, "S", 1);
			if (i == 3)
				tls_peer_begin(&f->peer, f->server);
			if (i >= 3)
				(void)tls_peer_shake(&f->peer);
			event_base_loop(f->base, EVLOOP_ONCE);
		}
		if (f->calls > 0)
			break;
		upgrade_cancel(f->upgrade);
		loop_for(f->base, 5);
		assert_int_equal(f->calls, 0);
	}
	assert_true(turns > 3);
	assert_int_equal(f->outcome, UPGRADE_DONE);
}

static void
upgrade_start_without_memory_is_null(void **state)
{
	struct fixture *f = *state;
	struct tls *tls = tls_new(f->context, NULL);

	allocation_fail_after(0);
	assert_null(
	    upgrade_start(&f->shaker.by, f->fd, tls, false, upgraded, f));
	assert_true(allocation_restore());
}

static void
upgrade_fails_when_there_is_no_memory_for_the_handshake(void **state)
{
	struct fixture *f = *state;

	begin(f);
	loop_until(f->base, was_asked, f);
	assert_int_equal(write(f->server, "S", 1), 1);
	allocation_fail_after(0);
	loop_until(f->base, is_told, f);
	assert_true(allocation_restore());
	assert_outcome(f, UPGRADE_FAILED, strerror(ENOMEM));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(upgrade_asks_and_shakes_hands),
	    TEST(upgrade_says_nothing_before_the_answer),
	    TEST(upgrade_leaves_a_connection_in_clear_where_there_is_no_tls),
	    TEST(upgrade_fails_at_an_error),
	    TEST(upgrade_fails_at_any_other_answer),
	    TEST(upgrade_fails_when_clear_bytes_follow_the_answer),
	    TEST(upgrade_takes_no_clear_bytes_for_the_servers),
	    TEST(upgrade_fails_when_the_server_closes),
	    TEST(upgrade_fails_when_the_server_is_gone),
	    TEST(upgrade_fails_when_the_server_resets),
	    TEST(upgrade_fails_with_the_handshake),
	    TEST(upgrade_fails_when_the_server_closes_amid_the_handshake),
	    TEST(upgrade_shakes_hands_at_once_where_it_is_direct),
	    TEST(upgrade_that_is_direct_fails_with_a_server_that_is_not),
	    TEST(upgrade_cancel_accepts_null),
	    TEST(upgrade_cancel_after_any_turn),
	    TEST(upgrade_start_without_memory_is_null),
	    TEST(upgrade_fails_when_there_is_no_memory_for_the_handshake),
	};

	signal(SIGPIPE, SIG_IGN); /* plain OpenSSL does not care */
	return cmocka_run_group_tests_name("proxy/net/upgrade", tests,
					   certificates_enter_folder,
					   certificates_leave_folder);
}
