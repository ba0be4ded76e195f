#include "proxy/pair/daemon.h"

#include <assert.h>

#include "proxy/pair/counts.h"

bool
daemon_post(struct daemon *d, uint32_t worker, struct mail mail)
{
	assert(worker < d->worker_count);
	return mailbox_post(d->mailboxes[worker], mail);
}

uint64_t
daemon_unjudged(const struct daemon *d)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < UNJUDGED_COUNT; i++)
		sum += atomic_load(&d->unjudged[i]);
	return sum;
}

struct counts *
daemon_counts(struct daemon *d, uint32_t worker)
{
	static struct counts of_nobody;

	return d->counts == NULL ? &of_nobody : &d->counts[worker];
}

void
daemon_want_fleet(struct daemon *d)
{
	struct mail mail = {.kind = MAIL_WANTED};

	/* Out of memory: the next login tells it. */
	if (d->fleet != NULL && !atomic_exchange(&d->is_fleet_wanted, true) &&
	    !mailbox_post(d->fleet, mail))
		atomic_store(&d->is_fleet_wanted, false);
}
