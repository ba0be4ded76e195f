/*
 * session_state.h - what session.c and session_startup.c share.
 */
#ifndef LOCKSTEP_PROXY_SESSION_STATE_H
#define LOCKSTEP_PROXY_SESSION_STATE_H

#include "proxy/session.h"

/* The only function that writes s->state. */
void session_enter(struct session *s, enum session_state next);

/* In STARTUP: a packet, or part of one, is there. */
void session_startup_readable(struct session *s);

/*
 * Dial the upstream, or that address of it, and send it the startup packet:
 * in DIALING and CANCELING.
 */
void session_dial(struct session *s, const struct dial_address *known);

/* A dial_handler: in DIALING and CANCELING. */
void session_dialed(void *arg, const struct dial_result *result);

#endif
