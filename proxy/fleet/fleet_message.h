/*
 * fleet_message.h - what a process says to the others: a window is shut, or
 * open again.  Text for the payload of a NOTIFY.
 *
 *   base64(body, HMAC-SHA-256 over the sender's server pid and the body)
 *
 * The server itself puts the pid into each notification, so a copy that another
 * session sends is none of ours.  Tables are told by the hashes by which a gate
 * looks for them.
 */
#ifndef LOCKSTEP_PROXY_FLEET_FLEET_MESSAGE_H
#define LOCKSTEP_PROXY_FLEET_FLEET_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/catalog/gate_names.h"
#include "proxy/fleet/fleet_key.h"
#include "proxy/pair/pair.h"

enum {
	FLEET_PROCESS_BYTES = 16,
	FLEET_TEXT_MAX = 7999, /* a payload of NOTIFY is shorter than 8,000 */
	FLEET_NAMES_MAX = 440, /* where there are more, every table is told */
};

enum fleet_kind {
	FLEET_HELLO = 1,   /* to oneself: does it come back? */
	FLEET_SHUT = 2,    /* a statement's window */
	FLEET_OPEN = 3,    /* that has ended */
	FLEET_KEEP = 4,    /* the window of a transaction that keeps locks */
	FLEET_RELEASE = 5, /* that has ended */
};

struct fleet_message {
	enum fleet_kind kind;
	uint8_t process[FLEET_PROCESS_BYTES]; /* random, from its start on */
	uint64_t sequence; /* grows with each message of the process */
	uint64_t maker;    /* the session in the process whose window it is */
	/* For FLEET_SHUT and FLEET_KEEP; else zero. */
	uint32_t length_ms; /* from now on, at most */
	char database[PAIR_NAME_BYTES];
	struct gate_names names; /* owned, sealed */
};

/*
 * Write *m as text, of at most FLEET_TEXT_MAX bytes and a NUL, signed for the
 * session of this server pid.  False: out of memory, or no hash is to be had.
 */
bool fleet_message_write(char out[FLEET_TEXT_MAX + 1],
			 const struct fleet_message *m, uint32_t pid,
			 const struct fleet_key *key);

enum fleet_reading {
	FLEET_READ,
	FLEET_UNKNOWN, /* this fleet's, but not understood: of another version;
			  or memory is out */
	FLEET_FOREIGN, /* nobody of this fleet has sent it */
};

/*
 * Read a text that the session of this server pid has sent; *out is the
 * caller's to clear, and zeroed unless FLEET_READ.
 */
enum fleet_reading fleet_message_read(struct fleet_message *out,
				      const char *text, uint32_t pid,
				      const struct fleet_key *key);

/* Free what it owns, if it came of fleet_message_read; *m is zeroed. */
void fleet_message_clear(struct fleet_message *m);

#endif
