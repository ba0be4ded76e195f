#include "proxy/net/dial.h"

#include <signal.h>

#include "tests/support/allocation.h"
#include "tests/support/dial.h"

/* TLS */

static int
select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	    const unsigned char *offered, unsigned offered_len, void *arg)
{
	(void)ssl;
	(void)arg;
	assert_int_equal(offered_len, 11);
	*out = offered + 1;
	*out_len = offered[0];
	return SSL_TLSEXT_ERR_OK;
}

static void
server_accept(struct fixture *f)
{
	struct server *s = &f->server;
	int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	server_clear(s);
	s->accepted++;
	s->fd = fd;
	s->was_asked = s->is_direct;
	s->peer = tls_peer_new(true, "server");
	if (s->is_direct)
		SSL_CTX_set_alpn_select_cb(s->peer.ctx, select_alpn, NULL);
	tls_peer_begin(&s->peer, fd);
}

static void
server_answer(struct server *s)
{
	static const char request[] = "\0\0\0\x08\x04\xd2\x16\x2f";
	char data[16];
	ssize_t n = read(s->fd, data, sizeof(data));

	if (n <= 0)
		return;
	assert_int_equal(n, 8);
	assert_memory_equal(data, request, 8);
	s->was_asked = true;
	if (s->mood == SERVER_SILENT)
		return;
	(void)!write(s->fd, s->mood == SERVER_REFUSES ? "N" : "S", 1);
	if (s->mood == SERVER_CLOSES)
		shutdown(s->fd, SHUT_WR);
}

/* A loop_condition: it does what is its turn, and the dial is over. */
static bool
serves_to_the_end(void *arg)
{
	struct fixture *f = arg;
	struct server *s = &f->server;

	server_accept(f);
	if (s->fd >= 0 && !s->was_asked)
		server_answer(s);
	if (s->was_asked && s->mood == SERVER_ENCRYPTS)
		(void)tls_peer_shake(&s->peer);
	return has_result(f);
}

struct call {
	enum tls_mode mode;
	enum server_mood mood;
	bool is_direct;
	uint32_t timeout_ms; /* 0: long */
	const char *name;
};

static struct tls_context *
context_of(enum tls_mode mode, bool is_direct)
{
	const struct tls_settings s = {
	    .mode = mode,
	    .ca = mode >= TLS_VERIFY_CA ? "ca.crt" : NULL,
	    .is_direct = is_direct,
	};

	return handshaker_client_context(&s);
}

static struct dial_target
target_of(const struct call *c)
{
	return (struct dial_target){
	    .mode = c->mode,
	    .is_direct = c->is_direct,
	    .tls = context_of(c->mode, c->is_direct),
	    .timeout_ms = c->timeout_ms > 0 ? c->timeout_ms : LONG_MS,
	};
}

static void
serve(struct fixture *f, const struct call *c)
{
	f->server.mood = c->mood;
	f->server.is_direct = c->is_direct;
	assert_int_equal(fcntl(f->listener, F_SETFL, O_NONBLOCK), 0);
	loop_until(f->base, serves_to_the_end, f);
	server_accept(f);
	loop_for(f->base, 5);
	assert_int_equal(f->calls, 1);
}

static void
call(struct fixture *f, const struct call *c)
{
	const struct endpoint e = {"127.0.0.1", f->port, (char *)c->name};
	struct dial_target target = target_of(c);

	target.endpoints = &e;
	target.count = 1;
	dial_target(f, &target);
	tls_context_release(target.tls); /* it has its own use */
	serve(f, c);
}

static void
call_address(struct fixture *f, const struct call *c, bool is_tls)
{
	struct dial_target target = target_of(c);
	struct address a = {.len = sizeof(struct sockaddr_in),
			    .name = c->name,
			    .is_tls = is_tls};

	assert_int_equal(
	    getsockname(f->listener, (struct sockaddr *)&a.address, &a.len), 0);
	f->dial = dial_start_address(&f->shaker.by, &target, &a, dialed, f);
	assert_non_null(f->dial);
	tls_context_release(target.tls);
	serve(f, c);
}

/* Who refused, at the one address. */
static void
assert_says(struct fixture *f, const char *why)
{
	char expected[DIAL_TRIED_MAX];

	snprintf(expected, sizeof(expected), "127.0.0.1 port %u: %s", f->port,
		 why);
	assert_string_equal(f->tried, expected);
}

static void
assert_encrypted(struct fixture *f)
{
	if (f->result.fd < 0)
		fail_msg("%s", f->tried);
	assert_non_null(f->result.tls);
	assert_true(f->result.peer.is_tls);
	assert_int_equal(f->server.accepted, 1);
}

static void
assert_in_clear(struct fixture *f, unsigned int accepted)
{
	char byte;

	assert_true(f->result.fd >= 0);
	assert_null(f->result.tls);
	assert_false(f->result.peer.is_tls);
	assert_int_equal(f->server.accepted, accepted);
	assert_int_equal(write(f->result.fd, "x", 1), 1);
	assert_int_equal(read(f->server.fd, &byte, 1), 1);
	assert_int_equal(byte, 'x');
}

static void
dial_encrypts_where_the_mode_says_so(void **state)
{
	static const struct call calls[] = {
	    {.mode = TLS_PREFER},
	    {.mode = TLS_REQUIRE},
	    {.mode = TLS_REQUIRE, .is_direct = true},
	    {.mode = TLS_VERIFY_CA, .name = "other.test"},
	    {.mode = TLS_VERIFY_FULL, .name = "db.test"},
	    {.mode = TLS_VERIFY_FULL, .name = "127.0.0.1"},
	    {.mode = TLS_VERIFY_FULL, .name = "db.test", .is_direct = true},
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct fixture *f = *state;

		call(f, &calls[i]);
		assert_encrypted(f);
		assert_string_equal(f->tried, "");
		assert_ptr_equal(f->result.peer.name, calls[i].name);
		stop(state);
		start(state);
	}
}

static void
dial_stays_in_clear_where_the_mode_says_so(void **state)
{
	static const struct call calls[] = {{.mode = TLS_DISABLE},
					    {.mode = TLS_ALLOW}};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		call(*state, &calls[i]);
		assert_in_clear(*state, 1);
		stop(state);
		start(state);
	}
}

static void
dial_that_prefers_tls_goes_on_in_clear_after_a_refusal(void **state)
{
	const struct call c = {.mode = TLS_PREFER, .mood = SERVER_REFUSES};
	struct fixture *f = *state;

	call(f, &c);
	assert_in_clear(f, 1);
	assert_string_equal(f->tried, "");
}

static void
dial_that_prefers_tls_comes_again_in_clear_after_a_failure(void **state)
{
	const struct call c = {.mode = TLS_PREFER, .mood = SERVER_CLOSES};
	struct fixture *f = *state;

	call(f, &c);
	assert_in_clear(f, 2);
	assert_says(f, "the connection was closed amid the TLS handshake");
}

static void
dial_that_requires_tls_takes_nothing_else(void **state)
{
	static const char none[] =
	    "server does not support SSL, but SSL was required";
	static const char closed[] =
	    "the connection was closed amid the TLS handshake";
	static const struct {
		enum server_mood mood;
		const char *why;
	} cases[] = {{SERVER_REFUSES, none}, {SERVER_CLOSES, closed}};
	static const enum tls_mode modes[] = {TLS_REQUIRE, TLS_VERIFY_CA,
					      TLS_VERIFY_FULL};
	size_t i;

	for (i = 0; i < 6; i++) {
		const struct call c = {.mode = modes[i / 2],
				       .mood = cases[i % 2].mood,
				       .name = "db.test"};
		struct fixture *f = *state;

		call(f, &c);
		assert_int_equal(f->result.fd, -1);
		assert_null(f->result.tls);
		assert_int_equal(f->server.accepted, 1);
		assert_says(f, cases[i % 2].why);
		stop(state);
		start(state);
	}
}

static void
dial_takes_no_other_name_than_the_endpoints(void **state)
{
	const struct call c = {.mode = TLS_VERIFY_FULL, .name = "other.test"};
	struct fixture *f = *state;

	call(f, &c);
	assert_int_equal(f->result.fd, -1);
	assert_says(f, "server certificate for \"db.test\" (and 1 other name) "
		       "does not match host name \"other.test\"");
}

static void
dial_tries_the_next_endpoint_after_a_failed_handshake(void **state)
{
	const struct call c = {.mode = TLS_VERIFY_FULL};
	struct fixture *f = *state;
	char wrong[] = "other.test";
	char right[] = "db.test";
	const struct endpoint e[] = {{"127.0.0.1", f->port, wrong},
				     {"127.0.0.1", f->port, right}};
	struct dial_target target = target_of(&c);

	target.endpoints = e;
	target.count = 2;
	dial_target(f, &target);
	tls_context_release(target.tls);
	serve(f, &c);
	assert_non_null(f->result.tls);
	assert_ptr_equal(f->result.peer.name, right);
	assert_int_equal(f->server.accepted, 2);
}

static void
dial_never_encrypts_over_a_unix_socket(void **state)
{
	const struct call c = {.mode = TLS_VERIFY_FULL};
	struct fixture *f = *state;
	char name[64];
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	/* The first would have been by TLS. */
	const struct endpoint e[] = {{"127.0.0.1", f->refused_port, NULL},
				     {name, 5432, NULL}};
	struct dial_target target = target_of(&c);
	int n;

	snprintf(name, sizeof(name), "@dial_test_%d", (int)getpid());
	n = snprintf(u.sun_path, sizeof(u.sun_path), "%s/.s.PGSQL.5432", name);
	u.sun_path[0] = '\0';
	listen_unix(
	    f, &u,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
	target.endpoints = e;
	target.count = 2;
	dial_target(f, &target);
	tls_context_release(target.tls);
	serve(f, &c);
	assert_in_clear(f, 1);
}

static void
dial_gives_a_server_up_that_is_silent_amid_the_handshake(void **state)
{
	static const struct call calls[] = {
	    {.mode = TLS_REQUIRE,
	     .mood = SERVER_SILENT,
	     .timeout_ms = SHORT_MS},
	    {.mode = TLS_REQUIRE,
	     .mood = SERVER_SILENT,
	     .is_direct = true,
	     .timeout_ms = SHORT_MS},
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct fixture *f = *state;

		call(f, &calls[i]);
		assert_int_equal(f->result.fd, -1);
		assert_says(f, "the TLS handshake timed out");
		stop(state);
		start(state);
	}
}

static void
dial_that_prefers_tls_comes_again_in_clear_after_a_silence(void **state)
{
	const struct call c = {
	    .mode = TLS_PREFER, .mood = SERVER_SILENT, .timeout_ms = SHORT_MS};
	struct fixture *f = *state;

	call(f, &c);
	assert_in_clear(f, 2);
	assert_says(f, "the TLS handshake timed out");
}

static void
dial_start_address_encrypts_as_the_address_says(void **state)
{
	static const enum tls_mode modes[] = {TLS_ALLOW, TLS_PREFER,
					      TLS_REQUIRE};
	size_t i;

	for (i = 0; i < 6; i++) {
		const struct call c = {.mode = modes[i / 2], .name = "db.test"};
		struct fixture *f = *state;
		bool is_tls = i % 2 == 0;

		call_address(f, &c, is_tls);
		if (is_tls)
			assert_encrypted(f);
		else
			assert_in_clear(f, 1);
		assert_ptr_equal(f->result.peer.name, c.name);
		stop(state);
		start(state);
	}
}

/* The other way has been tried already. */
static void
dial_start_address_does_not_fall_back(void **state)
{
	static const struct call calls[] = {
	    {.mode = TLS_PREFER, .mood = SERVER_REFUSES},
	    {.mode = TLS_ALLOW, .mood = SERVER_REFUSES},
	    {.mode = TLS_PREFER, .mood = SERVER_CLOSES},
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct fixture *f = *state;

		call_address(f, &calls[i], true);
		assert_int_equal(f->result.fd, -1);
		assert_int_equal(f->server.accepted, 1);
		stop(state);
		start(state);
	}
}

/* The caller was refused the way it came. */
static void
dial_other_way_comes_by_tls_or_in_clear(void **state)
{
	static const struct call calls[] = {
	    {.mode = TLS_ALLOW},
	    {.mode = TLS_PREFER},
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct fixture *f = *state;
		bool is_tls;

		f->keeps = true;
		call(f, &calls[i]);
		is_tls = f->result.peer.is_tls;
		assert_int_equal(is_tls, calls[i].mode == TLS_PREFER);
		close(f->result.fd);
		tls_free(f->result.tls);
		server_clear(&f->server);
		f->server.was_asked = false;
		f->server.accepted = 0;
		f->calls = 0;
		f->keeps = false;
		dial_other_way(f->dial);
		serve(f, &calls[i]);
		if (is_tls)
			assert_in_clear(f, 1);
		else
			assert_encrypted(f);
		stop(state);
		start(state);
	}
}

static void
dial_without_memory_for_tls_fails(void **state)
{
	const struct call c = {.mode = TLS_PREFER};
	struct fixture *f = *state;
	const struct endpoint e = {"127.0.0.1", f->port, NULL};
	struct dial_target target = target_of(&c);

	target.endpoints = &e;
	target.count = 1;
	dial_target(f, &target);
	tls_context_release(target.tls);
	allocation_fail_after(0);
	loop_until(f->base, has_result, f);
	assert_true(allocation_restore());
	assert_int_equal(f->result.fd, -1);
	assert_says(f, "Cannot allocate memory");
}

/* After every number of turns of the loop, until it is too late. */
static void
dial_cancel_after_any_turn_of_the_handshake(void **state)
{
	const struct call c = {.mode = TLS_REQUIRE};
	int turns;

	for (turns = 0;; turns++) {
		struct fixture *f = *state;
		const struct endpoint e = {"127.0.0.1", f->port, NULL};
		struct dial_target target = target_of(&c);
		size_t fds = count_fds();
		int i;

		target.endpoints = &e;
		target.count = 1;
		assert_int_equal(fcntl(f->listener, F_SETFL, O_NONBLOCK), 0);
		dial_target(f, &target);
		tls_context_release(target.tls);
		for (i = 0; i < turns && !serves_to_the_end(f); i++)
			event_base_loop(f->base, EVLOOP_ONCE);
		if (f->dial == NULL)
			break;
		dial_cancel(f->dial);
		server_accept(f);
		server_clear(&f->server);
		loop_for(f->base, 5);
		assert_int_equal(f->calls, 0);
		assert_int_equal(count_fds(), fds);
		stop(state);
		start(state);
	}
	assert_true(turns > 3);
	assert_encrypted(*state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(dial_encrypts_where_the_mode_says_so),
	    TEST(dial_stays_in_clear_where_the_mode_says_so),
	    TEST(dial_that_prefers_tls_goes_on_in_clear_after_a_refusal),
	    TEST(dial_that_prefers_tls_comes_again_in_clear_after_a_failure),
	    TEST(dial_that_requires_tls_takes_nothing_else),
	    TEST(dial_takes_no_other_name_than_the_endpoints),
	    TEST(dial_tries_the_next_endpoint_after_a_failed_handshake),
	    TEST(dial_never_encrypts_over_a_unix_socket),
	    TEST(dial_gives_a_server_up_that_is_silent_amid_the_handshake),
	    TEST(dial_that_prefers_tls_comes_again_in_clear_after_a_silence),
	    TEST(dial_start_address_encrypts_as_the_address_says),
	    TEST(dial_start_address_does_not_fall_back),
	    TEST(dial_other_way_comes_by_tls_or_in_clear),
	    TEST(dial_without_memory_for_tls_fails),
	    TEST(dial_cancel_after_any_turn_of_the_handshake),
	};

	signal(SIGPIPE, SIG_IGN); /* plain OpenSSL does not care */
	return cmocka_run_group_tests_name("proxy/net/dial_tls", tests,
					   certificates_enter_folder,
					   certificates_leave_folder);
}
