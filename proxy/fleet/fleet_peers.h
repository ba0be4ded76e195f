/*
 * fleet_peers.h - whom a process hears: the other processes of the fleet, and
 * the last message of each; how often each connection may shut the gate here;
 * and how many notifications of strangers are read.
 *
 * The server pid is the server's word, the process its own.  So messages are
 * counted by process, which keeps its count on its next connection, and the
 * pace is of the server pid, which nobody can choose.
 *
 * Pure: time is a parameter.  Bounded: who was heard longest ago is forgotten.
 */
#ifndef LOCKSTEP_PROXY_FLEET_FLEET_PEERS_H
#define LOCKSTEP_PROXY_FLEET_FLEET_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/fleet/fleet_message.h"

enum {
	FLEET_PEERS_MAX = 1024,
	FLEET_PACES_MAX = 1024,
	/* A connection may ask for a window so often, and for so many at once:
	 * statements may follow one another closely, and one that keeps its
	 * locks asks twice. */
	FLEET_PACE_MS = 500,
	FLEET_PACE_BURST = 16,
	/* Strangers' notifications are read so often, all together. */
	FLEET_FOREIGN_MS = 5,
	FLEET_FOREIGN_BURST = 200,
};

struct fleet_peer {
	uint8_t process[FLEET_PROCESS_BYTES];
	uint64_t sequence; /* the last message had this one */
	uint64_t heard;    /* counts messages; 0: nobody is here */
	uint32_t pid;      /* the server's, of the last one; 0: unknown */
};

/* One event a period, and some more at once. */
struct fleet_pace {
	uint32_t pid;      /* the server's, whose pace it is */
	uint64_t paced_ms; /* the next is due then */
};

/* A zeroed one knows nobody. */
struct fleet_peers {
	uint64_t heard; /* messages, of all peers */
	struct fleet_peer peers[FLEET_PEERS_MAX];
	struct fleet_pace paces[FLEET_PACES_MAX];
	struct fleet_pace foreign; /* all strangers share one */
};

/*
 * Note a message that is signed, of this server pid.  NULL: its sequence is not
 * above the last one of its process, so that it has been heard before.  Else
 * the pace of the server pid, borrowed until the next message.
 */
struct fleet_pace *fleet_peers_hear(struct fleet_peers *p,
				    const struct fleet_message *m,
				    uint32_t pid);

/* True if a window may be asked for once more; that is then counted. */
bool fleet_pace_may_shut(struct fleet_pace *pace, uint64_t now_ms);

/* Note that a message of this server pid is none of ours. */
void fleet_peers_note_foreign(struct fleet_peers *p, uint32_t pid,
			      uint64_t now_ms);

/*
 * True if a message of this server pid is worth reading: a peer has spoken by
 * it, or strangers have not been read too often.
 */
bool fleet_peers_may_read(const struct fleet_peers *p, uint32_t pid,
			  uint64_t now_ms);

#endif
