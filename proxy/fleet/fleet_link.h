/*
 * fleet_link.h - the connection by which a fleet speaks: a client of
 * PostgreSQL's that listens, and sends one notification at a time.
 *
 *   IDLE       nobody wants it
 *   PAUSED     it failed; the next try comes by itself, later and later
 *   CONNECTING, LISTENING, CHECKING
 *              on the way; CHECKING waits for a notification to itself, which a
 *              transaction pooler or another server in between would lose
 *   READY      what is sent reaches who listens
 *
 * A link needs a thread of its own (asker.h).
 */
#ifndef LOCKSTEP_PROXY_FLEET_FLEET_LINK_H
#define LOCKSTEP_PROXY_FLEET_FLEET_LINK_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/net/asker.h"

enum fleet_link_state {
	FLEET_LINK_IDLE,
	FLEET_LINK_PAUSED,
	FLEET_LINK_CONNECTING,
	FLEET_LINK_LISTENING,
	FLEET_LINK_CHECKING,
	FLEET_LINK_READY,
	FLEET_LINK_STATES,
};

enum {
	FLEET_LINK_LASTING_MS = 60000, /* READY for so long: all is well */
};

/* Functions that a link calls; arg is its own. */
struct fleet_link_ears {
	/* The state is CHECKING now: fleet_link_send the notification to
	 * itself. */
	void (*check)(void *arg);
	/* A notification of the channel came, of this server pid. */
	void (*notified)(void *arg, uint32_t pid, const char *text);
	/* Called when READY and no question is open: fleet_link_send may be. */
	void (*may_send)(void *arg);
	/* The state is another one. */
	void (*changed)(void *arg);
};

struct fleet_link {
	struct event_base *base;            /* borrowed */
	const char *conninfo;               /* borrowed; a secret */
	const struct fleet_link_ears *ears; /* borrowed */
	void *arg;
	enum fleet_link_state state;
	struct asker asker;
	struct event timer;        /* for the next that is due: a look, a try */
	uint64_t ready_ms;         /* when it came to be READY last */
	uint32_t failures;         /* since it has been READY for a while */
	uint32_t pid;              /* the server's, as notifications tell it */
	char why[ASKER_WHY_BYTES]; /* the last failure, one line */
};

/*
 * Take what libpq reads out of the environment, if a conninfo leaves it out.
 * Before there are threads: it is the process's.
 */
void fleet_link_ignore_environment(void);

/* Prepare a zeroed one, IDLE; what it borrows is set. */
void fleet_link_init(struct fleet_link *l);

/* Connect, if it is IDLE. */
void fleet_link_want(struct fleet_link *l);

/* Disconnect and be IDLE. */
void fleet_link_stop(struct fleet_link *l);

/*
 * Send a notification.  False: a question is open, or there is no connection,
 * or it has just been lost.
 */
bool fleet_link_send(struct fleet_link *l, const char *text);

/* The notification to itself has come: it is READY. */
void fleet_link_confirm(struct fleet_link *l);

/* The state in a word, static. */
const char *fleet_link_state_name(enum fleet_link_state state);

#endif
