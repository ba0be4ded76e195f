#include "proxy/tls/tls.h"

#include "tests/support/allocation.h"
#include "tests/support/tls_pair.h"

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
	assert_no_record(p.server);
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

	return cmocka_run_group_tests_name("proxy/tls/tls_data", tests,
					   certificates_enter_folder,
					   certificates_leave_folder);
}
