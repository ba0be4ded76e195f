/*
 * handshake_pool.h - the queue between handshake.c and the threads that take
 * its steps.
 */
#ifndef LOCKSTEP_PROXY_NET_HANDSHAKE_POOL_H
#define LOCKSTEP_PROXY_NET_HANDSHAKE_POOL_H

#include <sys/queue.h>

#include "proxy/net/handshake.h"

/*
 * One step of one handshake.  From handshake_pool_post until its mail comes
 * it, and tls with it, is the pool's.
 */
struct handshake_job {
	STAILQ_ENTRY(handshake_job) link;
	struct tls *tls;
	enum tls_step result;
	struct mailbox *mailbox;
	void *data; /* of the mail */
};

void handshake_pool_post(struct handshake_pool *p, struct handshake_job *job);

#endif
