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

/* The pace of that server pid, else a new one instead of whichever is most
 * worn off: mostly that is all of it. */
static struct fleet_pace *
peers_find_pace(struct fleet_peers *p, uint32_t pid)
{
	struct fleet_pace *least = &p->paces[0];
	size_t i;

	for (i = 0; i < FLEET_PACES_MAX; i++) {
		struct fleet_pace *pace = &p->paces[i];

		if (pace->pid == pid)
			return pace;
		if (pace->paced_ms < least->paced_ms)
			least = pace;
	}
	*least = (struct fleet_pace){.pid = pid};
	return least;
}

struct fleet_pace *
fleet_peers_hear(struct fleet_peers *p, const struct fleet_message *m,
		 uint32_t pid)
{
	struct fleet_peer *peer = peers_find(p, m->process);

	if (peer->heard != 0 && m->sequence <= peer->sequence)
		return NULL;
	peer->sequence = m->sequence;
	peer->heard = ++p->heard;
	peer->pid = pid;
	return peers_find_pace(p, pid);
}

/* True if the pace is not ahead of the clock by more than so many of its
 * periods. */
static bool
pace_allows(const struct fleet_pace *pace, uint64_t now_ms, uint64_t periods,
	    uint64_t period_ms)
{
	return pace->paced_ms <= now_ms + periods * period_ms;
}

static void
pace_count(struct fleet_pace *pace, uint64_t now_ms, uint64_t period_ms)
{
	if (pace->paced_ms < now_ms)
		pace->paced_ms = now_ms;
	pace->paced_ms += period_ms;
}

bool
fleet_pace_may_shut(struct fleet_pace *pace, uint64_t now_ms)
{
	if (!pace_allows(pace, now_ms, FLEET_PACE_BURST - 1, FLEET_PACE_MS))
		return false;
	pace_count(pace, now_ms, FLEET_PACE_MS);
	return true;
}

void
fleet_peers_note_foreign(struct fleet_peers *p, uint32_t pid, uint64_t now_ms)
{
	size_t i;

	pace_count(&p->foreign, now_ms, FLEET_FOREIGN_MS);
	for (i = 0; i < FLEET_PEERS_MAX; i++)
		if (p->peers[i].pid == pid)
			p->peers[i].pid = 0; /* the pid is a stranger's now */
}

bool
fleet_peers_may_read(const struct fleet_peers *p, uint32_t pid, uint64_t now_ms)
{
	size_t i;

	if (pace_allows(&p->foreign, now_ms, FLEET_FOREIGN_BURST - 1,
			FLEET_FOREIGN_MS))
		return true;
	for (i = 0; i < FLEET_PEERS_MAX; i++)
		if (p->peers[i].pid == pid)
			return true;
	return false;
}
