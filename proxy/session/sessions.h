/*
 * sessions.h - the sessions of one worker, and what they share: its loop, its
 * gate, its lookout, its scratch memory.  Only the worker's own thread calls
 * these.
 */
#ifndef LOCKSTEP_PROXY_SESSION_SESSIONS_H
#define LOCKSTEP_PROXY_SESSION_SESSIONS_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/queue.h"
#include "proxy/base/ticker.h"
#include "proxy/gate/gate.h"
#include "proxy/gate/lookout.h"
#include "proxy/net/handshake.h"
#include "proxy/pair/daemon.h"
#include "proxy/rescue/patrol.h"

enum {
	SESSIONS_SCRATCH_BYTES = 64 * 1024,
};

struct session;
LIST_HEAD(session_list, session);

struct sessions {
	struct daemon *daemon;
	struct event_base *base;
	uint32_t worker;       /* index of its worker */
	struct counts *counts; /* the worker's, borrowed */
	struct handshaker handshaker;
	struct gate gate;
	struct lookout lookout;
	struct patrol patrol;
	struct session_list list;
	struct session_list reaped; /* ended; freed in an event of its own */
	struct event reap_event;
	struct ticker watch; /* for clients whose host is gone */
	uint64_t next_id;
	bool is_draining;
	atomic_uint load; /* sessions here, those on their way included */
	uint8_t scratch[SESSIONS_SCRATCH_BYTES]; /* for one read */
};

/* Prepare a zeroed one; daemon, base and mailbox are borrowed for its life. */
void sessions_init(struct sessions *ss, struct daemon *daemon,
		   struct event_base *base, struct mailbox *mailbox,
		   uint32_t worker);

/* Free what they share, after the loop has ended with no session left. */
void sessions_clear(struct sessions *ss);

/* Take an accepted socket, which has been counted in `load` and the daemon's
 * connections: open a session with it, or close it while draining. */
void sessions_accept(struct sessions *ss, int fd);

/* On MAIL_CANCEL: end what the session holds back, and mail whether it did to
 * the worker that asked. */
void sessions_cancel(struct sessions *ss, const struct mail *mail);

/* On MAIL_CANCELED, which answers that: tell the session that asked. */
void sessions_cancel_answered(struct sessions *ss, const struct mail *mail);

/* On MAIL_ROLL: tell of the sessions. */
void sessions_answer_roll(struct sessions *ss, const struct mail *mail);

/* On MAIL_TASK: do what a console wants, and mail what came of it. */
void sessions_take_task(struct sessions *ss, const struct mail *mail);

/* On MAIL_TASK_DONE, which answers that: tell the console that asked. */
void sessions_task_returned(struct sessions *ss, const struct mail *mail);

/*
 * On MAIL_DRAIN, MAIL_EXPIRE, MAIL_STOP: see session_drain, session_expire and
 * session_stop.  Once draining, the loop ends with the last session.
 */
void sessions_drain(struct sessions *ss);
void sessions_expire(struct sessions *ss);
void sessions_stop(struct sessions *ss);

/* On MAIL_DEADLOCK: tell the history what the session did. */
void sessions_tell_deadlock(struct sessions *ss, const struct mail *mail);

/* On MAIL_DESCRIBE: write to the log what the sessions are doing. */
void sessions_describe(struct sessions *ss);

/*
 * Take a session that has ended off the list; an event of its own frees it,
 * when no callback of the session's is running.
 */
void sessions_reap(struct sessions *ss, struct session *s);

#endif
