#include "proxy/tls/tls.h"

#include "tests/support/tls_pair.h"

/* Whom the client trusts */

static void
issue(const char *name, const struct certificate_plan *plan)
{
	struct certificate ca = certificate_read("ca");

	certificate_issue(name, plan, &ca);
	certificate_clear(&ca);
}

static void
assert_client_refuses(const struct tls_settings *server,
		      const struct tls_settings *client, const char *name,
		      const char *error)
{
	struct pair p = pair_new(server, client);

	pair_begin(&p, name);
	assert_int_equal(pair_shake_in_pieces(&p, RECORD_MAX).client,
			 TLS_FAILED);
	assert_string_equal(tls_error(p.client), error);
	pair_clear(&p);
}

static void
tls_handshake_fails_when_the_authority_is_another(void **state)
{
	const struct tls_settings client = {.mode = TLS_VERIFY_CA,
					    .ca = "other.crt"};
	struct pair p = pair_new(&plain_server, &client);
	struct steps s;

	(void)state;
	pair_begin(&p, NULL);
	s = pair_shake_in_pieces(&p, RECORD_MAX);
	assert_int_equal(s.client, TLS_FAILED);
	assert_string_equal(tls_error(p.client),
			    "certificate verify failed (unable to get local "
			    "issuer certificate)");
	assert_int_equal(s.server, TLS_FAILED);
	assert_string_equal(tls_error(p.server), "tlsv1 alert unknown ca");
	pair_clear(&p);
}

static void
tls_handshake_fails_when_the_certificate_has_expired(void **state)
{
	const struct certificate_plan plan = {
	    .cn = "db.test", .names = "DNS:db.test", .is_expired = true};
	const struct tls_settings server = {
	    .mode = TLS_REQUIRE, .cert = "expired.crt", .key = "expired.key"};

	(void)state;
	issue("expired", &plan);
	assert_client_refuses(
	    &server, &full_client, "db.test",
	    "certificate verify failed (certificate has expired)");
}

static void
tls_handshake_fails_when_the_certificate_is_revoked(void **state)
{
	struct certificate ca = certificate_read("ca");
	struct certificate server = certificate_read("server");
	struct certificate other = certificate_read("client");
	struct tls_settings client = full_client;
	struct pair p;

	(void)state;
	client.crl = "revoked.crl";
	certificate_write_crl("revoked", &ca, &server);
	assert_client_refuses(&plain_server, &client, "db.test",
			      "certificate verify failed (certificate "
			      "revoked)");
	certificate_write_crl("revoked", &ca, &other);
	p = pair_new(&plain_server, &client);
	pair_shake(&p, "db.test");
	pair_clear(&p);
	certificate_clear(&ca);
	certificate_clear(&server);
	certificate_clear(&other);
}

/* As libpq: a root certificate that is named is used, whatever the mode. */
static void
tls_handshake_checks_the_authority_whenever_there_is_one(void **state)
{
	const struct tls_settings client = {.mode = TLS_REQUIRE,
					    .ca = "other.crt"};

	(void)state;
	assert_client_refuses(&plain_server, &client, "db.test",
			      "certificate verify failed (unable to get local "
			      "issuer certificate)");
}

/* Certificates and the names that they are for, or not. */
static const struct {
	const char *cn;
	const char *names;
	const char *host;
	bool is_for;
} names[] = {
    {"x", "DNS:db.test", "db.test", true},
    {"x", "DNS:db.test", "DB.Test", true},
    {"x", "DNS:DB.test", "db.test", true},
    {"x", "DNS:db.test", "db.test.evil", false},
    {"x", "DNS:db.test", "evil.db.test", false},
    {"x", "DNS:a.test,DNS:b.test", "b.test", true},
    {"x", "DNS:*.test", "db.test", true},
    {"x", "DNS:*.db.test", "a.db.test", true},
    {"x", "DNS:*.db.test", "a.b.db.test", false},
    {"x", "DNS:*.db.test", "db.test", false},
    {"x", "DNS:d*.db.test", "d1.db.test", false},
    {"db.test", NULL, "db.test", true},
    {"*.db.test", NULL, "a.db.test", true},
    {"other.test", NULL, "db.test", false},
    {NULL, NULL, "db.test", false},
    {NULL, "DNS:db.test", "db.test", true},
    {"db.test", "DNS:other.test", "db.test", false},
    {"db.test", "IP:10.0.0.1", "db.test", true},
    {"x", "IP:10.0.0.1", "10.0.0.1", true},
    {"x", "IP:10.0.0.1", "10.0.0.2", false},
    {"x", "IP:::1", "::1", true},
    {"x", "IP:::1", "0:0:0:0:0:0:0:1", true},
    {"x", "IP:::1", "::2", false},
    {"x", "DNS:10.0.0.1", "10.0.0.1", true},
    {"x", "DNS:*.0.0.1", "10.0.0.1", false},
    {"10.0.0.1", NULL, "10.0.0.1", true},
    {"10.0.0.1", "IP:10.0.0.2", "10.0.0.1", false},
    {"10.0.0.1", "DNS:other.test", "10.0.0.1", true},
};

static void
tls_handshake_compares_the_name_with_the_certificate(void **state)
{
	const struct tls_settings server = {
	    .mode = TLS_REQUIRE, .cert = "named.crt", .key = "named.key"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct certificate_plan plan = {.cn = names[i].cn,
						      .names = names[i].names};
		enum tls_step expected =
		    names[i].is_for ? TLS_DONE : TLS_FAILED;
		struct pair p;

		issue("named", &plan);
		p = pair_new(&server, &full_client);
		pair_begin(&p, names[i].host);
		if (pair_shake_in_pieces(&p, RECORD_MAX).client != expected)
			fail_msg("CN %s, %s, for %s: %s", plan.cn, plan.names,
				 names[i].host, tls_error(p.client));
		pair_clear(&p);
	}
}

static void
tls_handshake_tells_whose_certificate_it_is(void **state)
{
	const struct certificate_plan nameless = {.names = "DNS:a.test"};
	struct tls_settings server = plain_server;

	(void)state;
	assert_client_refuses(&plain_server, &full_client, "other.test",
			      "server certificate for \"db.test\" (and 1 "
			      "other name) does not match host name "
			      "\"other.test\"");
	issue("named", &nameless);
	server.cert = "named.crt";
	server.key = "named.key";
	assert_client_refuses(&server, &full_client, "other.test",
			      "server certificate for \"a.test\" does not "
			      "match host name \"other.test\"");
}

static void
tls_handshake_without_a_name_does_not_pass_for_any(void **state)
{
	(void)state;
	assert_client_refuses(&plain_server, &full_client, NULL,
			      "server certificate for \"db.test\" (and 1 "
			      "other name) does not match host name \"\"");
}

/* Whom the server trusts */

static void
assert_server_refuses(const struct tls_settings *server,
		      const struct tls_settings *client, const char *error)
{
	struct pair p = pair_new(server, client);

	pair_begin(&p, NULL);
	assert_int_equal(pair_shake_in_pieces(&p, RECORD_MAX).server,
			 TLS_FAILED);
	assert_string_equal(tls_error(p.server), error);
	assert_alerts(p.server);
	pair_clear(&p);
}

static void
tls_handshake_refuses_clients_as_the_mode_says(void **state)
{
	const struct tls_settings joe = {
	    .mode = TLS_REQUIRE, .cert = "client.crt", .key = "client.key"};
	const struct tls_settings stranger = {
	    .mode = TLS_REQUIRE, .cert = "other.crt", .key = "other.key"};
	struct tls_settings lax_server = strict_server;
	struct pair p;

	(void)state;
	lax_server.mode = TLS_REQUIRE;
	assert_server_refuses(&strict_server, &stranger,
			      "certificate verify failed (self-signed "
			      "certificate)");
	assert_server_refuses(&lax_server, &stranger,
			      "certificate verify failed (self-signed "
			      "certificate)");
	p = pair_new(&strict_server, &joe);
	pair_shake(&p, NULL);
	assert_true(tls_has_peer(p.server));
	pair_clear(&p);
	/* Who shows none is told so in words, by the session. */
	p = pair_new(&strict_server, &plain_client);
	pair_shake(&p, NULL);
	assert_false(tls_has_peer(p.server));
	pair_clear(&p);
	p = pair_new(&lax_server, &plain_client);
	pair_shake(&p, NULL);
	pair_clear(&p);
}

static void
tls_handshake_refuses_a_client_that_is_revoked(void **state)
{
	struct certificate ca = certificate_read("ca");
	struct certificate joe = certificate_read("client");
	const struct tls_settings client = {
	    .mode = TLS_REQUIRE, .cert = "client.crt", .key = "client.key"};
	struct tls_settings server = strict_server;

	(void)state;
	certificate_write_crl("clients", &ca, &joe);
	server.crl = "clients.crl";
	assert_server_refuses(&server, &client,
			      "certificate verify failed (certificate "
			      "revoked)");
	certificate_clear(&ca);
	certificate_clear(&joe);
}

/* A plan's certificate as a client's: what tls_peer_name makes of it. */
static bool
peer_name(const struct certificate_plan *plan, char *out, size_t size)
{
	const struct tls_settings client = {
	    .mode = TLS_REQUIRE, .cert = "named.crt", .key = "named.key"};
	struct pair p;
	bool is_known;

	issue("named", plan);
	p = pair_new(&strict_server, &client);
	pair_shake(&p, NULL);
	is_known = tls_peer_name(p.server, out, size);
	pair_clear(&p);
	return is_known;
}

static void
tls_peer_name_is_the_common_name(void **state)
{
	const struct certificate_plan joe = {.cn = "joe"};
	char name[8];

	(void)state;
	assert_true(peer_name(&joe, name, sizeof(name)));
	assert_string_equal(name, "joe");
}

/* Behind a NUL, or cut, it would be somebody else's. */
static void
tls_peer_name_is_none_unless_it_is_whole(void **state)
{
	const struct certificate_plan nul = {.cn = "joe\0.evil", .cn_len = 9};
	const struct certificate_plan end = {.cn = "joe\0", .cn_len = 4};
	const struct certificate_plan longer = {.cn = "joe.and.others"};
	const struct certificate_plan empty = {.names = "DNS:joe"};
	char name[8];

	(void)state;
	assert_false(peer_name(&nul, name, sizeof(name)));
	assert_false(peer_name(&end, name, sizeof(name)));
	assert_false(peer_name(&longer, name, sizeof(name)));
	assert_false(peer_name(&empty, name, sizeof(name)));
}

static void
tls_peer_name_of_a_client_without_certificate_is_none(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	char name[8];

	(void)state;
	pair_shake(&p, NULL);
	assert_false(tls_peer_name(p.server, name, sizeof(name)));
	assert_false(tls_peer_is_ours(p.server, p.server_context));
	pair_clear(&p);
}

static void
tls_peer_is_ours_tells_the_certificate_from_others(void **state)
{
	const struct tls_settings other = {
	    .mode = TLS_REQUIRE, .cert = "client.crt", .key = "client.key"};
	struct pair p = pair_new(&plain_server, &plain_client);
	struct tls_context *same = server_context(&plain_server);
	struct tls_context *another = server_context(&other);

	(void)state;
	pair_shake(&p, NULL);
	assert_true(tls_peer_is_ours(p.client, p.server_context));
	assert_true(tls_peer_is_ours(p.client, same));
	assert_false(tls_peer_is_ours(p.client, another));
	assert_false(tls_peer_is_ours(p.client, p.client_context));
	tls_context_release(same);
	tls_context_release(another);
	pair_clear(&p);
}

/* Channel binding */

static void
assert_binding(const struct certificate_plan *plan, size_t len)
{
	const struct tls_settings server = {.mode = TLS_REQUIRE,
					    .cert = "bound.crt",
					    .key = "bound.key",
					    .ciphers = "ALL:@SECLEVEL=0"};
	struct tls_settings client = plain_client;
	uint8_t ours[TLS_BINDING_MAX];
	uint8_t theirs[TLS_BINDING_MAX];
	struct pair p;

	issue("bound", plan);
	client.ciphers = server.ciphers;
	p = pair_new(&server, &client);
	pair_shake(&p, NULL);
	assert_int_equal(tls_context_binding(p.server_context, ours), len);
	assert_int_equal(tls_peer_binding(p.client, theirs), len);
	assert_memory_equal(ours, theirs, len);
	assert_int_equal(tls_peer_binding(p.server, theirs), 0);
	assert_int_equal(tls_context_binding(p.client_context, theirs), 0);
	pair_clear(&p);
}

static void
tls_peer_binding_is_the_hash_that_the_server_has_of_its_own(void **state)
{
	const struct certificate_plan sha256 = {.cn = "a"};
	const struct certificate_plan sha1 = {.cn = "a", .digest = EVP_sha1()};
	const struct certificate_plan sha384 = {.cn = "a",
						.digest = EVP_sha384()};
	const struct certificate_plan rsa = {.cn = "a", .key = CERTIFICATE_RSA};

	(void)state;
	assert_binding(&sha256, 32);
	assert_binding(&sha1, 32); /* RFC 5929: SHA-256 in its place */
	assert_binding(&sha384, 48);
	assert_binding(&rsa, 32);
}

static void
tls_peer_binding_is_sha256_of_the_certificate(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	struct certificate c = certificate_read("server");
	uint8_t expected[EVP_MAX_MD_SIZE];
	uint8_t actual[TLS_BINDING_MAX];
	unsigned len;

	(void)state;
	assert_int_equal(X509_digest(c.cert, EVP_sha256(), expected, &len), 1);
	pair_shake(&p, NULL);
	assert_int_equal(tls_peer_binding(p.client, actual), len);
	assert_memory_equal(actual, expected, len);
	certificate_clear(&c);
	pair_clear(&p);
}

/* No hash function signed it, so that RFC 5929 names none. */
static void
tls_peer_binding_of_ed25519_is_none(void **state)
{
	const struct certificate_plan ed25519 = {.cn = "a",
						 .key = CERTIFICATE_ED25519};
	const struct tls_settings server = {
	    .mode = TLS_REQUIRE, .cert = "bound.crt", .key = "bound.key"};
	uint8_t binding[TLS_BINDING_MAX];
	struct pair p;

	(void)state;
	certificate_issue("bound", &ed25519, NULL);
	p = pair_new(&server, &plain_client);
	pair_shake(&p, NULL);
	assert_int_equal(tls_context_binding(p.server_context, binding), 0);
	assert_int_equal(tls_peer_binding(p.client, binding), 0);
	pair_clear(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tls_handshake_fails_when_the_authority_is_another),
	    cmocka_unit_test(
		tls_handshake_fails_when_the_certificate_has_expired),
	    cmocka_unit_test(
		tls_handshake_fails_when_the_certificate_is_revoked),
	    cmocka_unit_test(
		tls_handshake_checks_the_authority_whenever_there_is_one),
	    cmocka_unit_test(
		tls_handshake_compares_the_name_with_the_certificate),
	    cmocka_unit_test(tls_handshake_tells_whose_certificate_it_is),
	    cmocka_unit_test(
		tls_handshake_without_a_name_does_not_pass_for_any),
	    cmocka_unit_test(tls_handshake_refuses_clients_as_the_mode_says),
	    cmocka_unit_test(tls_handshake_refuses_a_client_that_is_revoked),
	    cmocka_unit_test(tls_peer_name_is_the_common_name),
	    cmocka_unit_test(tls_peer_name_is_none_unless_it_is_whole),
	    cmocka_unit_test(
		tls_peer_name_of_a_client_without_certificate_is_none),
	    cmocka_unit_test(
		tls_peer_is_ours_tells_the_certificate_from_others),
	    cmocka_unit_test(
		tls_peer_binding_is_the_hash_that_the_server_has_of_its_own),
	    cmocka_unit_test(tls_peer_binding_is_sha256_of_the_certificate),
	    cmocka_unit_test(tls_peer_binding_of_ed25519_is_none),
	};

	return cmocka_run_group_tests_name("proxy/tls/tls_certificate", tests,
					   certificates_enter_folder,
					   certificates_leave_folder);
}
