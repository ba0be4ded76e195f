/*
 * pause.h - what the console has paused: one database, or all.
 *
 * A pause is a window of the gate without an end of its own, for whatever a
 * session says outside of a transaction, and for logins.  The list is the
 * process's; workers know of a pause by their gates, as of any window.
 */
#ifndef LOCKSTEP_PROXY_GATE_PAUSE_H
#define LOCKSTEP_PROXY_GATE_PAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/pair/daemon.h"
#include "proxy/pair/pair.h"

struct pauses;

enum pause_answer {
	PAUSE_BEGUN,
	PAUSE_ALREADY, /* that database is paused, or all are */
	PAUSE_WAITS,   /* somebody else's PAUSE waits */
	PAUSE_NO_MEMORY,
};

/* Nothing is paused.  NULL: out of memory. */
struct pauses *pauses_new(void);

/* Free them, when no worker runs any more.  Accepts NULL. */
void pauses_free(struct pauses *p);

/*
 * Pause a database, "" for all, in the name of session `maker`, and tell all
 * workers: mail that a worker gets later finds the pause at its gate.  A
 * worker without memory goes without: gate_has_pause tells there.
 */
enum pause_answer pause_begin(struct daemon *d, uint64_t maker,
			      const char *database);

/* End the pause of a database, or for "" all pauses.  False: there is none. */
bool pause_end(struct daemon *d, const char *database);

/* Nothing is under way any more: its maker is told that it is paused. */
void pause_settle(struct daemon *d, uint64_t maker, const char *database);

/* True if the pause of exactly that is this maker's. */
bool pause_is_of(struct daemon *d, uint64_t maker, const char *database);

/* End the pause of exactly that, if it is this maker's. */
void pause_give_up(struct daemon *d, uint64_t maker, const char *database);

/* The number of pauses; p may be NULL, here and below: then there is none. */
size_t pause_count(struct pauses *p);

/* True if that is paused by itself: "" asks for the pause of all. */
bool pause_is_on(struct pauses *p, const char *database);

/* Copy the name of the nth database that is paused by itself.  False: there
 * are fewer. */
bool pause_name(struct pauses *p, size_t n, char out[PAIR_NAME_BYTES]);

#endif
