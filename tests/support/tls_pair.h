/*
 * tls_pair.h - TLS connections without descriptors: ours with ours, from
 * buffer to buffer; and ours with plain OpenSSL where the peer does what ours
 * does not.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_TLS_PAIR_H
#define LOCKSTEP_TESTS_SUPPORT_TLS_PAIR_H

#include "proxy/tls/tls.h"
#include "tests/support/certificates.h"
#include "tests/support/tls_peer.h"

enum {
	BIG_BYTES = 1024 * 1024,
	HEADER_BYTES = 5,  /* of a record */
	SEAL_BYTES = 17,   /* TLS 1.3: its inner type and its tag */
	RECORD_DATA = 23,  /* ContentType application_data */
	RECORD_ALERT = 21, /* ContentType alert */
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

static inline struct tls_context *
server_context(const struct tls_settings *s)
{
	char why[TLS_WHY_MAX];
	struct tls_context *c = tls_context_for_clients(s, why);

	if (c == NULL)
		fail_msg("%s", why);
	return c;
}

static inline struct tls_context *
client_context(const struct tls_settings *s)
{
	char why[TLS_WHY_MAX];
	struct tls_context *c = tls_context_for_server(s, why);

	if (c == NULL)
		fail_msg("%s", why);
	return c;
}

static inline struct pair
pair_new(const struct tls_settings *server, const struct tls_settings *client)
{
	struct pair p = {server_context(server), client_context(client), NULL,
			 NULL};

	return p;
}

static inline void
pair_hang_up(struct pair *p)
{
	tls_free(p->server);
	tls_free(p->client);
	p->server = NULL;
	p->client = NULL;
}

static inline void
pair_clear(struct pair *p)
{
	pair_hang_up(p);
	tls_context_release(p->server_context);
	tls_context_release(p->client_context);
}

static inline void
pair_begin(struct pair *p, const char *server_name)
{
	pair_hang_up(p);
	p->server = tls_new(p->server_context, NULL);
	p->client = tls_new(p->client_context, server_name);
	assert_non_null(p->server);
	assert_non_null(p->client);
}

/* Feed what one says to the other, who goes on after each piece. */
static inline enum tls_step
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
static inline struct steps
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

static inline void
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
static inline void
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

static inline void
assert_passes(struct tls *from, struct tls *to, const char *text)
{
	assert_true(tls_write(from, text, strlen(text)));
	assert_reads(from, to, text);
}

/* The tickets that a server sends behind its handshake. */
static inline void
take_tickets(struct pair *p)
{
	char byte;
	struct buffer *out = tls_output(p->server);

	assert_int_equal(tls_read(p->client, buffer_span(out), &byte, 1),
			 TLS_AGAIN);
	buffer_clear(out);
}

/* A failure leaves an alert to be sent. */
static inline void
assert_alerts(struct tls *t)
{
	assert_true(tls_output(t)->len >= HEADER_BYTES + 2);
}

/* From ours to the peer and back, until nobody says more. */
static inline enum tls_step
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

/* Bytes were no record; OpenSSL's words for that change. */
static inline void
assert_no_record(struct tls *t)
{
	const char *error = tls_error(t);

	if (strcmp(error, "wrong version number") != 0 &&
	    strcmp(error, "bad record type") != 0)
		fail_msg("%s", error);
}

static const struct tls_settings strict_server = {.mode = TLS_VERIFY_CA,
						  .cert = "server.crt",
						  .key = "server.key",
						  .ca = "ca.crt"};

static inline void
assert_resumption(struct pair *p, const char *name, bool is_resumed)
{
	pair_shake(p, name);
	assert_int_equal(tls_is_resumed(p->client), is_resumed);
	assert_int_equal(tls_is_resumed(p->server), is_resumed);
	take_tickets(p);
	assert_passes(p->client, p->server, "hello");
}

#endif
