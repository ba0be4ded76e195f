/*
 * session_encrypt.c - from a client in clear to one by TLS.
 */
#include "proxy/auth/credentials.h"
#include "proxy/base/log.h"
#include "proxy/net/handshake.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"

enum {
	TLS_HANDSHAKE_RECORD = 0x16, /* RFC 8446, ContentType */
};

bool
session_can_encrypt(const struct session *s)
{
	return s->credentials->clients != NULL && s->pair.client.tls == NULL &&
	       !s->is_local && !s->is_outsider;
}

void
session_log_downgrade(const struct session *s, const char *why)
{
	struct log_event e;

	log_begin(&e, LOG_WARNING, "the server is used in clear: TLS failed");
	log_number(&e, "session", s->pair.id);
	log_text(&e, "detail", why);
	log_end(&e);
}

void
session_log_tls(const struct session *s, const struct tls *tls,
		const char *what)
{
	struct log_event e;

	log_begin(&e, LOG_DEBUG, what);
	log_number(&e, "session", s->pair.id);
	log_text(&e, "version", tls_version_name(tls));
	log_text(&e, "cipher", tls_cipher_name(tls));
	log_text(&e, "resumed", tls_is_resumed(tls) ? "yes" : "no");
	log_end(&e);
}

static void
session_begin_encrypted(struct session *s, struct tls *tls)
{
	stream_secure(&s->pair.client, tls);
	session_enter(s, SESSION_STARTUP);
	session_log_tls(s, tls, "TLS with the client");
	if (s->is_direct && !tls_has_alpn(tls))
		pair_close(&s->pair, CLOSE_STARTUP_BAD,
			   "received direct SSL connection request without "
			   "ALPN protocol negotiation extension");
	else
		stream_want_read(&s->pair.client, true);
}

/* A handshake_handler. */
static void
session_handshaken(void *arg, struct tls *tls, const char *error)
{
	struct session *s = arg;

	s->handshake = NULL;
	counts_add(s->pair.counts,
		   error == NULL ? COUNT_CLIENT_HANDSHAKES
				 : COUNT_CLIENT_HANDSHAKES_FAILED,
		   1);
	if (error == NULL) {
		session_begin_encrypted(s, tls);
	} else {
		pair_close(&s->pair,
			   error == handshake_closed ? CLOSE_CLIENT_LEFT
						     : CLOSE_TLS_FAILED,
			   error);
		tls_free(tls);
	}
	session_finish_event(s);
}

/* Give the client's socket to the handshake, with all that was read already. */
static void
session_begin_handshake(struct session *s)
{
	struct buffer *b = &s->pair.from_client.buffer;
	struct tls *tls = tls_new(s->credentials->clients, NULL);

	if (tls == NULL || !tls_feed(tls, buffer_span(b))) {
		tls_free(tls);
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
		return;
	}
	buffer_clear(b);
	stream_want_read(&s->pair.client, false);
	session_enter(s, SESSION_HANDSHAKE);
	s->handshake =
	    handshake_start(&s->sessions->handshaker, s->pair.client.fd, tls,
			    session_handshaken, s);
	if (s->handshake == NULL)
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
}

/*
 * Bytes in clear behind the request are refused: somebody else may have put
 * them there, to be taken for the client's (CVE-2021-23214).
 */
void
session_grant_encryption(struct session *s)
{
	if (s->pair.from_client.buffer.len > 0) {
		pair_close(&s->pair, CLOSE_CLEAR_BYTES,
			   "This could be either a client-software bug or "
			   "evidence of an attempted man-in-the-middle "
			   "attack.");
		return;
	}
	if (!pair_to_client(&s->pair, "S", 1))
		return;
	if (stream_pending(&s->pair.client) > 0)
		pair_close(&s->pair, CLOSE_CLIENT_BROKEN, "it takes no byte");
	else
		session_begin_handshake(s);
}

/* A TLS record begins with 0x16; a packet, with a 0 of its length. */
bool
session_begin_direct(struct session *s)
{
	struct span in = buffer_span(&s->pair.from_client.buffer);

	if (in.len == 0 || in.data[0] != TLS_HANDSHAKE_RECORD ||
	    s->encryption_requests > 0 || !session_can_encrypt(s))
		return false;
	s->is_direct = true;
	session_begin_handshake(s);
	return true;
}
