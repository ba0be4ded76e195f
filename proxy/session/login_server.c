/*
 * login_server.c - auth = scram: we log in to the server, with the ClientKey
 * that the client has proved to know.  For it we are the client.
 */
#include <string.h>

#include "protocol/scram.h"
#include "proxy/session/login_state.h"
#include "proxy/session/session.h"

static void
login_server_refuse(struct session *s, const char *detail, const char *hint)
{
	pair_close_saying(&s->pair, CLOSE_UPSTREAM_LOGIN, NULL, detail, hint);
}

static void
login_server_refuse_method(struct session *s)
{
	login_server_refuse(
	    s, "It asks for another authentication than SCRAM-SHA-256.",
	    "Use scram-sha-256 in the server's pg_hba.conf, or set "
	    "auth = pass.");
}

static void
login_server_refuse_scram(struct session *s, enum scram_status status)
{
	switch (status) {
	case SCRAM_STALE:
		login_server_refuse(
		    s,
		    "The verifier of this role in auth_file is not "
		    "the server's.",
		    "Copy it from the server's pg_authid again, and "
		    "send Lockstep a SIGHUP.");
		return;
	case SCRAM_UNPROVEN:
		login_server_refuse(s,
				    "It did not prove that it knows the role's "
				    "verifier.",
				    NULL);
		return;
	case SCRAM_REFUSED:
		login_server_refuse(s, "It refused the proof of the password.",
				    NULL);
		return;
	case SCRAM_FAILED:
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
		return;
	case SCRAM_CONTINUE:
	case SCRAM_DONE: /* by a message that cannot say so */
	case SCRAM_NO_BINDING:
	case SCRAM_BAD:
		pair_close(&s->pair, CLOSE_SERVER_BAD, "SCRAM message");
		return;
	}
}

/* The bytes that we bind to, in `out`; len 0: there is no binding. */
static struct span
login_server_binding(const struct session *s, uint8_t out[TLS_BINDING_MAX])
{
	bool is_wanted = pair_config(&s->pair)->upstream_tls.channel_binding !=
			 CHANNEL_BINDING_DISABLE;

	if (s->pair.server.tls == NULL || !is_wanted)
		return span_of(NULL, 0);
	return span_of(out, tls_peer_binding(s->pair.server.tls, out));
}

static void
login_server_send_first(struct session *s, struct login *l)
{
	struct writer text = {0};
	struct writer w = {0};

	if (!scram_client_first(l->to_server, &text)) {
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
	} else {
		sasl_initial_response_write(
		    &w, l->is_plus ? scram_mechanism_plus : scram_mechanism,
		    span_of(text.data, text.len));
		(void)login_send(s, &w, pair_to_server);
	}
	login_forget(&text);
}

static void
login_server_begin_scram(struct session *s, struct login *l, struct span list)
{
	uint8_t bytes[TLS_BINDING_MAX];
	struct span binding = login_server_binding(s, bytes);
	bool can_bind = binding.len > 0;

	l->is_plus =
	    can_bind && sasl_mechanisms_have(list, scram_mechanism_plus);
	if (!l->is_plus && login_must_bind(s)) {
		login_refuse_unbound(s);
		return;
	}
	if (l->to_server != NULL ||
	    (!l->is_plus && !sasl_mechanisms_have(list, scram_mechanism))) {
		login_server_refuse_method(s);
		return;
	}
	if (!l->is_plus)
		binding.len = 0;
	l->to_server = scram_client_new(l->verifier, l->client_key, binding,
					can_bind && !l->is_plus);
	l->stage = LOGIN_PROVING;
	if (l->to_server == NULL)
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
	else
		login_server_send_first(s, l);
}

static void
login_server_step_scram(struct session *s, struct login *l,
			const struct authentication *a)
{
	struct writer text = {0};
	struct writer w = {0};
	enum scram_status status = SCRAM_BAD;

	if (l->to_server != NULL)
		status = scram_client_step(l->to_server, a->data, &text);
	if (status == SCRAM_DONE && a->code == AUTHENTICATION_SASL_FINAL) {
		l->stage = LOGIN_PROVED;
	} else if (status == SCRAM_CONTINUE &&
		   a->code == AUTHENTICATION_SASL_CONTINUE) {
		sasl_response_write(&w, span_of(text.data, text.len));
		(void)login_send(s, &w, pair_to_server);
	} else {
		login_server_refuse_scram(s, status);
	}
	login_forget(&text);
}

enum login_verdict
login_server_answer(struct session *s, const struct authentication *a)
{
	struct login *l = s->login;

	switch (a->code) {
	case AUTHENTICATION_OK:
		if (l->stage == LOGIN_PROVED ||
		    (l->to_server == NULL && !login_must_bind(s)))
			return LOGIN_PASS;
		if (l->to_server != NULL)
			login_server_refuse_scram(s, SCRAM_UNPROVEN);
		else
			login_refuse_unbound(s);
		break;
	case AUTHENTICATION_SASL:
		login_server_begin_scram(s, l, a->data);
		break;
	case AUTHENTICATION_SASL_CONTINUE:
	case AUTHENTICATION_SASL_FINAL:
		login_server_step_scram(s, l, a);
		break;
	default:
		login_server_refuse_method(s);
		break;
	}
	return LOGIN_TAKE;
}
