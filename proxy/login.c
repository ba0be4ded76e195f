/*
 * login.c - from the startup packet to the first ReadyForQuery, whoever checks
 * the client.
 */
#include "proxy/login.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/login_state.h"
#include "proxy/session.h"
#include "proxy/session_state.h"

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

bool
login_must_bind(const struct session *s)
{
	return upstream_tls(s)->channel_binding == CHANNEL_BINDING_REQUIRE;
}

bool
login_send(struct session *s, struct writer *w,
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

void
login_refuse_unbound(struct session *s)
{
	session_close_saying(
	    s, CLOSE_BINDING,
	    "channel binding required by upstream, but not used for this login",
	    NULL,
	    "Set auth = scram and auth_file, so that Lockstep itself binds; or "
	    "channel_binding=prefer in upstream.");
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
		login_client_begin(s);
		return;
	}
	session_enter(s, SESSION_DIALING);
	session_dial(s, NULL);
}

enum login_verdict
login_judge(struct session *s, const struct frame_header *h, struct span in)
{
	if (h->type != FRONTEND_PASSWORD)
		return LOGIN_PASS;
	if (session_config(s)->auth == AUTH_PASS)
		return login_pass_judge(s, h, in);
	session_close(s, CLOSE_CLIENT_BAD,
		      "a SASL response that nothing asked for");
	return LOGIN_TAKE;
}

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
		   ? login_server_answer(s, &a)
		   : login_pass_answer(s, &a);
}
