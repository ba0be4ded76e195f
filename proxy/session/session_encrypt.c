/*
 * session_encrypt.c - from a client in clear to one by TLS.
 */
#include "proxy/auth/credentials.h"
#include "proxy/base/log.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"

enum {
	TLS_HANDSHAKE_RECORD = 0x16, /* RFC 8446, ContentType */
};

bool
session_can_encrypt(const struct session *s)
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
		session_close(s,
			      error == handshake_closed ? CLOSE_CLIENT_LEFT
							: CLOSE_TLS_FAILED,
			      error);
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
void
session_grant_encryption(struct session *s)
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

/* A handshake record where a length of at most 10,000 should be. */
bool
session_begin_direct(struct session *s)
{
	struct span in = buffer_span(&s->from_client.buffer);

	if (in.len == 0 || in.data[0] != TLS_HANDSHAKE_RECORD ||
	    s->encryption_requests > 0 || !session_can_encrypt(s))
		return false;
	s->is_direct = true;
	begin_handshake(s);
	return true;
}
