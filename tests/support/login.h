/*
 * login.h - a session that is to be logged in, whose client and server are
 * the test; by TLS where a test says so, with handshakes that are over.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_LOGIN_H
#define LOCKSTEP_TESTS_SUPPORT_LOGIN_H

#include <stdio.h>

#include "protocol/types.h"
#include "proxy/auth/credentials.h"
#include "proxy/session/login_state.h"
#include "proxy/session/session_state.h"
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

static inline int
enter_folder(void **state)
{
	const struct certificate_plan other = {.cn = "db.test"};

	if (certificates_enter_folder(state) != 0)
		return -1;
	certificate_issue("another", &other, NULL);
	certificate_write_text("roles", "\"user\" \"" PENCIL_VERIFIER "\"\n");
	return 0;
}

static inline void
load(struct fixture *f, enum auth_method auth)
{
	struct config *c = &f->f->config;

	c->auth = auth;
	c->auth_file = "roles";
	f->s->credentials = credentials_load(&f->f->generation, stderr);
	assert_non_null(f->s->credentials);
}

static inline int
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
	f->s->pair.is_logged_in = false;
	f->s->pair.server_address.address.ss_family = AF_INET;
	memcpy(f->s->pair.user, "user", 5);
	f->f->sessions.handshaker.base = f->f->base;
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

static inline int
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

static inline void
pass(struct tls *from, struct tls *to)
{
	struct buffer *out = tls_output(from);

	assert_true(tls_feed(to, buffer_span(out)));
	buffer_clear(out);
}

/* The test's side of a connection that is the stream's now. */
static inline struct tls *
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

static inline void
secure_client(struct fixture *f)
{
	const struct tls_settings s = {.mode = TLS_REQUIRE};
	struct tls_context *tests = handshaker_client_context(&s);

	f->client =
	    secure(&f->s->pair.client, f->s->credentials->clients, tests);
	tls_context_release(tests);
}

/* name: of the server's certificate. */
static inline void
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
	f->server =
	    secure(&f->s->pair.server, f->s->credentials->server, tests);
	tls_context_release(tests);
}

/* What the session has said: valid until the next. */
static inline struct span
hear(struct fixture *f, int fd, struct tls *tls)
{
	struct span said = session_fixture_read(f->f, fd);
	ssize_t n;

	if (tls == NULL)
		return said;
	n = tls_read(tls, said, f->data, sizeof(f->data));
	return span_of(f->data, n > 0 ? (size_t)n : 0);
}

static inline struct span
hear_client(struct fixture *f)
{
	struct span said = hear(f, f->f->client, f->client);

	if (said.len > 0)
		f->last = said;
	return said;
}

/* What the client says; the writer is forgotten. */
static inline void
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
	if (pair_is_closing(&f->s->pair))
		session_finish_event(f->s);
}

static inline void
assert_closed(struct fixture *f, enum close_reason reason, const char *words)
{
	assert_session_closes(f->f, reason);
	session_finish_event(f->s);
	(void)hear_client(f);
	assert_non_null(
	    memmem(f->last.data, f->last.len, words, strlen(words)));
}

/* A server has been dialled, the last there is, and answers. */
static inline void
begin_auth(struct fixture *f)
{
	const struct dial_target target = {.timeout_ms = 60000};

	assert_int_equal(f->s->state, SESSION_DIALING);
	assert_non_null(f->s->dial);
	dial_cancel(f->s->dial);
	f->s->dial = dial_start_address(&f->f->sessions.handshaker, &target,
					&f->s->pair.server_address,
					session_dialed, f->s);
	assert_non_null(f->s->dial);
	session_enter(f->s, SESSION_AUTH);
}

static inline enum login_verdict
answer_frame(struct fixture *f, struct span raw)
{
	struct frame frame;
	struct span in = raw;

	assert_int_equal(frame_next(&frame, &in, 65536), FRAME_OK);
	return login_answer(f->s, frame, in);
}

static inline enum login_verdict
answer(struct fixture *f, uint32_t code, const void *data, size_t len)
{
	struct writer w = {0};
	enum login_verdict verdict;

	authentication_write(&w, code, span_of(data, len));
	verdict = answer_frame(f, span_of(w.data, w.len));
	writer_clear(&w);
	return verdict;
}

static inline bool
judge(struct fixture *f, struct span in)
{
	struct frame_header h;

	assert_int_equal(frame_peek(&h, in), FRAME_OK);
	return login_judge(f->s, &h, in);
}

static inline bool
choose(struct fixture *f, const char *mechanism, const char *data)
{
	struct writer w = {0};
	bool may_pass;

	sasl_initial_response_write(&w, mechanism, text_of(data));
	may_pass = judge(f, span_of(w.data, w.len));
	writer_clear(&w);
	return may_pass;
}

/* Which legs are by TLS, and the server's certificate. */
enum legs {
	CLEAR,
	CLIENT_ONLY,
	SERVER_ONLY,
	APART,   /* both, with two certificates */
	THROUGH, /* both, with the same */
};

static inline void
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

static inline void
again(void **state)
{
	teardown(state);
	setup(state);
}

#define UNBOUND                                                                \
	"channel binding required by upstream, but not used for this login"

static inline void
begin_scram(struct fixture *f, enum legs legs)
{
	load(f, AUTH_SCRAM);
	if (legs != CLEAR)
		secure_client(f);
	login_begin(f->s);
}

/* An Authentication message to the client.  False: it is another one. */
static inline bool
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

static inline void
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
static inline bool
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
	if (pair_is_closing(&f->s->pair))
		return false;
	assert_true(hear_authentication(f, AUTHENTICATION_SASL_FINAL, &data));
	assert_int_equal(scram_client_step(c, data, &text), SCRAM_DONE);
	writer_clear(&text);
	return true;
}

static inline void
assert_offered(struct fixture *f, const char *list, size_t len)
{
	struct span data;

	assert_int_equal(f->s->state, SESSION_SASL);
	assert_true(hear_authentication(f, AUTHENTICATION_SASL, &data));
	assert_span_equal(data, span_of(list, len));
}

/* Up to the dialling, in clear or bound to the certificate. */
static inline void
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

#endif
