/*
 * session_startup.c - the packets of a client that has no server yet: it says
 * who it is, asks for encryption, or wants somebody's statement to end.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/startup.h"
#include "proxy/auth/credentials.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/config/generation.h"
#include "proxy/pair/cancel.h"
#include "proxy/session/login.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"

enum {
	STARTUP_READ_BYTES = 1024,
	ENCRYPTION_REQUESTS_MAX = 2, /* one for TLS, one for GSSAPI */
};

void
session_dial(struct session *s, const struct address *known)
{
	const struct config *c = pair_config(&s->pair);
	const struct dial_target target = {
	    .endpoints = c->upstream,
	    .count = c->upstream_count,
	    .mode = c->upstream_tls.mode,
	    .is_direct = c->upstream_tls.is_direct,
	    .tls =
		s->cancel_tls != NULL ? s->cancel_tls : s->credentials->server,
	    .tcp = c->upstream_tcp,
	    .timeout_ms = config_connect_timeout_ms(c),
	    .misfits = login_misfits(s),
	    .is_random = c->upstream_hosts.is_random,
	    .is_one = login_wants_one_host(s),
	};
	struct sessions *ss = s->sessions;

	stream_want_read(&s->pair.client, false);
	if (known != NULL)
		s->dial = dial_start_address(&ss->handshaker, &target, known,
					     session_dialed, s);
	else
		s->dial = dial_start(&ss->handshaker, s->pair.daemon->resolver,
				     &target, session_dialed, s);
	if (s->dial == NULL)
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
}

/* Check the certificate as PostgreSQL's clientcert does.  False: closing. */
static bool
session_check_certificate(struct session *s, struct span user)
{
	enum tls_mode mode = pair_config(&s->pair)->tls.mode;
	char message[128];
	char name[256];

	if (mode >= TLS_VERIFY_CA && !tls_has_peer(s->pair.client.tls)) {
		pair_close_saying(
		    &s->pair, CLOSE_CERTIFICATE,
		    "connection requires a valid client certificate", NULL,
		    "Connect with sslcert and sslkey.");
	} else if (mode == TLS_VERIFY_FULL &&
		   !(tls_peer_name(s->pair.client.tls, name, sizeof(name)) &&
		     span_equals(user, name))) {
		snprintf(message, sizeof(message),
			 "certificate authentication failed for user \"%s\"",
			 s->pair.user);
		pair_close_saying(&s->pair, CLOSE_CERTIFICATE, message,
				  "The CN of the certificate is not the "
				  "user's name.",
				  NULL);
	}
	return !pair_is_closing(&s->pair);
}

/* True if the client may log in at all; else the pair is closing. */
static bool
session_may_begin(struct session *s, const struct startup_packet *p)
{
	/* An administrator gets in where nobody else does. */
	if (s->is_local && s->rights != CONSOLE_MAY_NOTHING)
		return true;
	if (s->is_over_limit) {
		pair_close(&s->pair, CLOSE_TOO_MANY, NULL);
		return false;
	}
	if (s->is_local || pair_config(&s->pair)->tls.mode < TLS_REQUIRE)
		return true;
	if (s->pair.client.tls != NULL)
		return session_check_certificate(s, p->user);
	pair_close_saying(&s->pair, CLOSE_TLS_REQUIRED, NULL, NULL,
			  "Connect with sslmode=require.");
	return false;
}

static void
session_begin_login(struct session *s, const struct startup_packet *p)
{
	span_copy(s->pair.user, sizeof(s->pair.user), p->user);
	span_copy(s->pair.database, sizeof(s->pair.database),
		  p->database.len > 0 ? p->database : p->user);
	s->is_blind = startup_is_replication(p);
	s->has_options = p->options.len > 0 || p->read_only.len > 0;
	s->rights = session_console_rights(s);
	if (!session_may_begin(s, p))
		return;
	if (s->rights == CONSOLE_MAY_NOTHING && !s->is_blind &&
	    gate_find_pause(&s->sessions->gate, s->pair.database) != NULL) {
		session_pause(s);
		return;
	}
	if (!buffer_append(&s->startup, p->raw.data, p->raw.len)) {
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
		return;
	}
	buffer_consume(&s->pair.from_client.buffer, p->raw.len);
	if (s->is_local && s->rights != CONSOLE_MAY_NOTHING)
		session_enter_console(s);
	else
		login_begin(s);
}

void
session_count_dial(const struct session *s, const struct dial_result *result)
{
	struct counts *c = s->pair.counts;

	counts_add(c, result->fd >= 0 ? COUNT_CONNECTED : COUNT_UNCONNECTED, 1);
	/* With target_session_attrs it is reached by who finds it fit. */
	if (result->fd >= 0 &&
	    pair_config(&s->pair)->upstream_hosts.attrs == SESSION_ATTRS_ANY)
		counts_note_reached(c, clock_now_ms());
	if (result->tls != NULL)
		counts_add(c, COUNT_SERVER_HANDSHAKES, 1);
	if (result->is_downgraded)
		counts_add(c, COUNT_SERVER_HANDSHAKES_FAILED, 1);
}

/* Dial as the session was dialled that a cancel is for, whatever was reloaded
 * since.  Its uses are taken. */
static void
session_go_by(struct session *s, const struct cancel_target *target)
{
	if (target->generation != NULL) {
		generation_release(s->generation);
		s->generation = target->generation;
		s->pair.config = s->generation->config;
	}
	s->cancel_tls = target->tls;
}

/* Hand a cancel request to the session whose server it is for, if that is held:
 * its backend is idle meanwhile.  Else to the server. */
static void
session_begin_cancel(struct session *s, const struct startup_packet *p)
{
	struct daemon *d = s->pair.daemon;
	struct mail mail = {.kind = MAIL_CANCEL};
	struct cancel_target target;
	bool is_known;

	is_known = cancel_find(d->cancels, p->cancel.backend_pid,
			       p->cancel.secret, &target);
	if (is_known)
		session_go_by(s, &target);
	if (!buffer_append(&s->startup, p->raw.data, p->raw.len)) {
		pair_close(&s->pair, CLOSE_CANCEL_DONE, NULL);
		return;
	}
	session_enter(s, SESSION_CANCELING);
	if (!is_known || !target.is_held) {
		session_dial(s, is_known ? &target.server : NULL);
		return;
	}
	stream_want_read(&s->pair.client, false);
	s->pair.server_address = target.server;
	mail.id = target.session;
	mail.asker = s->pair.id;
	mail.worker = s->sessions->worker;
	if (!daemon_post(d, target.worker, mail))
		pair_close(&s->pair, CLOSE_CANCEL_DONE, NULL);
}

void
session_cancel_answered(struct session *s, bool has_ended)
{
	if (s->state != SESSION_CANCELING)
		return;
	if (has_ended)
		pair_close(&s->pair, CLOSE_CANCEL_DONE, NULL);
	else
		session_dial(s, &s->pair.server_address);
	session_finish_event(s);
}

static void
session_answer_request(struct session *s, enum startup_status request,
		       size_t packet_len)
{
	buffer_consume(&s->pair.from_client.buffer, packet_len);
	if (s->pair.client.tls != NULL)
		pair_close(&s->pair, CLOSE_STARTUP_BAD,
			   "encryption was asked for within TLS");
	else if (++s->encryption_requests > ENCRYPTION_REQUESTS_MAX)
		pair_close(&s->pair, CLOSE_STARTUP_BAD, "repeated SSLRequest");
	else if (request == STARTUP_SSL && session_can_encrypt(s))
		session_grant_encryption(s);
	else
		(void)pair_to_client(&s->pair, "N", 1);
}

/*
 * Nothing was encrypted for whoever comes from elsewhere: a handshake costs,
 * and libpq does not show an error that it gets in place of the answer to an
 * SSLRequest.
 */
static void
session_refuse_outsider(struct session *s)
{
	pair_close_saying(&s->pair, CLOSE_NOT_ALLOWED, NULL, NULL,
			  "The setting allow of Lockstep names the networks "
			  "that clients may come from.");
}

void
session_startup_step(struct session *s)
{
	struct startup_packet p;
	enum startup_status status;

	if ((s->is_introduced && !session_take_header(s)) ||
	    session_begin_direct(s))
		return;
	status = startup_decode(&p, buffer_span(&s->pair.from_client.buffer));
	if (s->is_outsider &&
	    (status == STARTUP_MESSAGE || status == STARTUP_CANCEL)) {
		session_refuse_outsider(s);
		return;
	}
	switch (status) {
	case STARTUP_MORE:
		return;
	case STARTUP_NONE:
		pair_close(&s->pair, CLOSE_STARTUP_NONE, NULL);
		return;
	case STARTUP_BAD:
		pair_close_saying(&s->pair, CLOSE_STARTUP_BAD,
				  "invalid startup packet layout: expected "
				  "terminator as last byte",
				  NULL, NULL);
		return;
	case STARTUP_UNSUPPORTED:
		pair_close(&s->pair, CLOSE_VERSION, NULL);
		return;
	case STARTUP_SSL:
	case STARTUP_GSSENC:
		session_answer_request(s, status, p.raw.len);
		if (s->state == SESSION_STARTUP && !pair_is_closing(&s->pair))
			session_startup_step(
			    s); /* ENCRYPTION_REQUESTS_MAX deep */
		return;
	case STARTUP_CANCEL:
		session_begin_cancel(s, &p);
		return;
	case STARTUP_MESSAGE:
		session_begin_login(s, &p);
		return;
	}
}

bool
session_read_some(struct session *s)
{
	struct buffer *b = &s->pair.from_client.buffer;
	uint8_t *room = buffer_reserve(b, STARTUP_READ_BYTES);
	ssize_t n;

	if (room == NULL) {
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
		return false;
	}
	n = stream_read(&s->pair.client, room, STARTUP_READ_BYTES);
	if (n == STREAM_EOF || n == STREAM_ERROR) {
		const char *error = stream_tls_error(&s->pair.client);

		pair_close(&s->pair,
			   error == NULL ? CLOSE_CLIENT_LEFT : CLOSE_TLS_FAILED,
			   error);
		return false;
	}
	if (n > 0)
		buffer_commit(b, (size_t)n);
	return n > 0;
}

void
session_startup_readable(struct session *s)
{
	if (session_read_some(s))
		session_startup_step(s);
}
