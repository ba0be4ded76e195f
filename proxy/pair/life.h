/*
 * life.h - the states of a session's life, in the order in which a good one
 * comes to them: their names are the same in log and metrics.  session.c has
 * what each of them means and which may follow.
 */
#ifndef LOCKSTEP_PROXY_PAIR_LIFE_H
#define LOCKSTEP_PROXY_PAIR_LIFE_H

/* X(constant, name) */
#define SESSION_LIFE(X)                                                        \
	X(STARTUP, "startup")                                                  \
	X(HANDSHAKE, "handshake")                                              \
	X(PAUSED, "paused")                                                    \
	X(SASL, "sasl")                                                        \
	X(DIALING, "dialing")                                                  \
	X(AUTH, "auth")                                                        \
	X(READY, "ready")                                                      \
	X(CONSOLE, "console")                                                  \
	X(CANCELING, "canceling")                                              \
	X(CLOSING, "closing")

enum session_state {
#define X(constant, name) SESSION_##constant,
	SESSION_LIFE(X)
#undef X
	    SESSION_STATES,
};

/* Their names, static; by enum session_state. */
extern const char *const session_state_names[SESSION_STATES];

#endif
