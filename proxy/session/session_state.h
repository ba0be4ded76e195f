/*
 * session_state.h - what the session_*.c and login*.c files share.
 */
#ifndef LOCKSTEP_PROXY_SESSION_SESSION_STATE_H
#define LOCKSTEP_PROXY_SESSION_SESSION_STATE_H

#include "proxy/session/session.h"
#include "proxy/tls/tls.h"

/* The only function that writes s->state. */
void session_enter(struct session *s, enum session_state next);

const char *session_state_name(const struct session *s);

/* At level debug: what was agreed on. */
void session_log_tls(const struct session *s, const struct tls *tls,
		     const char *what);

/*
 * The end of every event of a session: what waits and can go on does, and if
 * the pair has a reason to close, the session goes to CLOSING.
 */
void session_turn(struct session *s);

/* The pair has a reason to close: say goodbye, leave all else.  To CLOSING. */
void session_begin_close(struct session *s);

/* In CLOSING: nothing is left to be said. */
void session_end(struct session *s);

/* In CLOSING: something is there to be thrown away. */
void session_closing_readable(struct session *s);

/* What is of use only until it is logged in. */
void session_leave_login(struct session *s);

/* More of the client's bytes, before it is logged in.  False: none; it may
 * be closing. */
bool session_read_some(struct session *s);

/* A client may have TLS, and has not got it yet. */
bool session_can_encrypt(const struct session *s);

/* In STARTUP: SSLRequest was taken off the buffer; HANDSHAKE follows. */
void session_grant_encryption(struct session *s);

/* In STARTUP: the client has begun with TLS.  False: it has not. */
bool session_begin_direct(struct session *s);

/* In STARTUP: a packet, or part of one, is there. */
void session_startup_readable(struct session *s);

/*
 * Dial the upstream, or that address of it, and send it the startup packet:
 * in DIALING and CANCELING.
 */
void session_dial(struct session *s, const struct address *known);

/* A dial_handler: in DIALING and CANCELING. */
void session_dialed(void *arg, const struct dial_result *result);

#endif
