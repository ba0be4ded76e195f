/*
 * fleet_peers.h - whom a process hears: the other processes of the fleet, the
 * last message of each, and how often each may shut the gate here; and the
 * strangers, whose notifications are not read for a while.
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
	FLEET_STRANGERS_MAX = 64,
	/* A process may shut the gate once a second, and so often at once:
	 * statements may follow one another closely. */
	FLEET_PACE_MS = 1000,
	FLEET_PACE_BURST = 4,
	FLEET_STRANGER_MS = 1000,
};

struct fleet_peer {
	uint8_t process[FLEET_PROCESS_BYTES];
	uint64_t sequence; /* the last message had this one */
	uint64_t heard;    /* counts messages; 0: nobody is here */
	uint64_t paced_ms; /* the next window is due then */
};

/* A zeroed one knows nobody. */
struct fleet_peers {
	uint64_t heard; /* messages, of all peers */
	struct fleet_peer peers[FLEET_PEERS_MAX];
	struct {
		uint32_t pid;
		uint64_t until_ms;
	} strangers[FLEET_STRANGERS_MAX];
};

/*
 * Note a message that is signed.  NULL: its sequence is not above the last one
 * of its process, so that it has been heard before.  Else the peer, borrowed
 * until the next message.
 */
struct fleet_peer *fleet_peers_hear(struct fleet_peers *p,
				    const struct fleet_message *m);

/* True if the peer may shut the gate once more; that is then counted. */
bool fleet_peer_may_shut(struct fleet_peer *peer, uint64_t now_ms);

/* Note that a message of this server pid is none of ours. */
void fleet_peers_note_stranger(struct fleet_peers *p, uint32_t pid,
			       uint64_t now_ms);

/* True if this server pid has sent such a one just before. */
bool fleet_peers_is_stranger(const struct fleet_peers *p, uint32_t pid,
			     uint64_t now_ms);

#endif
