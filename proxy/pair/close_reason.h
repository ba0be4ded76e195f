/*
 * close_reason.h - why a session ended: name, whether it is worth a warning,
 * SQLSTATE and text for the client (NULL: the client is told nothing).
 *
 * Tools act on the SQLSTATE.  A login that fails for what is the server's or
 * ours, and not the client's, is 57P03: pg_isready and libpq's list of hosts
 * take any other for the answer of a server that is there.
 */
#ifndef LOCKSTEP_PROXY_PAIR_CLOSE_REASON_H
#define LOCKSTEP_PROXY_PAIR_CLOSE_REASON_H

#include <stdbool.h>

/* CANNOT_CONNECT_NOW */
#define NOT_NOW "57P03"

/* X(id, name, is_error, SQLSTATE until the client is logged in, and then,
 * message) */
#define CLOSE_REASONS(X)                                                       \
	X(CLIENT_LEFT, "client-left", false, NULL, NULL, NULL)                 \
	X(SERVER_LEFT, "server-left", false, NULL, NULL, NULL)                 \
	X(CLIENT_BROKEN, "client-broken", false, NULL, NULL, NULL)             \
	X(CANCEL_DONE, "cancel-done", false, NULL, NULL, NULL)                 \
	X(STARTUP_NONE, "startup-none", true, NULL, NULL, NULL)                \
	X(STARTUP_BAD, "startup-bad", true, "08P01", "08P01",                  \
	  "invalid startup packet")                                            \
	X(VERSION, "unsupported-protocol", true, "0A000", "0A000",             \
	  "unsupported frontend protocol: Lockstep speaks protocol 3")         \
	X(CLEAR_BYTES, "unencrypted-data", true, "08P01", "08P01",             \
	  "received unencrypted data after SSL request")                       \
	X(TLS_FAILED, "tls-failed", true, NULL, NULL, NULL)                    \
	X(PROXY_HEADER, "proxy-header", true, "08P01", "08P01",                \
	  "the connection does not begin with a PROXY protocol header")        \
	X(NOT_ALLOWED, "not-allowed", true, "28000", "28000",                  \
	  "Lockstep accepts no connections from this address")                 \
	X(TLS_REQUIRED, "tls-required", true, "28000", "28000",                \
	  "Lockstep accepts only encrypted connections")                       \
	X(CERTIFICATE, "certificate-refused", true, "28000", "28000",          \
	  "certificate authentication failed")                                 \
	X(PASSWORD, "password-refused", true, "28P01", "28P01",                \
	  "password authentication failed")                                    \
	X(BINDING, "channel-binding", true, "28000", "28000",                  \
	  "SCRAM channel binding cannot pass through Lockstep")                \
	X(UPSTREAM_LOGIN, "upstream-login", true, "28000", "28000",            \
	  "Lockstep cannot log in to the upstream server")                     \
	X(LOGIN_TIMEOUT, "login-timeout", true, "57014", "57014",              \
	  "the login took longer than login_timeout")                          \
	X(TOO_MANY, "too-many-connections", true, "53300", "53300",            \
	  "too many connections: max_connections of Lockstep is reached")      \
	X(UNREACHABLE, "upstream-unreachable", true, NOT_NOW, NOT_NOW,         \
	  "could not connect to the upstream server")                          \
	X(UNFIT, "upstream-unfit", true, NOT_NOW, NOT_NOW,                     \
	  "the upstream server is not what target_session_attrs asks for")     \
	X(LOOP, "upstream-loop", true, NOT_NOW, NOT_NOW,                       \
	  "the upstream server is this Lockstep itself")                       \
	X(SERVER_LOST, "upstream-lost", true, NOT_NOW, "08006",                \
	  "the upstream server closed the connection unexpectedly")            \
	X(SERVER_SILENT, "upstream-silent", true, NOT_NOW, "08006",            \
	  "the upstream server does not answer")                               \
	X(SERVER_BAD, "upstream-protocol", true, NOT_NOW, "08P01",             \
	  "the upstream server sent an invalid message")                       \
	X(CLIENT_BAD, "client-protocol", true, "08P01", "08P01",               \
	  "invalid message")                                                   \
	X(MISMATCH, "out-of-step", true, NOT_NOW, "08P01",                     \
	  "an answer of the upstream server matches no message sent to it")    \
	X(MEMORY, "out-of-memory", true, "53200", "53200", "out of memory")    \
	X(KILLED, "killed", false, "57P01", "57P01",                           \
	  "terminating connection due to administrator command")               \
	X(SHUTDOWN, "shutdown", false, NOT_NOW, "57P01",                       \
	  "terminating connection due to administrator command")

enum close_reason {
#define X(id, name, is_error, early, late, message) CLOSE_##id,
	CLOSE_REASONS(X)
#undef X
	    CLOSE_REASON_COUNT,
};

struct close_reason_row {
	const char *name;           /* for log and metrics */
	bool is_error;              /* worth a warning in the log */
	const char *early_sqlstate; /* until the client is logged in */
	const char *sqlstate;       /* afterwards */
	const char *message; /* for the client; NULL: it is told nothing */
};

extern const struct close_reason_row close_reasons[CLOSE_REASON_COUNT];

#endif
