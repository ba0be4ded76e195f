/*
 * Ours against ours, from buffer to buffer; and ours against plain OpenSSL
 * where the peer does what ours does not.
 */
#include "proxy/tls.h"

#include "tests/support/allocation.h"
#include "tests/support/certificates.h"
#include "tests/support/tls_peer.h"

enum {
	BIG_BYTES = 1024 * 1024,
	HEADER_BYTES = 5,  /* of a record */
	SEAL_BYTES = 17,   /* TLS 1.3: its inner type and its tag */
	RECORD_DATA = 23,  /* ContentType application_data */
	RECORD_ALERT = 21, /* ContentType alert */
	RECORD_HANDSHAKE = 22,
	RECORD_MAX = 16384,
};

static const struct tls_settings plain_client = {.mode = TLS_REQUIRE};
static const struct tls_settings plain_server = {
    .mode = TLS_REQUIRE, .cert = "server.crt", .key = "server.key"};
static const struct tls_settings full_client = {.mode = TLS_VERIFY_FULL,
						.ca = "ca.crt"};

/* A connection, and the two contexts that it is of. */
struct pair {
	struct tls_context *server_context;
	struct tls_context *client_context;
	struct tls *server;
	struct tls *client;
};

static struct tls_context *
server_context(const struct tls_settings *s)
{
	char why[TLS_WHY_MAX];
	struct tls_context *c = tls_context_for_clients(s, why);

	if (c == NULL)
		fail_msg("%s", why);
	return c;
}

static struct tls_context *
client_context(const struct tls_settings *s)
{
	char why[TLS_WHY_MAX];
	struct tls_context *c = tls_context_for_server(s, why);

	if (c == NULL)
		fail_msg("%s", why);
	return c;
}

static struct pair
pair_new(const struct tls_settings *server, const struct tls_settings *client)
{
	struct pair p = {server_context(server), client_context(client), NULL,
			 NULL};

	return p;
}

static void
pair_hang_up(struct pair *p)
{
	tls_free(p->server);
	tls_free(p->client);
	p->server = NULL;
	p->client = NULL;
}

static void
pair_clear(struct pair *p)
{
	pair_hang_up(p);
	tls_context_release(p->server_context);
	tls_context_release(p->client_context);
}

static void
pair_begin(struct pair *p, const char *server_name)
{
	pair_hang_up(p);
	p->server = tls_new(p->server_context, NULL);
	p->client = tls_new(p->client_context, server_name);
	assert_non_null(p->server);
	assert_non_null(p->client);
}

/* Feed what one says to the other, who goes on after each piece. */
static enum tls_step
deliver(struct tls *from, struct tls *to, size_t piece, enum tls_step step)
{
	struct buffer *out = tls_output(from);

	while (out->len > 0 && step == TLS_MORE) {
		struct span in = buffer_span(out);

		if (in.len > piece)
			in.len = piece;
		assert_true(tls_feed(to, in));
		buffer_consume(out, in.len);
		step = tls_handshake(to);
	}
	return step;
}

struct steps {
	enum tls_step server;
	enum tls_step client;
};

/* To the end of both, or until nothing is said any more. */
static struct steps
pair_shake_in_pieces(struct pair *p, size_t piece)
{
	struct steps s = {TLS_MORE, tls_handshake(p->client)};
	size_t said;

	do {
		s.server = deliver(p->client, p->server, piece, s.server);
		said = tls_output(p->server)->len;
		s.client = deliver(p->server, p->client, piece, s.client);
		said += tls_output(p->client)->len;
	} while (said > 0 && s.server == TLS_MORE);
	return s;
}

static void
pair_shake(struct pair *p, const char *server_name)
{
	struct steps s;

	pair_begin(p, server_name);
	s = pair_shake_in_pieces(p, RECORD_MAX);
	if (s.client != TLS_DONE)
		fail_msg("%s", tls_error(p->client));
	if (s.server != TLS_DONE)
		fail_msg("%s", tls_error(p->server));
}

/* What has been written by one is read by the other: whole, and no more. */
static void
assert_reads(struct tls *from, struct tls *to, const char *text)
{
	char data[256];
	struct buffer *out = tls_output(from);
	ssize_t n = tls_read(to, buffer_span(out), data, sizeof(data));

	buffer_clear(out);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(data, text, strlen(text));
	assert_false(tls_has_more(to));
}

static void
assert_passes(struct tls *from, struct tls *to, const char *text)
{
	assert_true(tls_write(from, text, strlen(text)));
	assert_reads(from, to, text);
}

/* The tickets that a server sends behind its handshake. */
static void
take_tickets(struct pair *p)
{
	char byte;
	struct buffer *out = tls_output(p->server);

	assert_int_equal(tls_read(p->client, buffer_span(out), &byte, 1),
			 TLS_AGAIN);
	buffer_clear(out);
}

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
	assert_string_equal(tls_error(p.client), "wrong version number");
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

/* A failure leaves an alert to be sent. */
static void
assert_alerts(struct tls *t)
{
	assert_true(tls_output(t)->len >= HEADER_BYTES + 2);
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

/* Server Name Indication */

static int
note_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	snprintf(arg, CERTIFICATE_NAME_BYTES, "%s", name == NULL ? "" : name);
	return SSL_TLSEXT_ERR_OK;
}

/* From ours to the peer and back, until nobody says more. */
static enum tls_step
shake_with_peer(struct tls *t, struct tls_peer *p)
{
	enum tls_step step = TLS_MORE;
	size_t said;

	if (!tls_wants_input(t))
		step = tls_handshake(t);
	do {
		struct buffer *out = tls_output(t);
		struct span answer;

		said = out->len;
		tls_peer_feed(p, buffer_span(out));
		buffer_clear(out);
		(void)tls_peer_shake(p);
		answer = tls_peer_take(p);
		said += answer.len;
		assert_true(tls_feed(t, answer));
		tls_peer_forget(p);
		if (step == TLS_MORE && answer.len > 0)
			step = tls_handshake(t);
	} while (said > 0);
	return step;
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

/* Whom the server trusts */

static const struct tls_settings strict_server = {.mode = TLS_VERIFY_CA,
						  .cert = "server.crt",
						  .key = "server.key",
						  .ca = "ca.crt"};

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
	assert_server_refuses(&strict_server, &plain_client,
			      "peer did not return a certificate");
	assert_server_refuses(&strict_server, &stranger,
			      "certificate verify failed (self-signed "
			      "certificate)");
	assert_server_refuses(&lax_server, &stranger,
			      "certificate verify failed (self-signed "
			      "certificate)");
	p = pair_new(&strict_server, &joe);
	pair_shake(&p, NULL);
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
assert_resumption(struct pair *p, const char *name, bool is_resumed)
{
	pair_shake(p, name);
	assert_int_equal(tls_is_resumed(p->client), is_resumed);
	assert_int_equal(tls_is_resumed(p->server), is_resumed);
	take_tickets(p);
	assert_passes(p->client, p->server, "hello");
}

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

/* Data */

static uint8_t *
make_big(void)
{
	uint8_t *big = malloc(BIG_BYTES);
	size_t i;

	assert_non_null(big);
	for (i = 0; i < BIG_BYTES; i++)
		big[i] = (uint8_t)(i * 7 + i / 251);
	return big;
}

/* All of it, through rooms of that size; big is what it has to be. */
static void
read_big(struct tls *t, struct span cipher, size_t room, const uint8_t *big)
{
	uint8_t data[4096];
	size_t total = 0;
	ssize_t n;

	assert_true(room <= sizeof(data));
	while ((n = tls_read(t, cipher, data, room)) > 0) {
		assert_memory_equal(data, big + total, (size_t)n);
		total += (size_t)n;
		assert_true(total == BIG_BYTES || tls_has_more(t));
		cipher.len = 0;
	}
	assert_int_equal(n, TLS_AGAIN);
	assert_int_equal(total, BIG_BYTES);
	assert_false(tls_has_more(t));
}

static void
tls_read_takes_what_does_not_fit_with_another_call(void **state)
{
	static const size_t rooms[] = {13, 1000, 4096};
	struct pair p = pair_new(&plain_server, &plain_client);
	uint8_t *big = make_big();
	size_t i;

	(void)state;
	pair_shake(&p, NULL);
	for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		assert_true(tls_write(p.server, big, BIG_BYTES));
		read_big(p.client, buffer_span(tls_output(p.server)), rooms[i],
			 big);
		buffer_clear(tls_output(p.server));
		assert_true(tls_write(p.client, big, BIG_BYTES));
		read_big(p.server, buffer_span(tls_output(p.client)), rooms[i],
			 big);
		buffer_clear(tls_output(p.client));
	}
	free(big);
	pair_clear(&p);
}

/* As a socket brings it: records cut anywhere. */
static void
tls_read_takes_records_in_pieces(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	uint8_t *big = make_big();
	uint8_t *read = malloc(BIG_BYTES);
	struct buffer *out;
	size_t total = 0;

	(void)state;
	assert_non_null(read);
	pair_shake(&p, NULL);
	assert_true(tls_write(p.client, big, BIG_BYTES));
	out = tls_output(p.client);
	while (out->len > 0) {
		struct span piece = buffer_span(out);
		ssize_t n;

		if (piece.len > 997)
			piece.len = 997;
		n = tls_read(p.server, piece, read + total, BIG_BYTES - total);
		if (n > 0)
			total += (size_t)n;
		else
			assert_int_equal(n, TLS_AGAIN);
		assert_false(tls_has_more(p.server) && total < BIG_BYTES);
		buffer_consume(out, piece.len);
	}
	assert_int_equal(total, BIG_BYTES);
	assert_memory_equal(read, big, BIG_BYTES);
	free(read);
	free(big);
	pair_clear(&p);
}

/* The longest payload among the records that are to be sent. */
static size_t
longest_record(struct tls *t, size_t seal)
{
	struct span rest = buffer_span(tls_output(t));
	size_t longest = 0;

	while (rest.len > 0) {
		size_t len;

		assert_true(rest.len > HEADER_BYTES);
		assert_int_equal(rest.data[0], RECORD_DATA);
		len = (size_t)(rest.data[3] << 8 | rest.data[4]);
		assert_true(len > seal);
		if (len - seal > longest)
			longest = len - seal;
		rest.data += HEADER_BYTES + len;
		rest.len -= HEADER_BYTES + len;
	}
	buffer_clear(tls_output(t));
	return longest;
}

/* libpq can hang on larger ones. */
static void
tls_write_makes_no_long_records_for_clients(void **state)
{
	struct tls_settings old = plain_client;
	struct pair p = pair_new(&plain_server, &plain_client);
	uint8_t *big = make_big();

	(void)state;
	pair_shake(&p, NULL);
	take_tickets(&p);
	assert_true(tls_write(p.server, big, BIG_BYTES));
	assert_int_equal(longest_record(p.server, SEAL_BYTES),
			 TLS_CLIENT_RECORD_BYTES);
	assert_true(tls_write(p.client, big, BIG_BYTES));
	assert_int_equal(longest_record(p.client, SEAL_BYTES), RECORD_MAX);
	pair_clear(&p);
	old.max_version = TLS_VERSION_1_2;
	p = pair_new(&plain_server, &old);
	pair_shake(&p, NULL);
	assert_true(tls_write(p.server, big, BIG_BYTES));
	/* GCM: explicit nonce and tag */
	assert_int_equal(longest_record(p.server, 24), TLS_CLIENT_RECORD_BYTES);
	free(big);
	pair_clear(&p);
}

static void
tls_read_without_bytes_wants_some(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	char byte;

	(void)state;
	pair_shake(&p, NULL);
	assert_int_equal(tls_read(p.server, bytes(NULL, 0), &byte, 1),
			 TLS_AGAIN);
	assert_false(tls_has_more(p.server));
	pair_clear(&p);
}

static void
tls_finish_is_the_end_for_the_peer(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	char data[32];

	(void)state;
	pair_shake(&p, NULL);
	assert_true(tls_write(p.client, "bye", 3));
	tls_finish(p.client);
	assert_int_equal(tls_read(p.server, buffer_span(tls_output(p.client)),
				  data, sizeof(data)),
			 3);
	assert_true(tls_has_more(p.server));
	assert_int_equal(tls_read(p.server, bytes(NULL, 0), data, sizeof(data)),
			 TLS_EOF);
	assert_int_equal(tls_read(p.server, bytes(NULL, 0), data, sizeof(data)),
			 TLS_EOF);
	/* Its own side is still open. */
	take_tickets(&p);
	assert_passes(p.server, p.client, "late");
	pair_clear(&p);
}

static void
tls_read_of_changed_bytes_is_broken(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	char data[32];
	struct buffer *out;

	(void)state;
	pair_shake(&p, NULL);
	take_tickets(&p);
	assert_true(tls_write(p.client, "hello", 5));
	out = tls_output(p.client);
	out->data[out->start + out->len - 1] ^= 1;
	assert_int_equal(
	    tls_read(p.server, buffer_span(out), data, sizeof(data)),
	    TLS_BROKEN);
	assert_string_equal(tls_error(p.server),
			    "decryption failed or bad record mac");
	assert_alerts(p.server);
	assert_int_equal(tls_read(p.server, bytes(NULL, 0), data, sizeof(data)),
			 TLS_BROKEN);
	assert_false(tls_write(p.server, "hello", 5));
	pair_clear(&p);
}

static void
tls_read_brings_what_came_before_garbage(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	char data[32];
	struct buffer *out;

	(void)state;
	pair_shake(&p, NULL);
	assert_true(tls_write(p.client, "hello", 5));
	out = tls_output(p.client);
	assert_true(buffer_append(out, "garbage", 7));
	assert_int_equal(
	    tls_read(p.server, buffer_span(out), data, sizeof(data)), 5);
	assert_true(tls_has_more(p.server));
	assert_int_equal(tls_read(p.server, bytes(NULL, 0), data, sizeof(data)),
			 TLS_BROKEN);
	pair_clear(&p);
}

/* Peers that ask for more */

struct duel {
	struct tls_peer peer;
	struct tls_context *context;
	struct tls *ours;
};

static struct duel
duel_begin(bool peer_is_server, int max_version)
{
	struct duel d = {
	    .peer =
		tls_peer_new(peer_is_server, peer_is_server ? "server" : NULL),
	    .context = peer_is_server ? client_context(&plain_client)
				      : server_context(&plain_server),
	};

	SSL_CTX_set_max_proto_version(d.peer.ctx, max_version);
	tls_peer_begin(&d.peer, -1);
	d.ours = tls_new(d.context, NULL);
	assert_int_equal(shake_with_peer(d.ours, &d.peer), TLS_DONE);
	return d;
}

static void
duel_end(struct duel *d)
{
	tls_free(d->ours);
	tls_context_release(d->context);
	tls_peer_clear(&d->peer);
}

/* What the peer says is read by ours. */
static ssize_t
duel_read(struct duel *d, void *data, size_t size)
{
	ssize_t n = tls_read(d->ours, tls_peer_take(&d->peer), data, size);

	tls_peer_forget(&d->peer);
	return n;
}

static void
assert_peer_reads(struct duel *d, const char *text)
{
	char data[32];

	tls_peer_feed(&d->peer, buffer_span(tls_output(d->ours)));
	buffer_clear(tls_output(d->ours));
	ERR_clear_error();
	assert_int_equal(SSL_read(d->peer.ssl, data, sizeof(data)),
			 strlen(text));
	assert_memory_equal(data, text, strlen(text));
}

/* Both ways, ever again. */
static void
assert_duel_goes_on(struct duel *d)
{
	char data[32];

	assert_int_equal(SSL_write(d->peer.ssl, "ping", 4), 4);
	assert_int_equal(duel_read(d, data, sizeof(data)), 4);
	assert_memory_equal(data, "ping", 4);
	assert_true(tls_write(d->ours, "pong", 4));
	assert_peer_reads(d, "pong");
}

static void
tls_changes_keys_when_the_peer_asks(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct duel d = duel_begin(i % 2 == 1, TLS1_3_VERSION);

		assert_duel_goes_on(&d);
		assert_int_equal(
		    SSL_key_update(d.peer.ssl,
				   i % 4 < 2 ? SSL_KEY_UPDATE_REQUESTED
					     : SSL_KEY_UPDATE_NOT_REQUESTED),
		    1);
		assert_duel_goes_on(&d);
		assert_duel_goes_on(&d);
		duel_end(&d);
	}
}

static void
tls_refuses_to_renegotiate_with_a_client(void **state)
{
	struct duel d = duel_begin(false, TLS1_2_VERSION);
	char data[32];
	struct span answer;

	(void)state;
	assert_duel_goes_on(&d);
	assert_int_equal(SSL_renegotiate(d.peer.ssl), 1);
	assert_int_equal(tls_peer_shake(&d.peer), TLS_PEER_MORE);
	assert_true(tls_peer_take(&d.peer).len > 0);
	assert_int_equal(duel_read(&d, data, sizeof(data)), TLS_AGAIN);
	answer = buffer_span(tls_output(d.ours));
	assert_true(answer.len > HEADER_BYTES);
	assert_int_equal(answer.data[0], RECORD_ALERT);
	tls_peer_feed(&d.peer, answer);
	assert_int_equal(tls_peer_shake(&d.peer), TLS_PEER_FAILED);
	assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()),
			 SSL_R_NO_RENEGOTIATION);
	duel_end(&d);
}

static void
tls_refuses_to_renegotiate_with_a_server(void **state)
{
	struct duel d = duel_begin(true, TLS1_2_VERSION);
	char data[32];
	struct span answer;

	(void)state;
	assert_duel_goes_on(&d);
	assert_int_equal(SSL_renegotiate(d.peer.ssl), 1);
	(void)tls_peer_shake(&d.peer);
	assert_true(tls_peer_take(&d.peer).len > 0);
	assert_int_equal(duel_read(&d, data, sizeof(data)), TLS_AGAIN);
	answer = buffer_span(tls_output(d.ours));
	assert_true(answer.len > HEADER_BYTES);
	assert_int_equal(answer.data[0], RECORD_ALERT);
	duel_end(&d);
}

/* Memory */

static void
tls_new_without_memory_is_null(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	unsigned allowed;
	struct tls *t;

	(void)state;
	for (allowed = 0;; allowed++) {
		allocation_fail_after(allowed);
		t = tls_new(p.client_context, "db.test");
		if (!allocation_restore())
			break;
		assert_null(t);
	}
	assert_non_null(t);
	assert_true(allowed > 0);
	tls_free(t);
	pair_clear(&p);
}

/* As far as the memory is ours. */
static void
tls_handshake_without_memory_fails(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);

	(void)state;
	pair_begin(&p, NULL);
	allocation_fail_after(0);
	assert_false(tls_feed(p.client, bytes("x", 1)));
	assert_int_equal(tls_handshake(p.client), TLS_FAILED);
	assert_true(allocation_restore());
	assert_true(strlen(tls_error(p.client)) > 0);
	pair_clear(&p);
}

static void
tls_read_and_write_without_memory_are_broken(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	char data[4];

	(void)state;
	pair_shake(&p, NULL);
	take_tickets(&p);
	assert_true(tls_write(p.client, "hello", 5));
	assert_true(tls_write(p.client, "hello", 5));
	allocation_fail_after(0);
	assert_int_equal(tls_read(p.server, buffer_span(tls_output(p.client)),
				  data, sizeof(data)),
			 TLS_BROKEN);
	assert_true(allocation_restore());
	assert_string_equal(tls_error(p.server), "out of memory");
	allocation_fail_after(0);
	assert_false(tls_write(p.server, "hello", 5));
	assert_true(allocation_restore());
	pair_clear(&p);
}

static void
tls_resumes_nothing_for_lack_of_memory(void **state)
{
	struct pair p = pair_new(&plain_server, &plain_client);
	char byte;

	(void)state;
	pair_shake(&p, "db.test");
	allocation_fail_after(0);
	assert_int_equal(
	    tls_read(p.client, buffer_span(tls_output(p.server)), &byte, 1),
	    TLS_AGAIN);
	assert_true(allocation_restore());
	assert_resumption(&p, "db.test", false);
	pair_clear(&p);
}

static void
tls_free_accepts_null(void **state)
{
	(void)state;
	tls_free(NULL);
	tls_context_release(NULL);
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
	    cmocka_unit_test(tls_handshake_tells_the_server_its_name),
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
	    cmocka_unit_test(tls_has_alpn_between_two_of_ours),
	    cmocka_unit_test(
		tls_handshake_refuses_a_client_that_wants_another_protocol),
	    cmocka_unit_test(tls_handshake_needs_alpn_where_it_is_direct),
	    cmocka_unit_test(tls_is_resumed_the_second_time_with_that_server),
	    cmocka_unit_test(tls_is_resumed_in_tls_1_2_too),
	    cmocka_unit_test(tls_is_resumed_with_the_certificates_of_the_first),
	    cmocka_unit_test(tls_is_not_resumed_with_another_context),
	    cmocka_unit_test(
		tls_read_takes_what_does_not_fit_with_another_call),
	    cmocka_unit_test(tls_read_takes_records_in_pieces),
	    cmocka_unit_test(tls_write_makes_no_long_records_for_clients),
	    cmocka_unit_test(tls_read_without_bytes_wants_some),
	    cmocka_unit_test(tls_finish_is_the_end_for_the_peer),
	    cmocka_unit_test(tls_read_of_changed_bytes_is_broken),
	    cmocka_unit_test(tls_read_brings_what_came_before_garbage),
	    cmocka_unit_test(tls_changes_keys_when_the_peer_asks),
	    cmocka_unit_test(tls_refuses_to_renegotiate_with_a_client),
	    cmocka_unit_test(tls_refuses_to_renegotiate_with_a_server),
	    cmocka_unit_test(tls_new_without_memory_is_null),
	    cmocka_unit_test(tls_handshake_without_memory_fails),
	    cmocka_unit_test(tls_read_and_write_without_memory_are_broken),
	    cmocka_unit_test(tls_resumes_nothing_for_lack_of_memory),
	    cmocka_unit_test(tls_free_accepts_null),
	};

	return cmocka_run_group_tests_name("proxy/tls", tests,
					   certificates_enter_folder,
					   certificates_leave_folder);
}
