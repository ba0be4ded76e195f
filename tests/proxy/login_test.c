/*
 * One session, whose client and server are the test; by TLS where a test says
 * so, with handshakes that are over.
 */
#include "proxy/login.h"

#include <stdio.h>

#include "protocol/scram.h"
#include "protocol/types.h"
#include "proxy/credentials.h"
#include "proxy/login_state.h"
#include "proxy/session_state.h"
#include "tests/support/allocation.h"
#include "tests/support/certificates.h"
#include "tests/support/handshaker.h"
#include "tests/support/scram.h"
#include "tests/support/session.h"

#define SCRAM "SCRAM-SHA-256"
#define PLUS "SCRAM-SHA-256-PLUS"
#define LIST(names) names "\0", sizeof(names "\0")
#define ONLY_SCRAM LIST(SCRAM)
#define BOTH LIST(PLUS "\0" SCRAM)

static struct endpoint upstream = {.host = "127.0.0.1", .port = 5432};

struct fixture {
	struct session_fixture *f;
	struct session *s;
	struct tls *client; /* the test's side of the client's TLS, or NULL */
	struct tls *server;
	struct span last; /* what the client has heard last */
	uint8_t data[8192];
};

static int
enter_folder(void **state)
{
	const struct certificate_plan other = {.cn = "db.test"};

	if (certificates_enter_folder(state) != 0)
		return -1;
	certificate_issue("another", &other, NULL);
	certificate_write_text("roles", "\"user\" \"" PENCIL_VERIFIER "\"\n");
	return 0;
}

static void
load(struct fixture *f, enum auth_method auth)
{
	struct config *c = &f->f->config;

	c->auth = auth;
	c->auth_file = "roles";
	f->s->credentials = credentials_load(c, stderr);
	assert_non_null(f->s->credentials);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *session;
	struct config *c;

	assert_non_null(f);
	session_fixture_setup(&session);
	f->f = session;
	f->s = &f->f->session;
	f->s->state = SESSION_STARTUP;
	f->s->server_address.address.ss_family = AF_INET;
	memcpy(f->s->user, "user", 5);
	f->f->worker.handshaker.base = f->f->base;
	c = &f->f->config;
	c->upstream = &upstream;
	c->upstream_count = 1;
	c->connect_timeout_ms = 60000;
	c->tls = (struct tls_settings){
	    .mode = TLS_PREFER, .cert = "server.crt", .key = "server.key"};
	c->upstream_tls = (struct tls_settings){
	    .mode = TLS_REQUIRE, .channel_binding = CHANNEL_BINDING_PREFER};
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	void *session = f->f;

	dial_cancel(f->s->dial);
	login_free(f->s->login);
	credentials_release(f->s->credentials);
	buffer_clear(&f->s->startup);
	tls_free(f->client);
	tls_free(f->server);
	session_fixture_teardown(&session);
	free(f);
	return 0;
}

/* TLS */

static void
pass(struct tls *from, struct tls *to)
{
	struct buffer *out = tls_output(from);

	assert_true(tls_feed(to, buffer_span(out)));
	buffer_clear(out);
}

/* The test's side of a connection that is the stream's now. */
static struct tls *
secure(struct stream *s, struct tls_context *ours, struct tls_context *tests)
{
	struct tls *a = tls_new(ours, "db.test");
	struct tls *b = tls_new(tests, "db.test");
	int turns;

	for (turns = 0; turns < 3; turns++) {
		(void)tls_handshake(a);
		pass(a, b);
		(void)tls_handshake(b);
		pass(b, a);
	}
	assert_int_equal(tls_handshake(a), TLS_DONE);
	assert_int_equal(tls_handshake(b), TLS_DONE);
	stream_secure(s, a);
	return b;
}

static void
secure_client(struct fixture *f)
{
	const struct tls_settings s = {.mode = TLS_REQUIRE};
	struct tls_context *tests = handshaker_client_context(&s);

	f->client = secure(&f->s->client, f->s->credentials->clients, tests);
	tls_context_release(tests);
}

/* name: of the server's certificate. */
static void
secure_server(struct fixture *f, const char *name)
{
	char cert[32];
	char key[32];
	const struct tls_settings s = {
	    .mode = TLS_REQUIRE, .cert = cert, .key = key};
	struct tls_context *tests;

	snprintf(cert, sizeof(cert), "%s.crt", name);
	snprintf(key, sizeof(key), "%s.key", name);
	tests = handshaker_server_context(&s);
	f->server = secure(&f->s->server, f->s->credentials->server, tests);
	tls_context_release(tests);
}

/* What the session has said: valid until the next. */
static struct span
hear(struct fixture *f, int fd, struct tls *tls)
{
	struct span said = session_fixture_read(f->f, fd);
	ssize_t n;

	if (tls == NULL)
		return said;
	n = tls_read(tls, said, f->data, sizeof(f->data));
	return span_of(f->data, n > 0 ? (size_t)n : 0);
}

static struct span
hear_client(struct fixture *f)
{
	struct span said = hear(f, f->f->client, f->client);

	if (said.len > 0)
		f->last = said;
	return said;
}

static struct span
hear_server(struct fixture *f)
{
	return hear(f, f->f->server, f->server);
}

/* What the client says; the writer is forgotten. */
static void
say(struct fixture *f, struct writer *w)
{
	struct span bytes = span_of(w->data, w->len);

	if (f->client != NULL) {
		assert_true(tls_write(f->client, w->data, w->len));
		bytes = buffer_span(tls_output(f->client));
	}
	assert_int_equal(write(f->f->client, bytes.data, bytes.len), bytes.len);
	if (f->client != NULL)
		buffer_clear(tls_output(f->client));
	writer_clear(w);
	login_readable(f->s);
}

static void
say_bytes(struct fixture *f, const char *data, size_t len)
{
	struct writer w = {0};

	write_bytes(&w, data, len);
	say(f, &w);
}

static void
assert_closed(struct fixture *f, enum close_reason reason, const char *words)
{
	(void)hear_client(f);
	assert_session_closed(f->f, reason);
	assert_non_null(
	    memmem(f->last.data, f->last.len, words, strlen(words)));
}

/* A server has been dialled and answers. */
static void
begin_auth(struct fixture *f)
{
	assert_int_equal(f->s->state, SESSION_DIALING);
	assert_non_null(f->s->dial);
	dial_cancel(f->s->dial);
	f->s->dial = NULL;
	session_enter(f->s, SESSION_AUTH);
}

static enum login_verdict
answer_frame(struct fixture *f, struct span raw)
{
	struct frame frame;
	struct span in = raw;

	assert_int_equal(frame_next(&frame, &in, 65536), FRAME_OK);
	return login_answer(f->s, frame);
}

static enum login_verdict
answer(struct fixture *f, uint32_t code, const void *data, size_t len)
{
	struct writer w = {0};
	enum login_verdict verdict;

	authentication_write(&w, code, span_of(data, len));
	verdict = answer_frame(f, span_of(w.data, w.len));
	writer_clear(&w);
	return verdict;
}

static enum login_verdict
judge(struct fixture *f, struct span in)
{
	struct frame_header h;

	assert_int_equal(frame_peek(&h, in), FRAME_OK);
	return login_judge(f->s, &h, in);
}

static enum login_verdict
choose(struct fixture *f, const char *mechanism, const char *data)
{
	struct writer w = {0};
	enum login_verdict verdict;

	sasl_initial_response_write(&w, mechanism, text_of(data));
	verdict = judge(f, span_of(w.data, w.len));
	writer_clear(&w);
	return verdict;
}

/* auth = pass */

/* Which legs are by TLS, and the server's certificate. */
enum legs {
	CLEAR,
	CLIENT_ONLY,
	SERVER_ONLY,
	APART,   /* both, with two certificates */
	THROUGH, /* both, with the same */
};

static void
begin_pass(struct fixture *f, enum legs legs)
{
	load(f, AUTH_PASS);
	login_begin(f->s);
	begin_auth(f);
	if (legs == CLIENT_ONLY || legs >= APART)
		secure_client(f);
	if (legs == THROUGH)
		secure_server(f, "server");
	else if (legs == SERVER_ONLY || legs == APART)
		secure_server(f, "another");
}

static void
again(void **state)
{
	teardown(state);
	setup(state);
}

static void
login_begin_dials_where_the_server_checks(void **state)
{
	struct fixture *f = *state;

	load(f, AUTH_PASS);
	login_begin(f->s);
	begin_auth(f);
	assert_int_equal(hear_client(f).len, 0);
}

static void
login_answer_takes_plus_off_the_list_for_a_client_in_clear(void **state)
{
	static const char without[] = "R\0\0\0\x17\0\0\0\x0a" SCRAM "\0";
	struct fixture *f = *state;
	enum legs legs;

	for (legs = CLEAR; legs <= SERVER_ONLY; legs += 2) {
		f = *state;
		begin_pass(f, legs);
		assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH),
				 LOGIN_TAKE);
		assert_span_equal(hear_client(f),
				  bytes(without, sizeof(without)));
		assert_int_equal(f->s->state, SESSION_AUTH);
		assert_int_equal(choose(f, SCRAM, "n,,n=,r=x"), LOGIN_PASS);
		again(state);
	}
}

static void
login_answer_leaves_a_list_without_plus_alone(void **state)
{
	enum legs legs;

	for (legs = CLEAR; legs <= THROUGH; legs++) {
		struct fixture *f = *state;

		begin_pass(f, legs);
		assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
				 LOGIN_PASS);
		assert_int_equal(choose(f, SCRAM, "y,,n=,r=x"), LOGIN_PASS);
		assert_int_equal(hear_client(f).len, 0);
		again(state);
	}
}

static void
login_judge_lets_a_client_bind_to_the_servers_own_certificate(void **state)
{
	static const char *const choices[][2] = {{PLUS, "p=tls-server-end-"
							"point,,n=,r=x"},
						 {SCRAM, "n,,n=,r=x"}};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct fixture *f = *state;

		begin_pass(f, THROUGH);
		assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH),
				 LOGIN_PASS);
		assert_int_equal(choose(f, choices[i][0], choices[i][1]),
				 LOGIN_PASS);
		assert_int_equal(f->s->state, SESSION_AUTH);
		again(state);
	}
}

static void
login_judge_tells_a_client_that_it_cannot_bind(void **state)
{
	static const char *const choices[][2] = {
	    {PLUS, "p=tls-server-end-point,,n=,r=x"}, {SCRAM, "y,,n=,r=x"}};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct fixture *f = *state;

		begin_pass(f, APART);
		assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH),
				 LOGIN_PASS);
		assert_int_equal(choose(f, choices[i][0], choices[i][1]),
				 LOGIN_TAKE);
		assert_closed(f, CLOSE_BINDING, "channel_binding=disable");
		again(state);
	}
}

static void
login_judge_lets_a_client_pass_that_does_not_bind(void **state)
{
	struct fixture *f = *state;

	begin_pass(f, APART);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_PASS);
	assert_int_equal(choose(f, SCRAM, "n,,n=,r=x"), LOGIN_PASS);
	assert_int_equal(f->s->state, SESSION_AUTH);
	/* The rest is not looked at. */
	assert_int_equal(choose(f, PLUS, "p=x"), LOGIN_PASS);
}

static void
login_judge_waits_for_the_whole_choice(void **state)
{
	struct fixture *f = *state;
	struct writer w = {0};
	size_t len;

	begin_pass(f, APART);
	sasl_initial_response_write(&w, PLUS, text_of("p=x,,n=,r=x"));
	assert_int_equal(judge(f, span_of(w.data, FRAME_HEADER_BYTES)),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_PASS);
	for (len = FRAME_HEADER_BYTES; len < w.len; len++) {
		struct span part = bytes_copy(span_of(w.data, len));

		assert_int_equal(judge(f, part), LOGIN_WAIT);
		bytes_free(part);
	}
	assert_int_equal(judge(f, bytes("X\0\0\0\4", 5)), LOGIN_PASS);
	assert_int_equal(judge(f, span_of(w.data, w.len)), LOGIN_TAKE);
	assert_session_closed(f->f, CLOSE_BINDING);
	writer_clear(&w);
}

static void
login_judge_leaves_to_the_server_what_is_malformed(void **state)
{
	struct fixture *f = *state;

	begin_pass(f, APART);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_PASS);
	assert_int_equal(judge(f, bytes("p\0\0\0\5x", 6)), LOGIN_PASS);
	/* It has chosen nothing yet. */
	assert_int_equal(choose(f, PLUS, "p=x"), LOGIN_TAKE);
}

static void
login_answer_passes_what_else_the_server_asks(void **state)
{
	struct fixture *f = *state;

	begin_pass(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_MD5_PASSWORD, "salt", 4),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_CLEARTEXT_PASSWORD, "", 0),
			 LOGIN_PASS);
	assert_int_equal(answer(f, 4711, "", 0), LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_SASL_CONTINUE, "x", 1),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_SASL_FINAL, "x", 1),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_PASS);
	assert_int_equal(answer_frame(f, bytes("S\0\0\0\x08"
					       "a\0b",
					       9)),
			 LOGIN_PASS);
	assert_int_equal(hear_client(f).len, 0);
}

static void
login_answer_refuses_a_malformed_authentication(void **state)
{
	struct fixture *f = *state;

	begin_pass(f, CLEAR);
	assert_int_equal(answer_frame(f, bytes("R\0\0\0\7\0\0\0", 8)),
			 LOGIN_TAKE);
	assert_closed(f, CLOSE_SERVER_BAD, "08P01");
}

/* channel_binding=require, auth = pass */

static void
begin_bound(struct fixture *f, enum legs legs)
{
	f->f->config.upstream_tls.channel_binding = CHANNEL_BINDING_REQUIRE;
	begin_pass(f, legs);
}

#define UNBOUND                                                                \
	"channel binding required by upstream, but not used for this login"

static void
login_answer_refuses_what_cannot_bind_where_that_is_required(void **state)
{
	enum legs legs;

	for (legs = CLEAR; legs < THROUGH; legs++) {
		struct fixture *f = *state;

		begin_bound(f, legs);
		assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH),
				 LOGIN_TAKE);
		assert_closed(f, CLOSE_BINDING, UNBOUND);
		again(state);
	}
	begin_bound(*state, THROUGH);
	assert_int_equal(answer(*state, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_closed(*state, CLOSE_BINDING, UNBOUND);
}

static void
login_answer_refuses_other_methods_where_binding_is_required(void **state)
{
	static const uint32_t codes[] = {
	    AUTHENTICATION_OK, AUTHENTICATION_CLEARTEXT_PASSWORD,
	    AUTHENTICATION_MD5_PASSWORD, AUTHENTICATION_GSS, 4711};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct fixture *f = *state;

		begin_bound(f, THROUGH);
		assert_int_equal(answer(f, codes[i], "", 0), LOGIN_TAKE);
		assert_closed(f, CLOSE_BINDING, UNBOUND);
		again(state);
	}
}

static void
login_passes_a_client_that_binds_where_that_is_required(void **state)
{
	struct fixture *f = *state;

	begin_bound(f, THROUGH);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_PASS);
	assert_int_equal(choose(f, PLUS, "p=tls-server-end-point,,n=,r=x"),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_SASL_CONTINUE, "x", 1),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_SASL_FINAL, "x", 1),
			 LOGIN_PASS);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_PASS);
}

static void
login_judge_refuses_a_client_that_does_not_bind_where_it_must(void **state)
{
	struct fixture *f = *state;

	begin_bound(f, THROUGH);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_PASS);
	assert_int_equal(choose(f, SCRAM, "n,,n=,r=x"), LOGIN_TAKE);
	assert_closed(f, CLOSE_BINDING, UNBOUND);
}

/* auth = scram: the client */

static void
begin_scram(struct fixture *f, enum legs legs)
{
	load(f, AUTH_SCRAM);
	if (legs != CLEAR)
		secure_client(f);
	login_begin(f->s);
}

/* An Authentication message to the client.  False: it is another one. */
static bool
hear_authentication(struct fixture *f, uint32_t code, struct span *data)
{
	struct span said = hear_client(f);
	struct authentication a;
	struct frame frame;

	assert_int_equal(frame_next(&frame, &said, sizeof(f->data)), FRAME_OK);
	if (frame.type != BACKEND_AUTHENTICATION)
		return false;
	assert_true(authentication_decode(&a, frame.body));
	assert_int_equal(a.code, code);
	*data = a.data;
	return true;
}

static void
say_first(struct fixture *f, const char *mechanism, struct scram_client *c)
{
	struct writer text = {0};
	struct writer w = {0};

	assert_true(scram_client_first(c, &text));
	sasl_initial_response_write(&w, mechanism,
				    span_of(text.data, text.len));
	writer_clear(&text);
	say(f, &w);
}

/* True: the client is let in, and has been shown the server's proof. */
static bool
exchange_with(struct fixture *f, const char *mechanism, struct scram_client *c)
{
	struct writer text = {0};
	struct writer w = {0};
	struct span data;

	say_first(f, mechanism, c);
	if (!hear_authentication(f, AUTHENTICATION_SASL_CONTINUE, &data))
		return false;
	assert_int_equal(scram_client_step(c, data, &text), SCRAM_CONTINUE);
	sasl_response_write(&w, span_of(text.data, text.len));
	writer_clear(&text);
	say(f, &w);
	if (f->s->state == SESSION_CLOSING)
		return false;
	assert_true(hear_authentication(f, AUTHENTICATION_SASL_FINAL, &data));
	assert_int_equal(scram_client_step(c, data, &text), SCRAM_DONE);
	writer_clear(&text);
	return true;
}

static void
assert_offered(struct fixture *f, const char *list, size_t len)
{
	struct span data;

	assert_int_equal(f->s->state, SESSION_SASL);
	assert_true(hear_authentication(f, AUTHENTICATION_SASL, &data));
	assert_span_equal(data, span_of(list, len));
}

/* Up to the dialling, in clear or bound to the certificate. */
static void
let_client_in(struct fixture *f, enum legs legs)
{
	struct scram_secret secret = pencil();
	struct span binding = no_binding();
	struct scram_client *c;
	bool is_plus = legs != CLEAR;

	begin_scram(f, legs);
	if (is_plus) {
		assert_offered(f, BOTH);
		binding = f->s->credentials->binding;
	} else {
		assert_offered(f, ONLY_SCRAM);
	}
	c = client_of(&secret, binding, false);
	assert_true(exchange_with(f, is_plus ? PLUS : SCRAM, c));
	scram_client_free(c);
	begin_auth(f);
}

static void
login_lets_a_client_in_that_knows_its_password(void **state)
{
	struct scram_secret secret = pencil();

	let_client_in(*state, CLEAR);
	assert_memory_equal(((struct fixture *)*state)->s->login->client_key,
			    secret.client_key, SCRAM_KEY_BYTES);
	again(state);
	let_client_in(*state, CLIENT_ONLY);
}

static void
assert_password_refused(struct fixture *f, const char *password)
{
	struct scram_secret secret =
	    scram_secret_of_text(password, PENCIL_SALT, 4096);
	struct scram_client *c = client_of(&secret, no_binding(), false);

	begin_scram(f, CLEAR);
	assert_offered(f, ONLY_SCRAM);
	assert_false(exchange_with(f, SCRAM, c));
	assert_closed(f, CLOSE_PASSWORD,
		      "password authentication failed for user \"");
	scram_client_free(c);
}

static void
login_refuses_a_wrong_password(void **state)
{
	assert_password_refused(*state, "pencils");
}

/* Its salt is made up, and only the last answer refuses it. */
static void
login_refuses_a_role_that_is_not_known_in_the_same_way(void **state)
{
	struct fixture *f = *state;
	struct span data;

	memcpy(f->s->user, "nobody", 7);
	begin_scram(f, CLEAR);
	assert_offered(f, ONLY_SCRAM);
	say_bytes(f,
		  "p\0\0\0\x24" SCRAM "\0\0\0\0\x0e"
		  "n,,n=,r=abcdef",
		  37);
	assert_true(
	    hear_authentication(f, AUTHENTICATION_SASL_CONTINUE, &data));
	assert_int_equal(f->s->state, SESSION_SASL);
	assert_memory_equal(data.data, "r=abcdef", 8);
}

static void
login_refuses_a_client_whose_binding_is_another(void **state)
{
	struct fixture *f = *state;
	struct scram_secret secret = pencil();
	struct scram_client *c =
	    client_of(&secret, bytes("another certificate's hash", 26), false);

	begin_scram(f, CLIENT_ONLY);
	assert_offered(f, BOTH);
	assert_false(exchange_with(f, PLUS, c));
	assert_closed(f, CLOSE_BINDING, "SCRAM channel binding check failed");
	scram_client_free(c);
}

/* Somebody in between took PLUS off the list. */
static void
login_refuses_a_client_that_was_told_there_is_no_plus(void **state)
{
	struct fixture *f = *state;
	struct scram_secret secret = pencil();
	struct scram_client *c = client_of(&secret, no_binding(), true);

	begin_scram(f, CLIENT_ONLY);
	assert_offered(f, BOTH);
	assert_false(exchange_with(f, SCRAM, c));
	assert_closed(f, CLOSE_BINDING, "SCRAM channel binding check failed");
	scram_client_free(c);
}

static void
login_takes_answers_in_pieces(void **state)
{
	struct fixture *f = *state;
	struct scram_secret secret = pencil();
	struct scram_client *c = client_of(&secret, no_binding(), false);
	struct writer text = {0};
	struct writer w = {0};
	struct span data;
	size_t i;

	begin_scram(f, CLEAR);
	assert_offered(f, ONLY_SCRAM);
	assert_true(scram_client_first(c, &text));
	sasl_initial_response_write(&w, SCRAM, span_of(text.data, text.len));
	for (i = 0; i < w.len; i++) {
		assert_int_equal(hear_client(f).len, 0);
		say_bytes(f, (const char *)w.data + i, 1);
	}
	assert_true(
	    hear_authentication(f, AUTHENTICATION_SASL_CONTINUE, &data));
	writer_clear(&text);
	writer_clear(&w);
	scram_client_free(c);
}

static const struct {
	const char *data;
	size_t len;
	enum close_reason reason;
} strays[] = {
    {"X\0\0\0\4", 5, CLOSE_CLIENT_LEFT},
    {"Q\0\0\0\5\0", 6, CLOSE_CLIENT_BAD},
    {"p\0\0\0\3", 5, CLOSE_CLIENT_BAD},
    {"p\x7f\0\0\0", 5, CLOSE_CLIENT_BAD},
    {"p\0\0\0\4", 5, CLOSE_CLIENT_BAD},
    {"p\0\0\0\5\0", 6, CLOSE_CLIENT_BAD},
    {"p\0\0\0\x0d"
     "OTHER\0\0\0\0\0",
     15, CLOSE_CLIENT_BAD},
    {"p\0\0\0\x16" SCRAM "\0\xff\xff\xff\xff", 23, CLOSE_CLIENT_BAD},
    {"p\0\0\0\x17" SCRAM "\0\0\0\0\1x", 24, CLOSE_CLIENT_BAD},
    {"p\0\0\0\x25" PLUS "\0\0\0\0\x0a"
     "n,,n=,r=ab",
     38, CLOSE_CLIENT_BAD},
};

static void
login_refuses_what_is_no_answer(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
		struct fixture *f = *state;

		begin_scram(f, CLEAR);
		assert_offered(f, ONLY_SCRAM);
		say_bytes(f, strays[i].data, strays[i].len);
		if (f->s->state != SESSION_CLOSING)
			fail_msg("message %zu", i);
		assert_session_closed(f->f, strays[i].reason);
		again(state);
	}
}

static void
login_ends_with_a_client_that_leaves(void **state)
{
	struct fixture *f = *state;

	begin_scram(f, CLEAR);
	shutdown(f->f->client, SHUT_WR);
	login_readable(f->s);
	assert_session_closed(f->f, CLOSE_CLIENT_LEFT);
}

/* Some clients do not wait for the list. */
static void
login_begin_takes_what_was_said_with_the_startup_packet(void **state)
{
	static const char first[] = "p\0\0\0\x20" SCRAM "\0\0\0\0\x0a"
				    "n,,n=,r=ab";
	struct fixture *f = *state;
	struct span said;
	struct frame frame;
	struct authentication a;

	assert_true(
	    buffer_append(&f->s->from_client.buffer, first, sizeof(first) - 1));
	begin_scram(f, CLEAR);
	assert_int_equal(f->s->from_client.buffer.len, 0);
	said = hear_client(f);
	assert_int_equal(frame_next(&frame, &said, said.len), FRAME_OK);
	assert_int_equal(frame_next(&frame, &said, said.len), FRAME_OK);
	assert_true(authentication_decode(&a, frame.body));
	assert_int_equal(a.code, AUTHENTICATION_SASL_CONTINUE);
	assert_memory_equal(a.data.data, "r=ab", 4);
}

static void
login_judge_refuses_an_answer_that_nothing_asked_for(void **state)
{
	struct fixture *f = *state;

	let_client_in(f, CLEAR);
	assert_int_equal(judge(f, bytes("X\0\0\0\4", 5)), LOGIN_PASS);
	assert_int_equal(choose(f, SCRAM, "n,,n=,r=x"), LOGIN_TAKE);
	assert_closed(f, CLOSE_CLIENT_BAD, "08P01");
}

/* auth = scram: the server */

/* What we have answered, without its frame. */
static struct span
hear_response(struct fixture *f)
{
	struct span said = hear_server(f);
	struct frame frame;

	assert_int_equal(frame_next(&frame, &said, sizeof(f->data)), FRAME_OK);
	assert_int_equal(frame.type, FRONTEND_PASSWORD);
	return frame.body;
}

/* The server's side up to its last word, which is not said yet. */
static void
serve(struct fixture *f, struct scram_server *server, bool is_plus,
      struct writer *last)
{
	struct sasl_initial_response first;
	struct writer text = {0};

	if (is_plus)
		assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH),
				 LOGIN_TAKE);
	else
		assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
				 LOGIN_TAKE);
	assert_true(sasl_initial_response_decode(&first, hear_response(f)));
	assert_true(span_equals(first.mechanism, is_plus ? PLUS : SCRAM));
	assert_int_equal(scram_server_step(server, is_plus, first.data, &text),
			 SCRAM_CONTINUE);
	assert_int_equal(
	    answer(f, AUTHENTICATION_SASL_CONTINUE, text.data, text.len),
	    LOGIN_TAKE);
	writer_clear(&text);
	assert_int_equal(
	    scram_server_step(server, is_plus, hear_response(f), last),
	    SCRAM_DONE);
}

static void
log_in(struct fixture *f, struct scram_server *server, bool is_plus)
{
	struct writer last = {0};

	serve(f, server, is_plus, &last);
	assert_int_equal(
	    answer(f, AUTHENTICATION_SASL_FINAL, last.data, last.len),
	    LOGIN_TAKE);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_PASS);
	assert_int_equal(f->s->state, SESSION_AUTH);
	assert_int_equal(hear_client(f).len, 0);
	writer_clear(&last);
	scram_server_free(server);
}

static void
login_logs_in_to_the_server_for_the_client(void **state)
{
	struct scram_secret secret = pencil();

	let_client_in(*state, CLEAR);
	log_in(*state, server_of(&secret.verifier, no_binding()), false);
}

static void
login_binds_to_the_servers_certificate(void **state)
{
	struct scram_secret secret = pencil();
	struct fixture *f = *state;
	uint8_t binding[TLS_BINDING_MAX];
	size_t len;

	let_client_in(f, CLIENT_ONLY);
	secure_server(f, "another");
	len = tls_peer_binding(f->s->server.tls, binding);
	assert_int_equal(len, 32);
	log_in(f, server_of(&secret.verifier, span_of(binding, len)), true);
}

static void
login_does_not_bind_where_that_is_disabled(void **state)
{
	struct sasl_initial_response first;
	struct fixture *f = *state;

	f->f->config.upstream_tls.channel_binding = CHANNEL_BINDING_DISABLE;
	let_client_in(f, CLEAR);
	secure_server(f, "another");
	assert_int_equal(answer(f, AUTHENTICATION_SASL, BOTH), LOGIN_TAKE);
	assert_true(sasl_initial_response_decode(&first, hear_response(f)));
	assert_true(span_equals(first.mechanism, SCRAM));
	assert_int_equal(first.data.data[0], 'n');
}

/* So that a server which did offer it notices. */
static void
login_tells_the_server_that_it_could_have_bound(void **state)
{
	struct sasl_initial_response first;
	struct fixture *f = *state;

	let_client_in(f, CLEAR);
	secure_server(f, "another");
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_true(sasl_initial_response_decode(&first, hear_response(f)));
	assert_int_equal(first.data.data[0], 'y');
}

static void
login_refuses_a_server_that_cannot_bind_where_it_must(void **state)
{
	struct fixture *f = *state;

	f->f->config.upstream_tls.channel_binding = CHANNEL_BINDING_REQUIRE;
	let_client_in(f, CLEAR);
	secure_server(f, "another");
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_closed(f, CLOSE_BINDING, UNBOUND);
	again(state);
	f = *state;
	f->f->config.upstream_tls.channel_binding = CHANNEL_BINDING_REQUIRE;
	let_client_in(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_TAKE);
	assert_closed(f, CLOSE_BINDING, UNBOUND);
}

static void
login_passes_a_server_that_asks_for_nothing(void **state)
{
	struct fixture *f = *state;

	let_client_in(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_PASS);
	assert_int_equal(f->s->state, SESSION_AUTH);
}

static void
login_refuses_a_server_that_asks_for_something_else(void **state)
{
	static const uint32_t codes[] = {AUTHENTICATION_CLEARTEXT_PASSWORD,
					 AUTHENTICATION_MD5_PASSWORD,
					 AUTHENTICATION_GSS, 4711};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct fixture *f = *state;

		let_client_in(f, CLEAR);
		assert_int_equal(answer(f, codes[i], "salt", 4), LOGIN_TAKE);
		assert_closed(f, CLOSE_UPSTREAM_LOGIN,
			      "another authentication than SCRAM-SHA-256");
		again(state);
	}
	let_client_in(*state, CLEAR);
	assert_int_equal(answer(*state, AUTHENTICATION_SASL, LIST("OTHER")),
			 LOGIN_TAKE);
	assert_session_closed(((struct fixture *)*state)->f,
			      CLOSE_UPSTREAM_LOGIN);
}

static void
login_refuses_a_server_whose_verifier_is_another(void **state)
{
	struct fixture *f = *state;
	char first[256];
	struct span text;
	int len;

	let_client_in(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	text = hear_response(f); /* SCRAM-SHA-256, length, "n,,n=,r=..." */
	text.data += sizeof(SCRAM) + 4 + 6;
	text.len -= sizeof(SCRAM) + 4 + 6;
	len = snprintf(first, sizeof(first), "%.*sx,s=AAAA,i=4096",
		       (int)text.len, (const char *)text.data);
	assert_int_equal(
	    answer(f, AUTHENTICATION_SASL_CONTINUE, first, (size_t)len),
	    LOGIN_TAKE);
	assert_closed(f, CLOSE_UPSTREAM_LOGIN, "SIGHUP");
}

/* Somebody who only plays the server. */
static void
login_refuses_a_server_that_does_not_prove_itself(void **state)
{
	static const char wrong[] =
	    "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct scram_secret secret = pencil();
	struct fixture *f = *state;
	struct scram_server *server = server_of(&secret.verifier, no_binding());
	struct writer last = {0};

	let_client_in(f, CLEAR);
	serve(f, server, false, &last);
	assert_int_equal(
	    answer(f, AUTHENTICATION_SASL_FINAL, wrong, sizeof(wrong) - 1),
	    LOGIN_TAKE);
	assert_closed(f, CLOSE_UPSTREAM_LOGIN, "did not prove");
	writer_clear(&last);
	scram_server_free(server);
	again(state);
	f = *state;
	server = server_of(&secret.verifier, no_binding());
	let_client_in(f, CLEAR);
	serve(f, server, false, &last);
	assert_int_equal(answer(f, AUTHENTICATION_OK, "", 0), LOGIN_TAKE);
	assert_closed(f, CLOSE_UPSTREAM_LOGIN, "did not prove");
	writer_clear(&last);
	scram_server_free(server);
}

static void
login_refuses_a_server_out_of_turn(void **state)
{
	struct fixture *f = *state;

	let_client_in(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_SASL_CONTINUE, "r=x", 3),
			 LOGIN_TAKE);
	assert_session_closed(f->f, CLOSE_SERVER_BAD);
	again(state);
	f = *state;
	let_client_in(f, CLEAR);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_session_closed(f->f, CLOSE_UPSTREAM_LOGIN);
}

/* The other way */

#define REFUSAL                                                                \
	"E\0\0\0\x0f"                                                          \
	"C28000\0M1\0\0"

static void
login_answer_tries_the_other_way_once(void **state)
{
	static const struct {
		enum tls_mode mode;
		enum legs legs;
		bool retries;
	} cases[] = {
	    {TLS_PREFER, SERVER_ONLY, true}, {TLS_PREFER, CLEAR, false},
	    {TLS_ALLOW, CLEAR, true},        {TLS_ALLOW, SERVER_ONLY, false},
	    {TLS_REQUIRE, CLEAR, false},     {TLS_REQUIRE, SERVER_ONLY, false},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = *state;
		struct span refusal = bytes(REFUSAL, sizeof(REFUSAL) - 1);

		f->f->config.upstream_tls.mode = cases[i].mode;
		begin_pass(f, cases[i].legs);
		if (cases[i].retries) {
			assert_int_equal(answer_frame(f, refusal), LOGIN_TAKE);
			assert_int_equal(f->s->state, SESSION_DIALING);
			assert_false(stream_is_open(&f->s->server));
			assert_int_equal(hear_client(f).len, 0);
			assert_true(login_tell_refusal(f->s));
			assert_span_equal(hear_client(f), refusal);
		} else {
			assert_int_equal(answer_frame(f, refusal), LOGIN_PASS);
			assert_int_equal(f->s->state, SESSION_AUTH);
			assert_false(login_tell_refusal(f->s));
		}
		again(state);
	}
}

static void
login_answer_does_not_try_again_once_the_server_has_asked(void **state)
{
	struct span refusal = bytes(REFUSAL, sizeof(REFUSAL) - 1);
	struct fixture *f = *state;

	f->f->config.upstream_tls.mode = TLS_PREFER;
	begin_pass(f, SERVER_ONLY);
	assert_int_equal(answer(f, AUTHENTICATION_MD5_PASSWORD, "salt", 4),
			 LOGIN_PASS);
	assert_int_equal(answer_frame(f, refusal), LOGIN_PASS);
	again(state);
	f = *state;
	f->f->config.upstream_tls.mode = TLS_ALLOW;
	begin_pass(f, CLEAR);
	f->s->server_address.address.ss_family = AF_UNIX;
	assert_int_equal(answer_frame(f, refusal), LOGIN_PASS);
}

/* Memory */

static void
login_begin_without_memory_closes(void **state)
{
	unsigned allowed;

	for (allowed = 0;; allowed++) {
		struct fixture *f = *state;
		bool has_failed;

		load(f, AUTH_SCRAM);
		allocation_fail_after(allowed);
		login_begin(f->s);
		has_failed = allocation_restore();
		if (!has_failed)
			break;
		assert_session_closed(f->f, CLOSE_MEMORY);
		again(state);
	}
	assert_true(allowed > 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(login_begin_dials_where_the_server_checks),
	    TEST(login_answer_takes_plus_off_the_list_for_a_client_in_clear),
	    TEST(login_answer_leaves_a_list_without_plus_alone),
	    TEST(login_judge_lets_a_client_bind_to_the_servers_own_certificate),
	    TEST(login_judge_tells_a_client_that_it_cannot_bind),
	    TEST(login_judge_lets_a_client_pass_that_does_not_bind),
	    TEST(login_judge_waits_for_the_whole_choice),
	    TEST(login_judge_leaves_to_the_server_what_is_malformed),
	    TEST(login_answer_passes_what_else_the_server_asks),
	    TEST(login_answer_refuses_a_malformed_authentication),
	    TEST(login_answer_refuses_what_cannot_bind_where_that_is_required),
	    TEST(login_answer_refuses_other_methods_where_binding_is_required),
	    TEST(login_passes_a_client_that_binds_where_that_is_required),
	    TEST(login_judge_refuses_a_client_that_does_not_bind_where_it_must),
	    TEST(login_lets_a_client_in_that_knows_its_password),
	    TEST(login_refuses_a_wrong_password),
	    TEST(login_refuses_a_role_that_is_not_known_in_the_same_way),
	    TEST(login_refuses_a_client_whose_binding_is_another),
	    TEST(login_refuses_a_client_that_was_told_there_is_no_plus),
	    TEST(login_takes_answers_in_pieces),
	    TEST(login_refuses_what_is_no_answer),
	    TEST(login_ends_with_a_client_that_leaves),
	    TEST(login_begin_takes_what_was_said_with_the_startup_packet),
	    TEST(login_judge_refuses_an_answer_that_nothing_asked_for),
	    TEST(login_logs_in_to_the_server_for_the_client),
	    TEST(login_binds_to_the_servers_certificate),
	    TEST(login_does_not_bind_where_that_is_disabled),
	    TEST(login_tells_the_server_that_it_could_have_bound),
	    TEST(login_refuses_a_server_that_cannot_bind_where_it_must),
	    TEST(login_passes_a_server_that_asks_for_nothing),
	    TEST(login_refuses_a_server_that_asks_for_something_else),
	    TEST(login_refuses_a_server_whose_verifier_is_another),
	    TEST(login_refuses_a_server_that_does_not_prove_itself),
	    TEST(login_refuses_a_server_out_of_turn),
	    TEST(login_answer_tries_the_other_way_once),
	    TEST(login_answer_does_not_try_again_once_the_server_has_asked),
	    TEST(login_begin_without_memory_closes),
	};

	return cmocka_run_group_tests_name("proxy/login", tests, enter_folder,
					   certificates_leave_folder);
}
