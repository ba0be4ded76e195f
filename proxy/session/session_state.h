/*
 * session_state.h - what the session_*.c and login*.c files share.
 */
#ifndef LOCKSTEP_PROXY_SESSION_SESSION_STATE_H
#define LOCKSTEP_PROXY_SESSION_SESSION_STATE_H

#include "proxy/console/console_rows.h"
#include "proxy/session/session.h"
#include "proxy/tls/tls.h"

/* Go to `next`, and assert that this may be.  Nothing else writes s->state. */
void session_enter(struct session *s, enum session_state next);

/* The name of the state the session is in, static. */
const char *session_state_name(const struct session *s);

/* True if the session is between two transactions and keeps nothing from
 * others: it is not worth a line of its own. */
bool session_is_idle(const struct session *s);

/* The state in PgBouncer's words where it has one, static. */
const char *session_shown_state(const struct session *s);

/* How long the client has waited with us: held, at the gate, or paused. */
uint64_t session_wait_ms(const struct session *s);

/* The party that has to do something next, static. */
const char *session_waits_for(const struct session *s);

/* Note which transaction the session is in, and since when it is known to. */
void session_note_stint(struct session *s);

/* Write a line to the log: what the session does and what it waits for. */
void session_describe(const struct session *s);

/* Warn that the server is used in clear, as sslmode=prefer allows, and why:
 * nobody may have noticed. */
void session_log_downgrade(const struct session *s, const char *why);

/* Log at level debug, as message `what`, the version and cipher agreed on. */
void session_log_tls(const struct session *s, const struct tls *tls,
		     const char *what);

/*
 * End an event of the session, as every one does: pass on what waits and can go
 * now, and if the pair has a reason to close, go to CLOSING.
 */
void session_finish_event(struct session *s);

/* Enter CLOSING, as the pair has a reason to close: say goodbye to the client,
 * and leave all else. */
void session_begin_close(struct session *s);

/* In CLOSING: close the client's socket and have the session reaped, as nothing
 * is left to be said. */
void session_end(struct session *s);

/* In CLOSING: read bytes of the client, and throw them away. */
void session_closing_readable(struct session *s);

/* The rights of a client that says it is s->pair.user and wants that database:
 * some if it is on the list for the console, and can prove who it is, or has
 * by its Unix socket. */
enum console_rights session_console_rights(const struct session *s);

/* In STARTUP and SASL: the client has proved who it is; CONSOLE follows, or the
 * pair is closing. */
void session_enter_console(struct session *s);

/* Close the session, since the process ends. */
void session_shut_down(struct session *s);

/*
 * True if a shutdown has waited for this moment.  A client that has left keeps
 * a session until the server is done, but not beyond drain_timeout.
 */
bool session_is_to_shut_down(const struct session *s);

/* Take the credentials, a use of which is taken, and their settings. */
void session_take_credentials(struct session *s, struct credentials *taken);

/* In STARTUP: the startup packet, which stays where it is, has come amid a
 * PAUSE.  PAUSED follows. */
void session_pause(struct session *s);

/* Note whether the client may come from where it is, or that a PROXY header is
 * to tell where that is. */
void session_note_origin(struct session *s);

/* Take that header off the front of what the client has sent.  False: it is not
 * all there, or the pair is closing. */
bool session_take_header(struct session *s);

/* In PAUSED: read what the client has to say, up to a bound. */
void session_read_ahead(struct session *s);

/* In PAUSED: if RESUME has come, act on the packet. */
void session_paused_go_on(struct session *s);

/* In CONSOLE: go on with what the client wants, as far as it takes answers. */
void session_console_go_on(struct session *s);

/* Write the session's row of a table of CONSOLE_WORKERS.  False: it has none.
 */
bool session_write_row(const struct session *s, struct console_rows *rows);

/* Free what is of use only until the client is logged in. */
void session_leave_login(struct session *s);

/* Read some of the client's bytes into its inlet, while there is no server.
 * False: none came, and the pair may be closing. */
bool session_read_some(struct session *s);

/* True if this client may have TLS, and has not got it yet. */
bool session_can_encrypt(const struct session *s);

/* In STARTUP: grant an SSLRequest that was taken off the buffer.  HANDSHAKE
 * follows, or the pair is closing. */
void session_grant_encryption(struct session *s);

/* In STARTUP: begin a handshake if the client has begun with TLS at once.
 * False: it has not. */
bool session_begin_direct(struct session *s);

/* In STARTUP: act on each packet that is there whole. */
void session_startup_step(struct session *s);

/* In STARTUP: read the client, and do so. */
void session_startup_readable(struct session *s);

/*
 * In DIALING and CANCELING: dial the upstream, or that address of it if
 * `known`, borrowed for the call, is not NULL.  session_dialed follows, or the
 * pair is closing.
 */
void session_dial(struct session *s, const struct address *known);

/* Count what came of a dial. */
void session_count_dial(const struct session *s,
			const struct dial_result *result);

/* A dial_handler, in DIALING and CANCELING: send the server the startup packet,
 * or close the pair. */
void session_dialed(void *arg, const struct dial_result *result);

#endif
