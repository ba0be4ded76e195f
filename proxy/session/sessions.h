/*
 * sessions.h - the sessions of one worker, and what they share: its loop, its
 * gate, its scratch memory.  Only the worker's own thread calls these.
 */
#ifndef LOCKSTEP_PROXY_SESSION_SESSIONS_H
#define LOCKSTEP_PROXY_SESSION_SESSIONS_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proxy/gate/gate.h"
#include "proxy/net/handshake.h"
#include "proxy/pair/daemon.h"

enum {
	SESSIONS_SCRATCH_BYTES = 64 * 1024,
};

struct evdns_base;
struct session;
LIST_HEAD(session_list, session);

struct sessions {
	struct daemon *daemon;
	struct event_base *base;
	uint32_t worker;        /* index of its worker */
	struct evdns_base *dns; /* made when a name is first resolved */
	struct handshaker handshaker;
	struct gate gate;
	struct session_list list;
	struct session_list reaped; /* ended; freed at the end of the turn */
	struct event reap_event;
	uint64_t next_id;
	bool is_draining;
	atomic_uint load; /* sessions here, those on their way included */
	uint8_t scratch[SESSIONS_SCRATCH_BYTES]; /* for one read */
};

/* Prepare a zeroed one; daemon, base and mailbox are borrowed for its life. */
void sessions_init(struct sessions *ss, struct daemon *daemon,
		   struct event_base *base, struct mailbox *mailbox,
		   uint32_t worker);

/* After the loop has ended with no session left. */
void sessions_clear(struct sessions *ss);

/* Take an accepted socket, which is counted in `load` and the daemon's. */
void sessions_accept(struct sessions *ss, int fd);

/* A MAIL_CANCEL: end what its session holds back, and tell who asked. */
void sessions_cancel(struct sessions *ss, const struct mail *mail);

/* The MAIL_CANCELED that answers one. */
void sessions_cancel_answered(struct sessions *ss, const struct mail *mail);

/*
 * MAIL_DRAIN, MAIL_EXPIRE, MAIL_STOP: see session_drain, session_expire and
 * session_stop.  Once draining, the loop ends with the last session.
 */
void sessions_drain(struct sessions *ss);
void sessions_expire(struct sessions *ss);
void sessions_stop(struct sessions *ss);

/* A session has ended: free it once no callback of its own is running. */
void sessions_reap(struct sessions *ss, struct session *s);

#endif
