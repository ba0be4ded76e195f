#include "proxy/fleet/fleet_peers.h"

#include <string.h>

/* The peer of that process, else whoever was heard longest ago, or nobody. */
static struct fleet_peer *
peers_find(struct fleet_peers *p, const uint8_t process[FLEET_PROCESS_BYTES])
{
	struct fleet_peer *oldest = &p->peers[0];
	size_t i;

	for (i = 0; i < FLEET_PEERS_MAX; i++) {
		struct fleet_peer *peer = &p->peers[i];

		if (peer->heard != 0 &&
		    memcmp(peer->process, process, FLEET_PROCESS_BYTES) == 0)
			return peer;
		if (peer->heard < oldest->heard)
			oldest = peer;
	}
	memset(oldest, 0, sizeof(*oldest));
	memcpy(oldest->process, process, FLEET_PROCESS_BYTES);
	return oldest;
}

struct fleet_peer *
fleet_peers_hear(struct fleet_peers *p, const struct fleet_message *m)
{
	struct fleet_peer *peer = peers_find(p, m->process);

	if (peer->heard != 0 && m->sequence <= peer->sequence)
		return NULL;
	peer->sequence = m->sequence;
	peer->heard = ++p->heard;
	return peer;
}

/*
 * The time at which the next window would be due, were there one a second: it
 * may run ahead of the clock by as much as FLEET_PACE_BURST allows.
 */
bool
fleet_peer_may_shut(struct fleet_peer *peer, uint64_t now_ms)
{
	const uint64_t ahead_ms =
	    (uint64_t)(FLEET_PACE_BURST - 1) * FLEET_PACE_MS;

	if (peer->paced_ms < now_ms)
		peer->paced_ms = now_ms;
	if (peer->paced_ms > now_ms + ahead_ms)
		return false;
	peer->paced_ms += FLEET_PACE_MS;
	return true;
}

void
fleet_peers_note_stranger(struct fleet_peers *p, uint32_t pid, uint64_t now_ms)
{
	size_t at = pid % FLEET_STRANGERS_MAX;

	p->strangers[at].pid = pid;
	p->strangers[at].until_ms = now_ms + FLEET_STRANGER_MS;
}

bool
fleet_peers_is_stranger(const struct fleet_peers *p, uint32_t pid,
			uint64_t now_ms)
{
	size_t at = pid % FLEET_STRANGERS_MAX;

	return p->strangers[at].pid == pid &&
	       now_ms < p->strangers[at].until_ms;
}
