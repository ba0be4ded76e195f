/*
 * handshake_pool.h - the threads that take the steps of handshakes, and the
 * queue before them.
 */
#ifndef LOCKSTEP_PROXY_NET_HANDSHAKE_POOL_H
#define LOCKSTEP_PROXY_NET_HANDSHAKE_POOL_H

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

/*
 * Start that many threads; handshake_pool_stop takes the pool back.
 * NULL: out of memory, or a thread could not be started; errno says which.
 */
struct handshake_pool *handshake_pool_start(uint32_t threads);

/* Does what has been posted, ends the threads, frees p; accepts NULL. */
void handshake_pool_stop(struct handshake_pool *p);

/* Lend the job to the pool, which posts its mail when the step is taken. */
void handshake_pool_post(struct handshake_pool *p, struct handshake_job *job);

#endif
