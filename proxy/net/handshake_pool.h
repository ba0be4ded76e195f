/*
 * handshake_pool.h - the threads that take the steps of handshakes, and the
 * queue before them.
 */
#ifndef LOCKSTEP_PROXY_NET_HANDSHAKE_POOL_H
#define LOCKSTEP_PROXY_NET_HANDSHAKE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/mailbox.h"
#include "proxy/base/queue.h"
#include "proxy/tls/tls.h"

struct handshake_pool;

/*
 * One step of one handshake.  From handshake_pool_post until its mail comes
 * it, and tls with it, is the pool's.
 */
struct handshake_job {
	STAILQ_ENTRY(handshake_job) link;
	struct tls *tls;
	enum tls_step result;    /* set before the mail is posted */
	struct mailbox *mailbox; /* gets MAIL_HANDSHAKE; borrowed */
	void *data;              /* in that mail */
	void (*discard)(void *data);
};

/* Make one that may have so many threads, and has none; handshake_pool_stop
 * takes it back.  NULL: out of memory. */
struct handshake_pool *handshake_pool_new(uint32_t threads);

/*
 * Start the threads that do not run yet.  Called by one thread, and before the
 * first job is posted.  False: errno says why; those that were started run on.
 */
bool handshake_pool_start(struct handshake_pool *p);

/* Does what has been posted, ends the threads, frees p; accepts NULL. */
void handshake_pool_stop(struct handshake_pool *p);

/* Lend the job to the pool, which posts its mail when the step is taken. */
void handshake_pool_post(struct handshake_pool *p, struct handshake_job *job);

#endif
