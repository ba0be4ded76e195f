#include "proxy/tls/tls.h"

#include "tests/support/tls_pair.h"

/* Handshakes */

static void
tls_handshake_succeeds_in_pieces_of_any_size(void **state)
{
	static const size_t pieces[] = {1, 2, 7, 100, RECORD_MAX};
	struct pair p = pair_new(&plain_server, &full_client);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct steps s;

		pair_begin(&p, "db.test");
		assert_true(tls_wants_input(p.server));
		assert_false(tls_wants_input(p.client));
		s = pair_shake_in_pieces(&p, pieces[i]);
		assert_int_equal(s.server, TLS_DONE);
		assert_int_equal(s.client, TLS_DONE);
		assert_string_equal(tls_version_name(p.client), "TLSv1.3");
		assert_string_equal(tls_cipher_name(p.client),
				    tls_cipher_name(p.server));
		assert_passes(p.client, p.server, "to the server");
		take_tickets(&p);
		assert_passes(p.server, p.client, "to the client");
	}
	pair_clear(&p);
}

static void
tls_wants_no_input_once_it_has_been_fed(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);

	(void)state;
	pair_begin(&p, NULL);
	assert_true(tls_feed(p.server, bytes("\x16", 1)));
	assert_false(tls_wants_input(p.server));
	pair_clear(&p);
}

/* What a client sends behind its Finished comes with the handshake. */
static void
tls_handshake_leaves_data_behind_it_to_be_read(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	char data[32];

	(void)state;
	pair_begin(&p, NULL);
	assert_int_equal(tls_handshake(p.client), TLS_MORE);
	assert_int_equal(deliver(p.client, p.server, RECORD_MAX, TLS_MORE),
			 TLS_MORE);
	assert_int_equal(deliver(p.server, p.client, RECORD_MAX, TLS_MORE),
			 TLS_DONE);
	assert_true(tls_write(p.client, "at once", 7));
	assert_true(tls_feed(p.server, buffer_span(tls_output(p.client))));
	assert_int_equal(tls_handshake(p.server), TLS_DONE);
	assert_true(tls_has_more(p.server));
	assert_int_equal(tls_read(p.server, bytes(NULL, 0), data, sizeof(data)),
			 7);
	assert_memory_equal(data, "at once", 7);
	assert_false(tls_has_more(p.server));
	pair_clear(&p);
}

static void
tls_handshake_of_garbage_fails(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);

	(void)state;
	pair_begin(&p, NULL);
	assert_true(tls_feed(p.server, bytes("GET / HTTP/1.1\r\n\r\n", 18)));
	assert_int_equal(tls_handshake(p.server), TLS_FAILED);
	assert_string_equal(tls_error(p.server), "http request");
	assert_int_equal(tls_handshake(p.client), TLS_MORE);
	assert_true(tls_feed(p.client, bytes("\0\0\0\0\0\0\0\0\0", 9)));
	assert_int_equal(tls_handshake(p.client), TLS_FAILED);
	assert_no_record(p.client);
	pair_clear(&p);
}

/* Any byte of the server's first answer, changed. */
static void
tls_handshake_of_changed_bytes_never_succeeds(void **state)
{
	struct pair p = pair_new(&plain_server, &full_client);
	size_t at = 0;
	size_t len;

	(void)state;
	do {
		struct buffer *out;

		pair_begin(&p, "db.test");
		assert_int_equal(tls_handshake(p.client), TLS_MORE);
		assert_int_equal(
		    deliver(p.client, p.server, RECORD_MAX, TLS_MORE),
		    TLS_MORE);
		out = tls_output(p.server);
		len = out->len;
		if (at >= len) /* signatures differ in length */
			at = len - 1;
		out->data[out->start + at] ^= 0x40;
		assert_int_not_equal(
		    deliver(p.server, p.client, RECORD_MAX, TLS_MORE),
		    TLS_DONE);
		at += 13;
	} while (at < len);
	pair_clear(&p);
}

static void
tls_handshake_fails_without_a_version_in_common(void **state)
{
	struct tls_settings server = plain_server;
	struct tls_settings client = plain_client;
	struct pair p;
	struct steps s;

	(void)state;
	server.min_version = TLS_VERSION_1_3;
	client.max_version = TLS_VERSION_1_2;
	p = pair_new(&server, &client);
	pair_begin(&p, NULL);
	s = pair_shake_in_pieces(&p, RECORD_MAX);
	assert_int_equal(s.server, TLS_FAILED);
	assert_string_equal(tls_error(p.server), "unsupported protocol");
	assert_int_equal(s.client, TLS_FAILED);
	assert_string_equal(tls_error(p.client),
			    "tlsv1 alert protocol version");
	pair_clear(&p);
}

/* Server Name Indication */

static int
note_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	snprintf(arg, CERTIFICATE_NAME_BYTES, "%s", name == NULL ? "" : name);
	return SSL_TLSEXT_ERR_OK;
}

static void
assert_server_hears(const struct tls_settings *client, const char *name,
		    const char *heard)
{
	char noted[CERTIFICATE_NAME_BYTES] = "";
	struct tls_peer peer = tls_peer_new(true, "server");
	struct tls_context *c = client_context(client);
	struct tls *t = tls_new(c, name);

	SSL_CTX_set_tlsext_servername_callback(peer.ctx, note_name);
	SSL_CTX_set_tlsext_servername_arg(peer.ctx, noted);
	tls_peer_begin(&peer, -1);
	assert_int_equal(shake_with_peer(t, &peer), TLS_DONE);
	assert_string_equal(noted, heard);
	tls_free(t);
	tls_context_release(c);
	tls_peer_clear(&peer);
}

static void
tls_handshake_tells_the_server_its_name(void **state)
{
	const struct tls_settings hidden = {.mode = TLS_REQUIRE,
					    .hides_name = true};

	(void)state;
	assert_server_hears(&plain_client, "db.test", "db.test");
	assert_server_hears(&plain_client, NULL, "");
	assert_server_hears(&plain_client, "10.0.0.1", "");
	assert_server_hears(&plain_client, "::1", "");
	assert_server_hears(&hidden, "db.test", "");
}

/* ALPN */

static void
tls_has_alpn_between_two_of_ours(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);

	(void)state;
	pair_shake(&p, NULL);
	assert_true(tls_has_alpn(p.server));
	assert_true(tls_has_alpn(p.client));
	pair_clear(&p);
}

static void
assert_alpn(const char *offered, enum tls_step step, const char *error)
{
	struct tls_peer peer = tls_peer_new(false, NULL);
	struct tls_context *c = server_context(&plain_server);
	struct tls *t = tls_new(c, NULL);

	if (offered != NULL)
		SSL_CTX_set_alpn_protos(peer.ctx,
					(const unsigned char *)offered,
					(unsigned)strlen(offered));
	tls_peer_begin(&peer, -1);
	assert_int_equal(shake_with_peer(t, &peer), step);
	assert_string_equal(tls_error(t), error);
	if (step == TLS_DONE)
		assert_int_equal(tls_has_alpn(t), offered != NULL);
	else
		assert_string_equal(peer.alert,
				    "tlsv1 alert no application protocol");
	tls_free(t);
	tls_context_release(c);
	tls_peer_clear(&peer);
}

static void
tls_handshake_refuses_a_client_that_wants_another_protocol(void **state)
{
	(void)state;
	assert_alpn(NULL, TLS_DONE, "");
	assert_alpn("\012postgresql", TLS_DONE, "");
	assert_alpn("\010http/1.1\012postgresql", TLS_DONE, "");
	assert_alpn("\010http/1.1", TLS_FAILED, "no application protocol");
	assert_alpn("\013postgresqlx", TLS_FAILED, "no application protocol");
	assert_alpn("\012PostgreSQL", TLS_FAILED, "no application protocol");
}

/* So that nobody makes a server of another protocol take what we say. */
static void
tls_handshake_needs_alpn_where_it_is_direct(void **state)
{
	const struct tls_settings direct = {.mode = TLS_REQUIRE,
					    .is_direct = true};
	struct tls_peer peer = tls_peer_new(true, "server");
	struct tls_context *c = client_context(&direct);
	struct tls *t = tls_new(c, NULL);

	(void)state;
	tls_peer_begin(&peer, -1);
	assert_int_equal(shake_with_peer(t, &peer), TLS_FAILED);
	assert_string_equal(tls_error(t),
			    "direct SSL connection was established without "
			    "ALPN protocol negotiation extension");
	tls_free(t);
	tls_context_release(c);
	tls_peer_clear(&peer);
}

/* Resumption */

static void
tls_is_resumed_the_second_time_with_that_server(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);

	(void)state;
	assert_resumption(&p, "db.test", false);
	assert_resumption(&p, "db.test", true);
	assert_resumption(&p, "db.test", true);
	assert_resumption(&p, "other.test", false);
	assert_resumption(&p, "db.test", true);
	assert_resumption(&p, "other.test", true);
	pair_clear(&p);
}

static void
tls_is_resumed_in_tls_1_2_too(void **state)
{
	struct tls_settings client = plain_client;
	struct pair p;

	(void)state;
	client.max_version = TLS_VERSION_1_2;
	p = pair_new(&plain_server, &client);
	assert_resumption(&p, "db.test", false);
	assert_string_equal(tls_version_name(p.client), "TLSv1.2");
	assert_resumption(&p, "db.test", true);
	pair_clear(&p);
}

/* What the first handshake has proved is still known. */
static void
tls_is_resumed_with_the_certificates_of_the_first(void **state)
{
	const struct tls_settings client = {.mode = TLS_VERIFY_FULL,
					    .ca = "ca.crt",
					    .cert = "client.crt",
					    .key = "client.key"};
	struct pair p = pair_new(&strict_server, &client);
	uint8_t ours[TLS_BINDING_MAX];
	uint8_t theirs[TLS_BINDING_MAX];
	char name[8];

	(void)state;
	assert_resumption(&p, "db.test", false);
	assert_resumption(&p, "db.test", true);
	assert_true(tls_peer_name(p.server, name, sizeof(name)));
	assert_string_equal(name, "joe");
	assert_true(tls_peer_is_ours(p.client, p.server_context));
	assert_int_equal(tls_context_binding(p.server_context, ours), 32);
	assert_int_equal(tls_peer_binding(p.client, theirs), 32);
	assert_memory_equal(ours, theirs, 32);
	pair_clear(&p);
}

/* The keys of a ticket are a context's own. */
static void
tls_is_not_resumed_with_another_context(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);

	(void)state;
	assert_resumption(&p, "db.test", false);
	pair_hang_up(&p);
	tls_context_release(p.server_context);
	p.server_context = server_context(&plain_server);
	assert_resumption(&p, "db.test", false);
	pair_clear(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tls_handshake_succeeds_in_pieces_of_any_size),
	    cmocka_unit_test(tls_wants_no_input_once_it_has_been_fed),
	    cmocka_unit_test(tls_handshake_leaves_data_behind_it_to_be_read),
	    cmocka_unit_test(tls_handshake_of_garbage_fails),
	    cmocka_unit_test(tls_handshake_of_changed_bytes_never_succeeds),
	    cmocka_unit_test(tls_handshake_fails_without_a_version_in_common),
	    cmocka_unit_test(tls_handshake_tells_the_server_its_name),
	    cmocka_unit_test(tls_has_alpn_between_two_of_ours),
	    cmocka_unit_test(
		tls_handshake_refuses_a_client_that_wants_another_protocol),
	    cmocka_unit_test(tls_handshake_needs_alpn_where_it_is_direct),
	    cmocka_unit_test(tls_is_resumed_the_second_time_with_that_server),
	    cmocka_unit_test(tls_is_resumed_in_tls_1_2_too),
	    cmocka_unit_test(tls_is_resumed_with_the_certificates_of_the_first),
	    cmocka_unit_test(tls_is_not_resumed_with_another_context),
	};

	return cmocka_run_group_tests_name("proxy/tls/tls", tests,
					   certificates_enter_folder,
					   certificates_leave_folder);
}
