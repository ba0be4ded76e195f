#include "proxy/net/handshake.h"

#include "tests/support/allocation.h"
#include "tests/support/sessions.h"
#include "tests/support/tls_peer.h"

static const unsigned char alpn[] = "\x0apostgresql";

/* A client that speaks TLS over the connection made last. */
struct client {
	struct fixture *f;
	struct tls_peer peer;
	enum tls_peer_step step;
};

static bool
has_shaken(void *arg)
{
	struct client *c = arg;

	c->step = tls_peer_shake(&c->peer);
	return c->step != TLS_PEER_MORE;
}

static bool
has_left_handshake(void *arg)
{
	struct fixture *f = arg;

	return f->s->state != SESSION_HANDSHAKE;
}

static bool
is_in_auth(void *arg)
{
	struct fixture *f = arg;

	return f->s->state == SESSION_AUTH;
}

static bool
is_closing(void *arg)
{
	struct fixture *f = arg;

	return pair_is_closing(&f->s->pair);
}

/* certificate: NULL, none is shown. */
static struct client
encrypt(struct fixture *f, const char *certificate, bool has_alpn)
{
	struct client c = {.f = f, .peer = tls_peer_new(false, certificate)};

	if (has_alpn)
		SSL_CTX_set_alpn_protos(c.peer.ctx, alpn, sizeof(alpn) - 1);
	tls_peer_begin(&c.peer, f->client);
	loop_until(f->base, has_shaken, &c);
	loop_until(f->base, has_left_handshake, f);
	return c;
}

static struct client
encrypt_on_request(struct fixture *f, const char *certificate)
{
	struct client c;

	connect_tcp(f);
	says(f, BYTES(SSL_REQUEST));
	assert_gets(f, f->client, "S", 1);
	assert_int_equal(f->s->state, SESSION_HANDSHAKE);
	c = encrypt(f, certificate, false);
	assert_int_equal(c.step, TLS_PEER_DONE);
	return c;
}

static void
client_says(struct client *c, const void *data, size_t len)
{
	assert_int_equal(SSL_write(c->peer.ssl, data, (int)len), len);
	loop_for(c->f->base, 2);
}

static bool
has_heard(void *arg)
{
	struct client *c = arg;
	struct fixture *f = c->f;
	int n = SSL_read(c->peer.ssl, f->read + f->got, 4096);

	if (n > 0)
		f->got += (size_t)n;
	return n <= 0 && SSL_get_error(c->peer.ssl, n) != SSL_ERROR_WANT_READ;
}

static void
assert_client_closes(struct client *c, enum close_reason reason)
{
	assert_int_equal(c->f->s->pair.farewell.reason, reason);
	c->f->got = 0;
	loop_until(c->f->base, has_heard, c);
	assert_words(span_of(c->f->read, c->f->got), reason);
	tls_peer_clear(&c->peer);
}

static void
request_is_granted_over_tcp(void **state)
{
	struct fixture *f = *state;
	struct client c = encrypt_on_request(f, NULL);

	assert_int_equal(f->s->state, SESSION_STARTUP);
	assert_non_null(f->s->pair.client.tls);
	client_says(&c, BYTES(STARTUP));
	accept_server(f);
	assert_gets(f, f->server, BYTES(STARTUP));
	tls_peer_clear(&c.peer);
}

static void
request_is_refused_over_a_unix_socket(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	says(f, BYTES(SSL_REQUEST));
	assert_gets(f, f->client, "N", 1);
	assert_int_equal(f->s->state, SESSION_STARTUP);
}

static void
request_may_follow_one_for_gssapi(void **state)
{
	struct fixture *f = *state;

	connect_tcp(f);
	says(f, BYTES(GSSENC_REQUEST));
	assert_gets(f, f->client, "N", 1);
	says(f, BYTES(SSL_REQUEST));
	assert_gets(f, f->client, "S", 1);
	assert_int_equal(f->s->state, SESSION_HANDSHAKE);
}

static void
request_may_come_byte_by_byte(void **state)
{
	struct fixture *f = *state;

	connect_tcp(f);
	for (size_t i = 0; i < sizeof(SSL_REQUEST) - 1; i++) {
		assert_int_equal(f->s->state, SESSION_STARTUP);
		says(f, &SSL_REQUEST[i], 1);
	}
	assert_gets(f, f->client, "S", 1);
}

/* CVE-2021-23214 */
static void
clear_bytes_behind_the_request_close(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} behind[] = {
	    {BYTES(SSL_REQUEST "\x16")},
	    {BYTES(SSL_REQUEST STARTUP)},
	    {BYTES(SSL_REQUEST SSL_REQUEST)},
	};

	for (size_t i = 0; i < sizeof(behind) / sizeof(*behind); i++) {
		struct fixture *f = *state;

		connect_tcp(f);
		says(f, behind[i].data, behind[i].len);
		assert_closes(f, CLOSE_CLEAR_BYTES);
		again_with(state, setup_tls);
	}
}

static void
request_within_tls_closes(void **state)
{
	struct fixture *f = *state;
	struct client c = encrypt_on_request(f, NULL);

	client_says(&c, BYTES(GSSENC_REQUEST));
	assert_client_closes(&c, CLOSE_STARTUP_BAD);
	assert_string_equal(f->s->pair.farewell.detail,
			    "encryption was asked for within TLS");
}

/* TLS at once */

static void
direct_tls_needs_no_request(void **state)
{
	struct fixture *f = *state;
	struct client c;

	connect_tcp(f);
	c = encrypt(f, NULL, true);
	assert_int_equal(c.step, TLS_PEER_DONE);
	assert_true(f->s->is_direct);
	client_says(&c, BYTES(STARTUP));
	accept_server(f);
	assert_gets(f, f->server, BYTES(STARTUP));
	tls_peer_clear(&c.peer);
}

static void
direct_tls_without_alpn_closes(void **state)
{
	struct fixture *f = *state;
	struct client c;

	connect_tcp(f);
	c = encrypt(f, NULL, false);
	assert_int_equal(c.step, TLS_PEER_DONE);
	assert_client_closes(&c, CLOSE_STARTUP_BAD);
	assert_non_null(strstr(f->s->pair.farewell.detail, "ALPN"));
}

static void
direct_tls_over_a_unix_socket_is_no_packet(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	says(f, "\x16\3\1\0", 4);
	assert_closes(f, CLOSE_STARTUP_NONE);
}

static void
direct_tls_behind_a_request_is_no_packet(void **state)
{
	struct fixture *f = *state;

	connect_tcp(f);
	says(f, BYTES(GSSENC_REQUEST));
	assert_gets(f, f->client, "N", 1);
	says(f, "\x16\3\1\0", 4);
	assert_closes(f, CLOSE_STARTUP_NONE);
	assert_false(f->s->is_direct);
}

/* Handshakes that fail */

static void
handshake_that_fails_is_not_told_in_clear(void **state)
{
	struct fixture *f = *state;
	struct span said;

	connect_tcp(f);
	says(f, BYTES(SSL_REQUEST));
	assert_gets(f, f->client, "S", 1);
	assert_int_equal(write(f->client, BYTES(STARTUP)), sizeof(STARTUP) - 1);
	said = hear_end(f, f->client);
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_TLS_FAILED);
	assert_true(said.len == 0 || said.data[0] == 0x15); /* an alert */
}

static void
client_that_leaves_amid_the_handshake_is_no_failure(void **state)
{
	struct fixture *f = *state;

	connect_tcp(f);
	says(f, BYTES(SSL_REQUEST));
	assert_gets(f, f->client, "S", 1);
	shutdown(f->client, SHUT_WR);
	assert_words(hear_end(f, f->client), CLOSE_CLIENT_LEFT);
}

static void
certificate_of_another_authority_fails(void **state)
{
	struct fixture *f = *state;
	struct client c;

	connect_tcp(f);
	says(f, BYTES(SSL_REQUEST));
	assert_gets(f, f->client, "S", 1);
	c = encrypt(f, "other", false);
	loop_for(f->base, 5);
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_TLS_FAILED);
	tls_peer_clear(&c.peer);
}

static void
handshake_without_memory_closes(void **state)
{
	struct fixture *f;
	bool has_failed = true;
	unsigned n;

	for (n = 0; has_failed; n++) {
		f = *state;
		connect_tcp(f);
		assert_int_equal(write(f->client, BYTES(SSL_REQUEST)), 8);
		allocation_fail_after(n);
		session_startup_readable(f->s);
		has_failed = allocation_restore();
		if (has_failed)
			assert_int_equal(f->s->pair.farewell.reason,
					 CLOSE_MEMORY);
		else
			assert_int_equal(f->s->state, SESSION_HANDSHAKE);
		session_finish_event(f->s);
		again_with(state, setup_tls);
	}
	assert_true(n > 2);
}

static void
bytes_that_are_no_tls_close_within_it(void **state)
{
	struct fixture *f = *state;
	struct client c = encrypt_on_request(f, NULL);

	assert_int_equal(write(f->client, BYTES(STARTUP)), sizeof(STARTUP) - 1);
	loop_for(f->base, 5);
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_TLS_FAILED);
	tls_peer_clear(&c.peer);
}

/* Clients that may begin, and those that may not */

static void
clear_client_is_refused_where_tls_is_required(void **state)
{
	struct fixture *f = *state;

	f->config.tls.mode = TLS_REQUIRE;
	connect_tcp(f);
	says(f, BYTES(STARTUP));
	assert_closes(f, CLOSE_TLS_REQUIRED);
	assert_says(f, "Connect with sslmode=require.");
}

static void
client_of_a_unix_socket_needs_no_tls(void **state)
{
	struct fixture *f = *state;

	f->config.tls.mode = TLS_VERIFY_FULL;
	connect_locally(f);
	says(f, BYTES(STARTUP));
	accept_server(f);
	assert_gets(f, f->server, BYTES(STARTUP));
}

/* Whoever asks for a cancel tells nothing and gets nothing. */
static void
cancel_request_needs_no_tls(void **state)
{
	struct fixture *f = *state;

	f->config.tls.mode = TLS_VERIFY_FULL;
	connect_tcp(f);
	says(f, BYTES(CANCEL_REQUEST));
	accept_server(f);
	assert_gets(f, f->server, BYTES(CANCEL_REQUEST));
}

#define STARTUP_OF_JIM "\0\0\0\x12\0\3\0\0user\0jim\0"

static const struct {
	enum tls_mode mode;
	const char *certificate;
	const char *packet; /* with its last NUL: 18 bytes */
	const char *words;  /* NULL: it may begin */
} certificates[] = {
    {TLS_REQUIRE, NULL, STARTUP, NULL},
    {TLS_VERIFY_CA, NULL, STARTUP, "requires a valid client certificate"},
    {TLS_VERIFY_CA, "client", STARTUP_OF_JIM, NULL},
    {TLS_VERIFY_FULL, NULL, STARTUP, "requires a valid client certificate"},
    {TLS_VERIFY_FULL, "client", STARTUP, NULL},
    {TLS_VERIFY_FULL, "client", STARTUP_OF_JIM,
     "certificate authentication failed for user \"jim\""},
};

static void
certificate_is_asked_for_as_tls_mode_says(void **state)
{
	for (size_t i = 0; i < sizeof(certificates) / sizeof(*certificates);
	     i++) {
		struct fixture *f = *state;
		struct client c =
		    encrypt_on_request(f, certificates[i].certificate);

		f->config.tls.mode = certificates[i].mode;
		client_says(&c, certificates[i].packet, 18);
		if (certificates[i].words == NULL) {
			accept_server(f);
			assert_gets(f, f->server, certificates[i].packet, 18);
			tls_peer_clear(&c.peer);
		} else {
			assert_client_closes(&c, CLOSE_CERTIFICATE);
			assert_says(f, certificates[i].words);
		}
		again_with(state, setup_tls);
	}
}

/* The server's side */

static void
prefer_tls_with_the_server(struct fixture *f)
{
	f->config.upstream_tls.mode = TLS_PREFER;
	credentials_store_replace(f->daemon.credentials,
				  credentials_load(&f->generation, stderr));
	connect_locally(f);
	says(f, BYTES(STARTUP));
	accept_server(f);
	assert_gets(f, f->server, BYTES(SSL_REQUEST));
}

static void
server_is_spoken_to_by_tls(void **state)
{
	struct fixture *f = *state;
	struct client server = {.f = f, .peer = tls_peer_new(true, "server")};

	prefer_tls_with_the_server(f);
	serves(f, "S", 1);
	tls_peer_begin(&server.peer, f->server);
	loop_until(f->base, has_shaken, &server);
	assert_int_equal(server.step, TLS_PEER_DONE);
	loop_until(f->base, is_in_auth, f);
	assert_non_null(f->s->pair.server.tls);
	assert_true(f->s->pair.server_address.is_tls);
	assert_int_equal(SSL_read(server.peer.ssl, f->read, 100),
			 sizeof(STARTUP) - 1);
	assert_memory_equal(f->read, STARTUP, sizeof(STARTUP) - 1);
	assert_int_equal(write(f->server, "no record", 9), 9);
	loop_until(f->base, is_closing, f);
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_SERVER_LOST);
	assert_non_null(strstr(f->s->pair.farewell.detail, "127.0.0.1 port"));
	tls_peer_clear(&server.peer);
}

static void
server_whose_tls_fails_is_spoken_to_in_clear(void **state)
{
	struct fixture *f = *state;

	prefer_tls_with_the_server(f);
	serves(f, "S", 1);
	shutdown(f->server, SHUT_RDWR);
	accept_server(f);
	assert_gets(f, f->server, BYTES(STARTUP));
	assert_null(f->s->pair.server.tls);
}

static void
server_that_refuses_by_tls_is_asked_in_clear(void **state)
{
	struct fixture *f = *state;
	struct client server = {.f = f, .peer = tls_peer_new(true, "server")};

	prefer_tls_with_the_server(f);
	serves(f, "S", 1);
	tls_peer_begin(&server.peer, f->server);
	loop_until(f->base, has_shaken, &server);
	assert_int_equal(SSL_write(server.peer.ssl, BYTES(FATAL READY)),
			 sizeof(FATAL READY) - 1);
	accept_server(f);
	assert_gets(f, f->server, BYTES(STARTUP));
	assert_silent(f->client);
	serves(f, BYTES(AUTHENTICATED KEY READY));
	assert_gets(f, f->client, BYTES(AUTHENTICATED KEY READY));
	tls_peer_clear(&server.peer);
}

static void
server_that_is_gone_when_asked_again_has_refused(void **state)
{
	struct fixture *f = *state;
	struct client server = {.f = f, .peer = tls_peer_new(true, "server")};

	prefer_tls_with_the_server(f);
	serves(f, "S", 1);
	tls_peer_begin(&server.peer, f->server);
	loop_until(f->base, has_shaken, &server);
	shutdown(f->listener, SHUT_RDWR);
	assert_int_equal(SSL_write(server.peer.ssl, BYTES(FATAL)),
			 sizeof(FATAL) - 1);
	loop_until(f->base, is_closing, f);
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_SERVER_LEFT);
	assert_span_equal(hear_end(f, f->client), bytes(BYTES(FATAL)));
	tls_peer_clear(&server.peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(request_is_granted_over_tcp),
	    TEST(request_is_refused_over_a_unix_socket),
	    TEST(request_may_follow_one_for_gssapi),
	    TEST(request_may_come_byte_by_byte),
	    TEST(clear_bytes_behind_the_request_close),
	    TEST(request_within_tls_closes),
	    TEST(direct_tls_needs_no_request),
	    TEST(direct_tls_without_alpn_closes),
	    TEST(direct_tls_over_a_unix_socket_is_no_packet),
	    TEST(direct_tls_behind_a_request_is_no_packet),
	    TEST(handshake_that_fails_is_not_told_in_clear),
	    TEST(client_that_leaves_amid_the_handshake_is_no_failure),
	    TEST(certificate_of_another_authority_fails),
	    TEST(handshake_without_memory_closes),
	    TEST(bytes_that_are_no_tls_close_within_it),
	    TEST(clear_client_is_refused_where_tls_is_required),
	    TEST(client_of_a_unix_socket_needs_no_tls),
	    TEST(cancel_request_needs_no_tls),
	    TEST(certificate_is_asked_for_as_tls_mode_says),
	    TEST(server_is_spoken_to_by_tls),
	    TEST(server_whose_tls_fails_is_spoken_to_in_clear),
	    TEST(server_that_refuses_by_tls_is_asked_in_clear),
	    TEST(server_that_is_gone_when_asked_again_has_refused),
	};

	return cmocka_run_group_tests_name("proxy/session/session_encrypt",
					   tests, certificates_enter_folder,
					   certificates_leave_folder);
}
