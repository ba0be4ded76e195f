/*
 * login_client.c - auth = scram: the client is checked, by the role's verifier.
 * For it we are the server.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/scram.h"
#include "proxy/auth/credentials.h"
#include "proxy/session/login_state.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"

static void
login_client_refuse_password(struct session *s)
{
	char message[128];

	snprintf(message, sizeof(message),
		 "password authentication failed for user \"%s\"",
		 s->pair.user);
	pair_close_saying(&s->pair, CLOSE_PASSWORD, message, NULL, NULL);
	pair_close_tell_log(&s->pair,
			    s->login->verifier == NULL
				? "the role is not in auth_file"
				: "not the password that auth_file has");
}

static void
login_client_refuse(struct session *s, enum scram_status status)
{
	switch (status) {
	case SCRAM_NO_BINDING:
		pair_close_saying(
		    &s->pair, CLOSE_BINDING,
		    "SCRAM channel binding check failed",
		    "What the client has bound to, or was offered, is not "
		    "what Lockstep has shown and said.",
		    NULL);
		return;
	case SCRAM_BAD:
		pair_close(&s->pair, CLOSE_CLIENT_BAD,
			   "malformed SCRAM message");
		return;
	case SCRAM_FAILED:
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
		return;
	case SCRAM_CONTINUE:
	case SCRAM_DONE:
	case SCRAM_STALE:
	case SCRAM_UNPROVEN: /* no client's fault */
	case SCRAM_REFUSED:
		login_client_refuse_password(s);
		return;
	}
}

static void
login_client_offer(struct session *s, bool has_plus)
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
	(void)login_send(s, &w, pair_to_client);
	writer_clear(&list);
}

/* Read the data of an answer; the first one has a mechanism before them. False:
 * malformed. */
static bool
login_client_read_answer(struct login *l, struct span body, struct span *data)
{
	struct sasl_initial_response first;

	*data = body;
	if (l->has_chosen)
		return true;
	if (!sasl_initial_response_decode(&first, body) || !first.has_data)
		return false;
	l->has_chosen = true;
	l->is_plus = span_equals(first.mechanism, scram_mechanism_plus);
	*data = first.data;
	return l->is_plus || span_equals(first.mechanism, scram_mechanism);
}

static void
login_client_answer(struct session *s, uint32_t code, struct writer *text)
{
	struct writer w = {0};

	authentication_write(&w, code, span_of(text->data, text->len));
	w.failed = w.failed || text->failed;
	(void)login_send(s, &w, pair_to_client);
}

static void
login_client_take_answer(struct session *s, struct span body)
{
	struct login *l = s->login;
	struct writer text = {0};
	enum scram_status status = SCRAM_BAD;
	struct span data;

	if (login_client_read_answer(l, body, &data))
		status =
		    scram_server_step(l->of_client, l->is_plus, data, &text);
	if (status == SCRAM_CONTINUE) {
		login_client_answer(s, AUTHENTICATION_SASL_CONTINUE, &text);
	} else if (status == SCRAM_DONE) {
		scram_server_client_key(l->of_client, l->client_key);
		login_client_answer(s, AUTHENTICATION_SASL_FINAL, &text);
	} else {
		login_client_refuse(s, status);
	}
	login_forget(&text);
	if (status != SCRAM_DONE || pair_is_closing(&s->pair))
		return;
	if (s->rights != CONSOLE_MAY_NOTHING) {
		session_enter_console(s);
		return;
	}
	session_enter(s, SESSION_DIALING);
	session_dial(s, NULL);
}

static void
login_client_take_message(struct session *s, struct frame f)
{
	if (f.type == FRONTEND_TERMINATE)
		pair_close(&s->pair, CLOSE_CLIENT_LEFT, NULL);
	else if (f.type == FRONTEND_PASSWORD)
		login_client_take_answer(s, f.body);
	else
		pair_close(&s->pair, CLOSE_CLIENT_BAD,
			   "expected a SASL response");
}

/* Take the whole messages that are there. */
static void
login_client_step(struct session *s)
{
	struct buffer *b = &s->pair.from_client.buffer;
	struct frame f;

	while (s->state == SESSION_SASL && !pair_is_closing(&s->pair)) {
		struct span in = buffer_span(b);
		enum frame_status status =
		    frame_next(&f, &in, LOGIN_ANSWER_MAX);

		if (status == FRAME_MORE)
			return;
		if (status == FRAME_BAD) {
			pair_close(&s->pair, CLOSE_CLIENT_BAD,
				   "invalid message length");
			return;
		}
		login_client_take_message(s, f);
		buffer_consume_secret(b, FRAME_HEADER_BYTES + f.body.len);
	}
}

void
login_client_begin(struct session *s)
{
	struct login *l = s->login;
	const struct credentials *c = s->credentials;
	struct span user = span_of(s->pair.user, strlen(s->pair.user));
	struct span binding = {.data = NULL};

	if (s->pair.client.tls != NULL)
		binding = c->binding;
	l->verifier = auth_file_find(c->auth_file, user);
	l->of_client = scram_server_new(l->verifier, user, &c->mock, binding);
	if (l->of_client == NULL) {
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
		return;
	}
	session_enter(s, SESSION_SASL);
	login_client_offer(s, binding.len > 0);
	login_client_step(s); /* the client may have sent ahead of the offer */
}

void
login_readable(struct session *s)
{
	if (session_read_some(s))
		login_client_step(s);
}
