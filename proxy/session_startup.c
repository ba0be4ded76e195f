/*
 * session_startup.c - what a client says before it has a server: who it is,
 * whether it wants encryption, or that somebody's statement is to end.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/startup.h"
#include "proxy/credentials.h"
#include "proxy/log.h"
#include "proxy/login.h"
#include "proxy/session.h"
#include "proxy/session_state.h"

enum {
	STARTUP_READ_BYTES = 1024,
	ENCRYPTION_REQUESTS_MAX = 2, /* one for TLS, one for GSSAPI */
	TLS_HANDSHAKE_RECORD = 0x16, /* RFC 8446, ContentType */
};

static void
copy_name(char out[64], struct span name)
{
	size_t len = name.len < 63 ? name.len : 63;

	if (len > 0)
		memcpy(out, name.data, len);
	out[len] = '\0';
}

void
session_dial(struct session *s, const struct dial_address *known)
{
	const struct config *c = session_config(s);
	const struct dial_target target = {
	    .endpoints = c->upstream,
	    .count = c->upstream_count,
	    .mode = c->upstream_tls.mode,
	    .is_direct = c->upstream_tls.is_direct,
	    .tls = s->credentials->server,
	    .timeout_ms = c->connect_timeout_ms,
	};
	struct worker *w = s->worker;

	stream_want_read(&s->client, false);
	if (known != NULL)
		s->dial = dial_start_address(&w->handshaker, &target, known,
					     session_dialed, s);
	else
		s->dial = dial_start(&w->handshaker, &w->dns, &target,
				     session_dialed, s);
	if (s->dial == NULL)
		session_close(s, CLOSE_MEMORY, NULL);
}

/* As PostgreSQL's clientcert=verify-full. */
static bool
has_certificate_of(const struct session *s, struct span user)
{
	char name[256];

	return tls_peer_name(s->client.tls, name, sizeof(name)) &&
	       span_equals(user, name);
}

/* False: closed. */
static bool
may_begin(struct session *s, const struct startup_packet *p)
{
	enum tls_mode mode = session_config(s)->tls.mode;
	char message[128];

	if (s->is_over_limit) {
		session_close(s, CLOSE_TOO_MANY, NULL);
	} else if (s->is_local || mode < TLS_REQUIRE) {
		return true;
	} else if (s->client.tls == NULL) {
		session_close_saying(s, CLOSE_TLS_REQUIRED, NULL, NULL,
				     "Connect with sslmode=require.");
	} else if (mode == TLS_VERIFY_FULL && !has_certificate_of(s, p->user)) {
		snprintf(message, sizeof(message),
			 "certificate authentication failed for user \"%s\"",
			 s->user);
		session_close_saying(s, CLOSE_CERTIFICATE, message,
				     "The certificate's CN is not that name.",
				     NULL);
	}
	return s->state != SESSION_CLOSING;
}

static void
begin_session(struct session *s, const struct startup_packet *p)
{
	copy_name(s->user, p->user);
	copy_name(s->database, p->database.len > 0 ? p->database : p->user);
	s->is_blind = startup_is_replication(p);
	if (!may_begin(s, p))
		return;
	if (!buffer_append(&s->startup, p->raw.data, p->raw.len)) {
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	}
	buffer_consume(&s->from_client.buffer, p->raw.len);
	login_begin(s);
}

/* The proxy answers for a backend that is idle on its behalf. */
static void
begin_cancel(struct session *s, const struct startup_packet *p)
{
	struct daemon *d = s->worker->daemon;
	struct mail mail = {.kind = MAIL_CANCEL};
	struct cancel_target target;
	bool is_known;

	is_known = cancel_find(d->cancels, p->cancel.backend_pid,
			       p->cancel.secret, &target);
	if (!buffer_append(&s->startup, p->raw.data, p->raw.len)) {
		session_close(s, CLOSE_CANCEL_DONE, NULL);
		return;
	}
	session_enter(s, SESSION_CANCELING);
	if (!is_known || !target.is_held) {
		session_dial(s, is_known ? &target.server : NULL);
		return;
	}
	stream_want_read(&s->client, false);
	s->server_address = target.server;
	mail.id = target.session;
	mail.asker = s->id;
	mail.worker = s->worker->index;
	if (!mailbox_post(&d->workers[target.worker].mailbox, mail))
		session_close(s, CLOSE_CANCEL_DONE, NULL);
}

void
session_cancel_answered(struct session *s, bool has_ended)
{
	if (s->state != SESSION_CANCELING)
		return;
	if (has_ended)
		session_close(s, CLOSE_CANCEL_DONE, NULL);
	else
		session_dial(s, &s->server_address);
}

/* Encryption */

static bool
can_encrypt(const struct session *s)
{
	return s->credentials->clients != NULL && s->client.tls == NULL &&
	       !s->is_local;
}

void
session_log_tls(const struct session *s, const struct tls *tls,
		const char *what)
{
	struct log_event e;

	log_begin(&e, LOG_DEBUG, what);
	log_number(&e, "session", s->id);
	log_text(&e, "version", tls_version_name(tls));
	log_text(&e, "cipher", tls_cipher_name(tls));
	log_text(&e, "resumed", tls_is_resumed(tls) ? "yes" : "no");
	log_end(&e);
}

/* A handshake_handler. */
static void
handshaken(void *arg, struct tls *tls, const char *error)
{
	struct session *s = arg;

	s->handshake = NULL;
	if (error != NULL) {
		session_close(s, CLOSE_TLS_FAILED, error);
		tls_free(tls);
		return;
	}
	stream_secure(&s->client, tls);
	session_enter(s, SESSION_STARTUP);
	session_log_tls(s, tls, "TLS with the client");
	if (s->is_direct && !tls_has_alpn(tls))
		session_close(s, CLOSE_STARTUP_BAD,
			      "received direct SSL connection request without "
			      "ALPN protocol negotiation extension");
	else
		stream_want_read(&s->client, true);
}

/* What has been read already is the handshake's. */
static void
begin_handshake(struct session *s)
{
	struct buffer *b = &s->from_client.buffer;
	struct tls *tls = tls_new(s->credentials->clients, NULL);

	if (tls == NULL || !tls_feed(tls, buffer_span(b))) {
		tls_free(tls);
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	}
	buffer_clear(b);
	stream_want_read(&s->client, false);
	session_enter(s, SESSION_HANDSHAKE);
	s->handshake = handshake_start(&s->worker->handshaker, s->client.fd,
				       tls, handshaken, s);
	if (s->handshake == NULL)
		session_close(s, CLOSE_MEMORY, NULL);
}

/*
 * What stands in clear behind the request somebody else may have put there,
 * to be taken for the client's (CVE-2021-23214).
 */
static void
grant_encryption(struct session *s)
{
	if (s->from_client.buffer.len > 0) {
		session_close(s, CLOSE_CLEAR_BYTES,
			      "This could be either a client-software bug or "
			      "evidence of an attempted man-in-the-middle "
			      "attack.");
		return;
	}
	if (!session_to_client(s, "S", 1))
		return;
	if (stream_pending(&s->client) > 0)
		session_close(s, CLOSE_CLIENT_BROKEN, "it takes no byte");
	else
		begin_handshake(s);
}

static void
answer_request(struct session *s, enum startup_status request,
	       size_t packet_len)
{
	buffer_consume(&s->from_client.buffer, packet_len);
	if (s->client.tls != NULL)
		session_close(s, CLOSE_STARTUP_BAD,
			      "encryption was asked for within TLS");
	else if (++s->encryption_requests > ENCRYPTION_REQUESTS_MAX)
		session_close(s, CLOSE_STARTUP_BAD, "repeated SSLRequest");
	else if (request == STARTUP_SSL && can_encrypt(s))
		grant_encryption(s);
	else
		(void)session_to_client(s, "N", 1);
}

/* A handshake record where a length of at most 10,000 should be. */
static bool
is_direct_tls(const struct session *s, struct span in)
{
	return in.len > 0 && in.data[0] == TLS_HANDSHAKE_RECORD &&
	       s->encryption_requests == 0 && can_encrypt(s);
}

static void
startup_step(struct session *s)
{
	struct span in = buffer_span(&s->from_client.buffer);
	struct startup_packet p;
	enum startup_status status;

	if (is_direct_tls(s, in)) {
		s->is_direct = true;
		begin_handshake(s);
		return;
	}
	status = startup_decode(&p, in);
	switch (status) {
	case STARTUP_MORE:
		return;
	case STARTUP_BAD:
		session_close(s, CLOSE_STARTUP_BAD, NULL);
		return;
	case STARTUP_UNSUPPORTED:
		session_close(s, CLOSE_VERSION, NULL);
		return;
	case STARTUP_SSL:
	case STARTUP_GSSENC:
		answer_request(s, status, p.raw.len);
		if (s->state == SESSION_STARTUP)
			startup_step(s); /* at most twice more */
		return;
	case STARTUP_CANCEL:
		begin_cancel(s, &p);
		return;
	case STARTUP_MESSAGE:
		begin_session(s, &p);
		return;
	}
}

void
session_startup_readable(struct session *s)
{
	struct buffer *b = &s->from_client.buffer;
	uint8_t *room = buffer_reserve(b, STARTUP_READ_BYTES);
	ssize_t n;

	if (room == NULL) {
		session_close(s, CLOSE_MEMORY, NULL);
		return;
	}
	n = stream_read(&s->client, room, STARTUP_READ_BYTES);
	if (n == STREAM_EOF || n == STREAM_ERROR) {
		session_close(s, CLOSE_CLIENT_LEFT, NULL);
		return;
	}
	if (n < 0)
		return;
	buffer_commit(b, (size_t)n);
	startup_step(s);
}
