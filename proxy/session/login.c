/*
 * login.c - from the startup packet to the first ReadyForQuery, whoever checks
 * the client.
 */
#include "proxy/session/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/backend.h"
#include "proxy/base/clock.h"
#include "proxy/pair/seats.h"
#include "proxy/session/login_state.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"

void
login_free(struct login *l)
{
	if (l == NULL)
		return;
	scram_server_free(l->of_client);
	scram_client_free(l->to_server);
	explicit_bzero(l->client_key, sizeof(l->client_key));
	event_del(&l->patience);
	buffer_clear(&l->early);
	buffer_clear(&l->refusal);
	free(l);
}

static const struct tls_settings *
login_upstream_tls(const struct session *s)
{
	return &pair_config(&s->pair)->upstream_tls;
}

bool
login_must_bind(const struct session *s)
{
	return login_upstream_tls(s)->channel_binding ==
	       CHANNEL_BINDING_REQUIRE;
}

bool
login_send(struct session *s, struct writer *w,
	   bool (*send)(struct pair *p, const void *data, size_t len))
{
	bool is_sent = false;

	if (w->failed)
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
	else
		is_sent = send(&s->pair, w->data, w->len);
	login_forget(w);
	return is_sent;
}

void
login_forget(struct writer *w)
{
	if (w->len > 0)
		explicit_bzero(w->data, w->len);
	writer_clear(w);
}

void
login_refuse_unbound(struct session *s)
{
	static const char *const hints[] = {
	    [AUTH_PASS] =
		"Set auth = scram and auth_file, so that Lockstep "
		"itself binds; or channel_binding=prefer in upstream.",
	    [AUTH_SCRAM] =
		"The server must ask for scram-sha-256, over TLS; or "
		"set channel_binding=prefer in upstream.",
	};

	pair_close_saying(
	    &s->pair, CLOSE_BINDING,
	    "channel binding required by upstream, but not used for this login",
	    NULL, hints[pair_config(&s->pair)->auth]);
}

/* The server is connected, and silent. */
static void
login_patience_over(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	if (s->login->is_waiting)
		login_end_wait(s);
	else
		(void)login_leave_server(s, "it did not answer in time");
	session_finish_event(s);
}

void
login_begin(struct session *s)
{
	s->login = calloc(1, sizeof(*s->login));
	if (s->login == NULL) {
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
		return;
	}
	event_assign(&s->login->patience, s->sessions->base, -1, 0,
		     login_patience_over, s);
	if (pair_config(&s->pair)->auth == AUTH_SCRAM ||
	    s->rights != CONSOLE_MAY_NOTHING) {
		login_client_begin(s);
		return;
	}
	session_enter(s, SESSION_DIALING);
	session_dial(s, NULL);
}

/* Before the server asks, the answer may yet become another server's: wait. */
bool
login_judge(struct session *s, const struct frame_header *h, struct span in)
{
	if (pair_config(&s->pair)->auth == AUTH_SCRAM) {
		if (h->type == FRONTEND_PASSWORD)
			pair_close(&s->pair, CLOSE_CLIENT_BAD,
				   "a SASL response that nothing asked for");
		return false;
	}
	return s->login->stage != LOGIN_SILENT && login_pass_judge(s, h, in);
}

bool
login_is_unanswered(const struct session *s)
{
	return s->state == SESSION_AUTH && s->login->stage == LOGIN_SILENT;
}

/* True if the client waits for whatever server, with nothing under way. */
static bool
login_is_open(const struct session *s)
{
	return !s->pair.is_terminating && s->pair.from_client.pass_left == 0;
}

/* True if another server, or this one the other way, would do as well: it has
 * heard nothing of the client but the startup packet. */
static bool
login_can_leave(const struct session *s)
{
	return login_is_unanswered(s) && login_is_open(s);
}

/* True if sslmode=allow or prefer may get the client in the other way. */
static bool
login_can_retry(const struct session *s)
{
	bool is_tls = s->pair.server.tls != NULL;

	if (s->login->has_retried || !login_can_leave(s) ||
	    s->pair.server_address.address.ss_family == AF_UNIX)
		return false;
	return is_tls ? login_upstream_tls(s)->mode == TLS_PREFER
		      : login_upstream_tls(s)->mode == TLS_ALLOW;
}

bool
login_can_choose(const struct session *s)
{
	return login_is_open(s) && !s->pair.from_client.is_eof &&
	       dial_has_more(s->dial);
}

/* True if there is another server to be tried in place of one that is silent.
 */
static bool
login_can_go_on(const struct session *s)
{
	return login_is_unanswered(s) && login_can_choose(s);
}

/* The same, or a server may be waited for. */
static bool
login_can_pass_over(const struct session *s)
{
	return login_can_go_on(s) || (login_can_leave(s) && login_can_wait(s));
}

static struct span
login_whole_frame(struct frame f)
{
	return span_of(f.body.data - FRAME_HEADER_BYTES,
		       FRAME_HEADER_BYTES + f.body.len);
}

/* Keep the error in place of an earlier one.  Should memory be out, the client
 * misses it, no more. */
static void
login_keep_refusal(struct login *l, struct frame refusal)
{
	struct span words = login_whole_frame(refusal);

	buffer_clear(&l->refusal);
	(void)buffer_append(&l->refusal, words.data, words.len);
}

void
login_hang_up(struct session *s)
{
	struct login *l = s->login;

	event_del(&l->patience);
	buffer_clear(&l->early);
	scram_client_free(l->to_server);
	l->to_server = NULL;
	l->stage = LOGIN_SILENT;
	stream_close(&s->pair.server);
	s->last_server_type = 0;
	stream_want_read(&s->pair.client, false);
	session_enter(s, SESSION_DIALING);
}

void
login_await_answer(struct session *s)
{
	struct timeval t =
	    clock_timeval(config_connect_timeout_ms(pair_config(&s->pair)));

	if (dial_has_more(s->dial))
		event_add(&s->login->patience, &t);
}

void
login_dial_next(struct session *s, const char *why)
{
	s->login->has_retried = false;
	login_hang_up(s);
	dial_go_on(s->dial, why);
}

/* The same of a server that lets nobody in, and without a next one wait. */
static void
login_pass_over(struct session *s, const char *why)
{
	struct misfits_view misfits = login_misfits(s);

	if (login_wants_one_host(s))
		misfits_add(&misfits, MISFIT_IS_SILENT,
			    &s->pair.server_address);
	if (login_can_choose(s)) {
		login_dial_next(s, why);
		return;
	}
	login_hang_up(s);
	login_wait(s, why);
}

bool
login_leave_server(struct session *s, const char *why)
{
	if (!login_can_pass_over(s))
		return false;
	login_pass_over(s, why);
	buffer_clear(&s->pair.from_server.buffer); /* half a message */
	s->pair.from_server.is_eof = false;
	return true;
}

/* The server has refused before it looked who is there: 57P03 is no answer
 * while others may have one, and TLS, or none, may be the reason for any other.
 * True: that one is dialled. */
static bool
login_dial_again(struct session *s, struct frame refusal)
{
	struct error_fields fields;
	bool is_not_now = error_fields_decode(&fields, refusal.body) &&
			  span_equals(fields.sqlstate, NOT_NOW);

	if (is_not_now && login_can_pass_over(s)) {
		login_keep_refusal(s->login, refusal);
		login_pass_over(s, "it accepts no logins now");
		return true;
	}
	if (!login_can_retry(s))
		return false;
	login_keep_refusal(s->login, refusal);
	s->login->has_retried = true;
	login_hang_up(s);
	dial_other_way(s->dial);
	return true;
}

bool
login_tell_refusal(struct session *s)
{
	struct span words = {.len = 0};

	if (s->login != NULL)
		words = buffer_span(&s->login->refusal);
	return words.len > 0 && pair_to_client(&s->pair, words.data, words.len);
}

/*
 * Keep NegotiateProtocolVersion, which comes before the server looks who is
 * there: should the other way be tried, it comes again.
 */
static void
login_keep_early(struct session *s, struct frame f)
{
	struct span words = login_whole_frame(f);

	if (!buffer_append(&s->login->early, words.data, words.len))
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
}

/* The client is to hear of this server: it is the one, and the message that was
 * kept goes first. */
static void
login_settle(struct session *s)
{
	struct login *l = s->login;
	struct span early = buffer_span(&l->early);

	l->had_choice |= dial_has_more(s->dial);
	dial_cancel(s->dial);
	s->dial = NULL;
	buffer_clear(&s->startup);
	if (early.len > 0 && pair_to_client(&s->pair, early.data, early.len))
		buffer_clear(&l->early);
}

/* The server has let the client in, in whose way a limit of ours may be. */
static void
login_take_seat(struct session *s)
{
	struct pair *p = &s->pair;
	const struct config *c = pair_config(p);
	const struct seats_limits limits = {c->max_db_connections,
					    c->max_user_connections};
	char message[PAIR_NAME_BYTES + 64];

	switch (seats_take(p->daemon->seats, p->database, p->user, &limits)) {
	case SEATS_TAKEN:
		s->has_seat = true;
		return;
	case SEATS_DATABASE_FULL:
		snprintf(message, sizeof(message),
			 "too many connections for database \"%s\"",
			 p->database);
		pair_close_saying(p, CLOSE_TOO_MANY, message, NULL,
				  "max_db_connections of Lockstep is reached.");
		return;
	case SEATS_USER_FULL:
		snprintf(message, sizeof(message),
			 "too many connections for role \"%s\"", p->user);
		pair_close_saying(
		    p, CLOSE_TOO_MANY, message, NULL,
		    "max_user_connections of Lockstep is reached.");
		return;
	case SEATS_NO_MEMORY:
		pair_close(p, CLOSE_MEMORY, NULL);
		return;
	}
}

/* Another server may do: true if the message does not count, or waits. */
static bool
login_answer_silent(struct session *s, struct frame f)
{
	if (f.body.data == NULL ||
	    !(login_can_retry(s) || login_can_pass_over(s)))
		return false;
	if (f.type == BACKEND_NEGOTIATE_PROTOCOL_VERSION &&
	    s->login->early.len == 0) {
		login_keep_early(s, f);
		return true;
	}
	return f.type == BACKEND_ERROR_RESPONSE && login_dial_again(s, f);
}

/* The server has asked or refused.  is_between_us: the client does not hear of
 * it, so that another server may still be chosen. */
static void
login_note_answer(struct session *s, bool is_between_us)
{
	if (s->login->stage == LOGIN_SILENT) {
		s->login->stage = LOGIN_ASKED;
		event_del(&s->login->patience);
	}
	if (!is_between_us)
		login_settle(s);
}

static enum login_verdict
login_answer_method(struct session *s, const struct authentication *a)
{
	bool is_ours = pair_config(&s->pair)->auth == AUTH_SCRAM;

	return is_ours ? login_server_answer(s, a) : login_pass_answer(s, a);
}

/* A server that has proved what it had to is judged.  This is called again as
 * long as that waits. */
static enum login_verdict
login_answer_ok(struct session *s, const struct authentication *a,
		struct span ahead)
{
	enum login_verdict verdict = login_answer_method(s, a);

	if (verdict == LOGIN_PASS)
		verdict = login_judge_host(s, ahead);
	if (verdict != LOGIN_PASS)
		return verdict;
	login_note_answer(s, false);
	if (!pair_is_closing(&s->pair) && !s->is_blind && !s->has_seat)
		login_take_seat(s);
	return LOGIN_PASS;
}

static enum login_verdict
login_answer_authentication(struct session *s, const struct authentication *a,
			    struct span ahead)
{
	enum login_verdict verdict = LOGIN_TAKE;

	if (a->code == AUTHENTICATION_OK) {
		verdict = login_answer_ok(s, a, ahead);
	} else {
		login_note_answer(s, pair_config(&s->pair)->auth == AUTH_SCRAM);
		if (!pair_is_closing(&s->pair))
			verdict = login_answer_method(s, a);
	}
	return pair_is_closing(&s->pair) ? LOGIN_TAKE : verdict;
}

enum login_verdict
login_answer(struct session *s, struct frame f, struct span ahead)
{
	struct authentication a;

	if (login_answer_silent(s, f))
		return LOGIN_TAKE;
	if (f.type == BACKEND_AUTHENTICATION &&
	    authentication_decode(&a, f.body))
		return login_answer_authentication(s, &a, ahead);
	login_note_answer(s, false);
	if (f.type == BACKEND_AUTHENTICATION)
		pair_close(&s->pair, CLOSE_SERVER_BAD, "Authentication");
	return pair_is_closing(&s->pair) ? LOGIN_TAKE : LOGIN_PASS;
}
