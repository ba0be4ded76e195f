/*
 * relay.h - move frames one way, whole runs of them at a time.
 */
#ifndef LOCKSTEP_PROXY_SESSION_RELAY_H
#define LOCKSTEP_PROXY_SESSION_RELAY_H

struct session;

/* The stream is readable. */
void relay_from_client(struct session *s);
void relay_from_server(struct session *s);

/* What the client sent waits and may be able to go on. */
void relay_resume(struct session *s);

#endif
