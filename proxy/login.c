/*
 * login.c - from the startup packet to the first ReadyForQuery.
 *
 * auth = pass: the server asks and the client answers; neither is listened to,
 * but for the choice of a SASL mechanism.  What SCRAM-SHA-256-PLUS binds to is
 * the certificate that the client sees, and the server compares it with its
 * own:
 *
 *   client in clear                  PLUS is taken off the server's list
 *   client by TLS, the server's own
 *   certificate is ours              passes
 *   client by TLS, another one       a client that can bind is told why it
 *                                    cannot log in; others are let through
 *
 * auth = scram: we are the server that the client talks to, by the role's
 * verifier (SASL), and then the client that the server talks to, with the
 * ClientKey that the client has proved to know (AUTH).
 */
#include "proxy/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/authentication.h"
#include "protocol/scram.h"
#include "proxy/credentials.h"
#include "proxy/scram.h"
#include "proxy/session.h"
#include "proxy/session_state.h"

enum {
	READ_BYTES = 2048,
	/* PG_MAX_AUTH_TOKEN_LENGTH, and the length itself */
	ANSWER_MAX = 65535 + 4,
};

struct login {
	struct scram_server *of_client;
	struct scram_client *to_server;
	/* NULL: the role is not in the file.  Borrowed of the credentials. */
	const struct scram_verifier *verifier;
	uint8_t client_key[SCRAM_KEY_BYTES];
	bool has_begun;        /* the client has chosen a mechanism */
	bool is_plus;          /* and it was PLUS */
	bool is_proved;        /* by the server, that it knows the verifier */
	bool awaits_choice;    /* of a mechanism, which is then looked at */
	bool has_retried;      /* with or without TLS */
	bool has_answer;       /* of the server's, to the startup packet */
	struct buffer refusal; /* the server's, of the first try */
};

void
login_free(struct login *l)
{
	if (l == NULL)
		return;
	scram_server_free(l->of_client);
	scram_client_free(l->to_server);
	explicit_bzero(l->client_key, sizeof(l->client_key));
	buffer_clear(&l->refusal);
	free(l);
}

static const struct tls_settings *
upstream_tls(const struct session *s)
{
	return &session_config(s)->upstream_tls;
}

static bool
must_bind(const struct session *s)
{
	return upstream_tls(s)->channel_binding == CHANNEL_BINDING_REQUIRE;
}

/* Send what the writer holds, and forget it. */
static bool
send_and_clear(struct session *s, struct writer *w,
	       bool (*send)(struct session *s, const void *data, size_t len))
{
	bool is_sent = false;

	if (w->failed)
		session_close(s, CLOSE_MEMORY, NULL);
	else
		is_sent = send(s, w->data, w->len);
	if (w->len > 0)
		explicit_bzero(w->data, w->len);
	writer_clear(w);
	return is_sent;
}

/* The client's side: SASL */

static void
refuse_password(struct session *s)
{
	char message[128];

	snprintf(message, sizeof(message),
		 "password authentication failed for user \"%s\"", s->user);
	session_close_saying(s, CLOSE_PASSWORD, message, NULL, NULL);
}

static void
refuse_client(struct session *s, enum scram_status status)
{
	switch (status) {
	case SCRAM_NO_BINDING:
		session_close_saying(
		    s, CLOSE_BINDING, "SCRAM channel binding check failed",
		    "What the client has bound to, or was offered, is not "
		    "what Lockstep has shown and said.",
		    NULL);
		return;
	case SCRAM_BAD:
		session_close(s, CLOSE_CLIENT_BAD, "malformed SCRAM message");
		return;
	case SCRAM_FAILED:
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	default:
		refuse_password(s);
		return;
	}
}

static void
offer_mechanisms(struct session *s, bool has_plus)
{
	struct writer list = {0};
	struct writer w = {0};

	if (has_plus)
		write_string(&list, scram_mechanism_plus);
	write_string(&list, scram_mechanism);
	write_u8(&list, 0);
	authentication_write(&w, AUTHENTICATION_SASL,
			     span_of(list.data, list.len));
	w.failed = w.failed || list.failed;
	(void)send_and_clear(s, &w, session_to_client);
	writer_clear(&list);
}

static void
begin_sasl(struct session *s, struct login *l)
{
	const struct credentials *c = s->credentials;
	struct span user = span_of(s->user, strlen(s->user));
	struct span binding = {.data = NULL};

	if (s->client.tls != NULL)
		binding = c->binding;
	l->verifier = auth_file_find(c->auth_file, user);
	l->of_client =
	    scram_server_new(l->verifier, user, c->mock_key, binding);
	if (l->of_client == NULL) {
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	}
	session_enter(s, SESSION_SASL);
	offer_mechanisms(s, binding.len > 0);
	if (s->from_client.buffer.len > 0 && s->state == SESSION_SASL)
		session_close(s, CLOSE_CLIENT_BAD,
			      "a message that did not wait for its turn");
}

void
login_begin(struct session *s)
{
	s->login = calloc(1, sizeof(*s->login));
	if (s->login == NULL) {
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	}
	if (session_config(s)->auth == AUTH_SCRAM) {
		begin_sasl(s, s->login);
		return;
	}
	session_enter(s, SESSION_DIALING);
	session_dial(s, NULL);
}

/* The first answer has a mechanism before its data.  False: malformed. */
static bool
read_answer(struct login *l, struct span body, struct span *data)
{
	struct sasl_initial_response first;

	*data = body;
	if (l->has_begun)
		return true;
	if (!sasl_initial_response_decode(&first, body) || !first.has_data)
		return false;
	l->has_begun = true;
	l->is_plus = span_equals(first.mechanism, scram_mechanism_plus);
	*data = first.data;
	return l->is_plus || span_equals(first.mechanism, scram_mechanism);
}

static void
answer_client(struct session *s, uint32_t code, struct writer *text)
{
	struct writer w = {0};

	authentication_write(&w, code, span_of(text->data, text->len));
	w.failed = w.failed || text->failed;
	(void)send_and_clear(s, &w, session_to_client);
}

static void
take_answer(struct session *s, struct span body)
{
	struct login *l = s->login;
	struct writer text = {0};
	enum scram_status status = SCRAM_BAD;
	struct span data;

	if (read_answer(l, body, &data))
		status =
		    scram_server_step(l->of_client, l->is_plus, data, &text);
	switch (status) {
	case SCRAM_CONTINUE:
		answer_client(s, AUTHENTICATION_SASL_CONTINUE, &text);
		break;
	case SCRAM_DONE:
		scram_server_client_key(l->of_client, l->client_key);
		answer_client(s, AUTHENTICATION_SASL_FINAL, &text);
		break;
	default:
		refuse_client(s, status);
		break;
	}
	writer_clear(&text);
	if (status != SCRAM_DONE || s->state == SESSION_CLOSING)
		return;
	session_enter(s, SESSION_DIALING);
	session_dial(s, NULL);
}

static void
step_sasl(struct session *s)
{
	struct span in = buffer_span(&s->from_client.buffer);
	struct frame f;

	switch (frame_next(&f, &in, ANSWER_MAX)) {
	case FRAME_MORE:
		return;
	case FRAME_BAD:
		session_close(s, CLOSE_CLIENT_BAD, "invalid message length");
		return;
	case FRAME_OK:
		break;
	}
	if (f.type == FRONTEND_TERMINATE)
		session_close(s, CLOSE_CLIENT_LEFT, NULL);
	else if (f.type == FRONTEND_PASSWORD)
		take_answer(s, f.body);
	else
		session_close(s, CLOSE_CLIENT_BAD, "expected a SASL response");
	if (s->state != SESSION_CLOSING)
		buffer_consume_secret(&s->from_client.buffer,
				      FRAME_HEADER_BYTES + f.body.len);
}

void
login_readable(struct session *s)
{
	struct buffer *b = &s->from_client.buffer;
	uint8_t *room = buffer_reserve(b, READ_BYTES);
	ssize_t n;

	if (room == NULL) {
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	}
	n = stream_read(&s->client, room, READ_BYTES);
	if (n == STREAM_EOF || n == STREAM_ERROR) {
		session_close(s, CLOSE_CLIENT_LEFT, NULL);
		return;
	}
	if (n < 0)
		return;
	buffer_commit(b, (size_t)n);
	step_sasl(s);
}

/* The server's side, auth = pass */

static void
refuse_binding(struct session *s)
{
	session_close_saying(
	    s, CLOSE_BINDING, NULL,
	    "There is TLS on both sides of Lockstep, and the client has bound "
	    "SCRAM to the certificate of Lockstep, which is not the server's.",
	    "Connect with channel_binding=disable; or, in Lockstep, set auth = "
	    "scram and auth_file, or the server's own certificate as "
	    "tls_cert.");
}

static void
refuse_unbound(struct session *s)
{
	session_close_saying(
	    s, CLOSE_BINDING,
	    "channel binding required by upstream, but not used for this login",
	    NULL,
	    "Set auth = scram and auth_file, so that Lockstep itself binds; or "
	    "channel_binding=prefer in upstream.");
}

/* Ends in the server what began in the client. */
static bool
is_bound_through(const struct session *s)
{
	const struct tls_context *ours = s->credentials->clients;

	return s->client.tls != NULL && s->server.tls != NULL && ours != NULL &&
	       tls_peer_is_ours(s->server.tls, ours);
}

static enum login_verdict
pass_without_plus(struct session *s, struct span list)
{
	struct writer w = {0};

	authentication_sasl_write_without(&w, list, scram_mechanism_plus);
	(void)send_and_clear(s, &w, session_to_client);
	return LOGIN_TAKE;
}

static enum login_verdict
pass_mechanisms(struct session *s, struct span list)
{
	bool has_plus = sasl_mechanisms_have(list, scram_mechanism_plus);

	if (must_bind(s) && !(has_plus && is_bound_through(s))) {
		refuse_unbound(s);
		return LOGIN_TAKE;
	}
	if (has_plus && s->client.tls == NULL)
		return pass_without_plus(s, list);
	s->login->awaits_choice = has_plus;
	return LOGIN_PASS;
}

static enum login_verdict
pass_authentication(struct session *s, const struct authentication *a)
{
	switch (a->code) {
	case AUTHENTICATION_SASL:
		return pass_mechanisms(s, a->data);
	case AUTHENTICATION_SASL_CONTINUE:
	case AUTHENTICATION_SASL_FINAL:
		return LOGIN_PASS;
	default:
		if (!must_bind(s) || s->login->is_plus)
			return LOGIN_PASS;
		refuse_unbound(s);
		return LOGIN_TAKE;
	}
}

/* The client chooses: may it? */
static enum login_verdict
judge_choice(struct session *s, struct span body)
{
	struct sasl_initial_response r;
	bool can_bind;

	if (!sasl_initial_response_decode(&r, body))
		return LOGIN_PASS; /* the server will say so */
	s->login->awaits_choice = false;
	s->login->is_plus = span_equals(r.mechanism, scram_mechanism_plus);
	can_bind = s->login->is_plus ||
		   (r.data.len > 0 && r.data.data[0] == SCRAM_BINDING_DECLINED);
	if (must_bind(s) && !s->login->is_plus)
		refuse_unbound(s);
	else if (can_bind && !is_bound_through(s))
		refuse_binding(s);
	return s->state == SESSION_CLOSING ? LOGIN_TAKE : LOGIN_PASS;
}

enum login_verdict
login_judge(struct session *s, const struct frame_header *h, struct span in)
{
	if (h->type != FRONTEND_PASSWORD)
		return LOGIN_PASS;
	if (session_config(s)->auth == AUTH_SCRAM) {
		session_close(s, CLOSE_CLIENT_BAD,
			      "a SASL response that nothing asked for");
		return LOGIN_TAKE;
	}
	if (!s->login->awaits_choice || h->body_len > ANSWER_MAX)
		return LOGIN_PASS;
	if (!frame_is_whole(h, in))
		return LOGIN_WAIT;
	return judge_choice(s, frame_body(h, in));
}

/* The server's side, auth = scram */

static void
refuse_login(struct session *s, const char *detail, const char *hint)
{
	session_close_saying(s, CLOSE_UPSTREAM_LOGIN, NULL, detail, hint);
}

static void
refuse_method(struct session *s)
{
	refuse_login(s,
		     "It asks for another authentication than SCRAM-SHA-256.",
		     "Use scram-sha-256 in the server's pg_hba.conf, or set "
		     "auth = pass.");
}

static void
refuse_server(struct session *s, enum scram_status status)
{
	switch (status) {
	case SCRAM_STALE:
		refuse_login(s,
			     "The verifier of this role in auth_file is not "
			     "the server's.",
			     "Copy it from the server's pg_authid again, and "
			     "send Lockstep a SIGHUP.");
		return;
	case SCRAM_UNPROVEN:
		refuse_login(s,
			     "It did not prove that it knows the role's "
			     "verifier.",
			     NULL);
		return;
	case SCRAM_FAILED:
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	default:
		session_close(s, CLOSE_SERVER_BAD, "SCRAM message");
		return;
	}
}

/* What we bind to; len 0: nothing. */
static struct span
server_binding(const struct session *s, uint8_t out[TLS_BINDING_MAX])
{
	bool is_wanted =
	    upstream_tls(s)->channel_binding != CHANNEL_BINDING_DISABLE;

	if (s->server.tls == NULL || !is_wanted)
		return span_of(NULL, 0);
	return span_of(out, tls_peer_binding(s->server.tls, out));
}

static void
send_first(struct session *s, struct login *l)
{
	struct writer text = {0};
	struct writer w = {0};

	if (!scram_client_first(l->to_server, &text)) {
		session_close(s, CLOSE_MEMORY, NULL);
	} else {
		sasl_initial_response_write(
		    &w, l->is_plus ? scram_mechanism_plus : scram_mechanism,
		    span_of(text.data, text.len));
		(void)send_and_clear(s, &w, session_to_server);
	}
	writer_clear(&text);
}

static void
begin_scram(struct session *s, struct login *l, struct span list)
{
	uint8_t bytes[TLS_BINDING_MAX];
	struct span binding = server_binding(s, bytes);
	bool can_bind = binding.len > 0;

	l->is_plus =
	    can_bind && sasl_mechanisms_have(list, scram_mechanism_plus);
	if (!l->is_plus && must_bind(s)) {
		refuse_unbound(s);
		return;
	}
	if (l->to_server != NULL ||
	    (!l->is_plus && !sasl_mechanisms_have(list, scram_mechanism))) {
		refuse_method(s);
		return;
	}
	if (!l->is_plus)
		binding.len = 0;
	l->to_server = scram_client_new(l->verifier, l->client_key, binding,
					can_bind && !l->is_plus);
	if (l->to_server == NULL)
		session_close(s, CLOSE_MEMORY, NULL);
	else
		send_first(s, l);
}

static void
step_scram(struct session *s, struct login *l, const struct authentication *a)
{
	struct writer text = {0};
	struct writer w = {0};
	enum scram_status status = SCRAM_BAD;

	if (l->to_server != NULL)
		status = scram_client_step(l->to_server, a->data, &text);
	if (status == SCRAM_DONE && a->code == AUTHENTICATION_SASL_FINAL) {
		l->is_proved = true;
	} else if (status == SCRAM_CONTINUE &&
		   a->code == AUTHENTICATION_SASL_CONTINUE) {
		sasl_response_write(&w, span_of(text.data, text.len));
		(void)send_and_clear(s, &w, session_to_server);
	} else {
		refuse_server(s, status);
	}
	writer_clear(&text);
}

static enum login_verdict
take_authentication(struct session *s, const struct authentication *a)
{
	struct login *l = s->login;

	switch (a->code) {
	case AUTHENTICATION_OK:
		if (l->is_proved || (l->to_server == NULL && !must_bind(s)))
			return LOGIN_PASS;
		if (l->to_server != NULL)
			refuse_server(s, SCRAM_UNPROVEN);
		else
			refuse_unbound(s);
		break;
	case AUTHENTICATION_SASL:
		begin_scram(s, l, a->data);
		break;
	case AUTHENTICATION_SASL_CONTINUE:
	case AUTHENTICATION_SASL_FINAL:
		step_scram(s, l, a);
		break;
	default:
		refuse_method(s);
		break;
	}
	return LOGIN_TAKE;
}

/* What both have in common */

/* sslmode=allow and prefer: it may be let in the other way. */
static bool
can_retry(const struct session *s)
{
	bool is_tls = s->server.tls != NULL;

	if (s->login->has_retried || s->login->has_answer ||
	    s->server_address.address.ss_family == AF_UNIX)
		return false;
	return is_tls ? upstream_tls(s)->mode == TLS_PREFER
		      : upstream_tls(s)->mode == TLS_ALLOW;
}

static void
retry(struct session *s, struct frame refusal)
{
	struct dial_address again = s->server_address;

	s->login->has_retried = true;
	/* Out of memory: should nothing better come, the reason is missing. */
	(void)buffer_append(&s->login->refusal,
			    refusal.body.data - FRAME_HEADER_BYTES,
			    FRAME_HEADER_BYTES + refusal.body.len);
	again.is_tls = !again.is_tls;
	stream_close(&s->server);
	s->last_server_type = 0;
	session_enter(s, SESSION_DIALING);
	session_dial(s, &again);
}

bool
login_tell_refusal(struct session *s)
{
	struct span words = {.len = 0};

	if (s->login != NULL)
		words = buffer_span(&s->login->refusal);
	return words.len > 0 && session_to_client(s, words.data, words.len);
}

enum login_verdict
login_answer(struct session *s, struct frame f)
{
	struct authentication a;

	if (f.type == BACKEND_ERROR_RESPONSE && f.body.data != NULL &&
	    can_retry(s)) {
		retry(s, f);
		return LOGIN_TAKE;
	}
	s->login->has_answer = true;
	buffer_clear(&s->startup);
	if (f.type != BACKEND_AUTHENTICATION)
		return LOGIN_PASS;
	if (!authentication_decode(&a, f.body)) {
		session_close(s, CLOSE_SERVER_BAD, "Authentication");
		return LOGIN_TAKE;
	}
	return session_config(s)->auth == AUTH_SCRAM
		   ? take_authentication(s, &a)
		   : pass_authentication(s, &a);
}
