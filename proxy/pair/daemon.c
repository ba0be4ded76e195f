#include "proxy/pair/daemon.h"

#include <assert.h>

bool
daemon_post(struct daemon *d, uint32_t worker, struct mail mail)
{
	assert(worker < d->worker_count);
	return mailbox_post(d->mailboxes[worker], mail);
}
