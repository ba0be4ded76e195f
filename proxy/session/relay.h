/*
 * relay.h - move frames one way, whole runs of them at a time.
 */
#ifndef LOCKSTEP_PROXY_SESSION_RELAY_H
#define LOCKSTEP_PROXY_SESSION_RELAY_H

struct session;

/*
 * Read a stream that is readable, once, and pass on as much as may go: the rest
 * stays in its inlet.  The pair may be closing afterwards.
 */
void relay_from_client(struct session *s);
void relay_from_server(struct session *s);

/* Try again to pass on the client's messages that wait in its inlet; not so in
 * the event that has only brought more of them behind one that waits: to judge
 * that for each byte would cost what it likes. */
void relay_resume(struct session *s);

#endif
