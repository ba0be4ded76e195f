/*
 * login_pass.c - auth = pass: the server asks and the client answers; neither
 * is listened to, but for the choice of a SASL mechanism.
 *
 * SCRAM-SHA-256-PLUS binds to the certificate that the client sees, and the
 * server compares that with its own:
 *
 *   client in clear                  PLUS is taken off the server's list
 *   client by TLS, the server's own
 *   certificate is ours              passes
 *   client by TLS, another one       a client that can bind is told why it
 *                                    cannot log in; others are let through
 */
#include "protocol/scram.h"
#include "proxy/auth/credentials.h"
#include "proxy/session/login_state.h"
#include "proxy/session/session.h"

static void
login_pass_refuse_binding(struct session *s)
{
	pair_close_saying(
	    &s->pair, CLOSE_BINDING, NULL,
	    "There is TLS on both sides of Lockstep, and the client has bound "
	    "SCRAM to the certificate of Lockstep, which is not the server's.",
	    "Connect with channel_binding=disable; or, in Lockstep, set auth = "
	    "scram and auth_file, or the server's own certificate as "
	    "tls_cert.");
}

/* True if the server's own certificate is ours, so that a binding holds. */
static bool
login_pass_is_bound_through(const struct session *s)
{
	const struct tls_context *ours = s->credentials->clients;

	return s->pair.client.tls != NULL && s->pair.server.tls != NULL &&
	       ours != NULL && tls_peer_is_ours(s->pair.server.tls, ours);
}

static enum login_verdict
login_pass_without_plus(struct session *s, struct span list)
{
	struct writer w = {0};

	authentication_sasl_write_without(&w, list, scram_mechanism_plus);
	(void)login_send(s, &w, pair_to_client);
	return LOGIN_TAKE;
}

static enum login_verdict
login_pass_mechanisms(struct session *s, struct span list)
{
	bool has_plus = sasl_mechanisms_have(list, scram_mechanism_plus);

	if (login_must_bind(s) &&
	    !(has_plus && login_pass_is_bound_through(s))) {
		login_refuse_unbound(s);
		return LOGIN_TAKE;
	}
	if (has_plus && s->pair.client.tls == NULL)
		return login_pass_without_plus(s, list);
	if (has_plus)
		s->login->stage = LOGIN_OFFERED;
	return LOGIN_PASS;
}

/* Let the login end; with channel_binding=require only after PLUS has. */
static enum login_verdict
login_pass_end(struct session *s)
{
	if (!login_must_bind(s) || s->login->stage == LOGIN_PROVED)
		return LOGIN_PASS;
	login_refuse_unbound(s);
	return LOGIN_TAKE;
}

/* True if an answer must come; behind a last GSSContinue none does. */
static bool
login_pass_wants_answer(uint32_t code)
{
	switch (code) {
	case AUTHENTICATION_CLEARTEXT_PASSWORD:
	case AUTHENTICATION_MD5_PASSWORD:
	case AUTHENTICATION_GSS:
	case AUTHENTICATION_SSPI:
	case AUTHENTICATION_SASL:
	case AUTHENTICATION_SASL_CONTINUE:
		return true;
	default:
		return false;
	}
}

enum login_verdict
login_pass_answer(struct session *s, const struct authentication *a)
{
	s->login->is_owed =
	    login_pass_wants_answer(a->code) && !s->login->has_answered_ahead;
	switch (a->code) {
	case AUTHENTICATION_SASL:
		return login_pass_mechanisms(s, a->data);
	case AUTHENTICATION_SASL_CONTINUE:
		return LOGIN_PASS;
	case AUTHENTICATION_SASL_FINAL:
		if (s->login->stage == LOGIN_PROVING && s->login->is_plus)
			s->login->stage = LOGIN_PROVED;
		return LOGIN_PASS;
	default:
		return login_pass_end(s);
	}
}

/* True if the client may choose this mechanism; else the pair is closing. */
static bool
login_pass_judge_choice(struct session *s, struct span body)
{
	struct sasl_initial_response r;
	bool can_bind;

	if (!sasl_initial_response_decode(&r, body))
		return true; /* the server will say so */
	s->login->stage = LOGIN_PROVING;
	s->login->is_plus = span_equals(r.mechanism, scram_mechanism_plus);
	can_bind = s->login->is_plus ||
		   (r.data.len > 0 && r.data.data[0] == SCRAM_BINDING_DECLINED);
	if (login_must_bind(s) && !s->login->is_plus)
		login_refuse_unbound(s);
	else if (can_bind && !login_pass_is_bound_through(s))
		login_pass_refuse_binding(s);
	return !pair_is_closing(&s->pair);
}

/*
 * True if the message may go as an answer.  The server takes whatever comes
 * next for the answer that it waits for: a query, too, which it refuses.  A
 * query that comes before or behind that waits.
 */
static bool
login_pass_is_answer(struct session *s, const struct frame_header *h,
		     struct span in)
{
	if (h->type != FRONTEND_PASSWORD)
		return s->login->is_owed;
	if (s->login->stage != LOGIN_OFFERED || h->body_len > LOGIN_ANSWER_MAX)
		return true;
	return frame_is_whole(h, in) &&
	       login_pass_judge_choice(s, frame_body(h, in));
}

bool
login_pass_judge(struct session *s, const struct frame_header *h,
		 struct span in)
{
	if (!login_pass_is_answer(s, h, in))
		return false;
	if (!s->login->is_owed)
		s->login->has_answered_ahead = true;
	s->login->is_owed = false;
	return true;
}
