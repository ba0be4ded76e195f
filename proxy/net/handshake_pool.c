#include "proxy/net/handshake_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

STAILQ_HEAD(job_queue, handshake_job);

struct handshake_pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job_queue jobs; /* guarded by lock */
	bool is_stopping;      /* guarded by lock */
	uint32_t most;         /* threads that it may have */
	uint32_t started;
	pthread_t threads[];
};

/* Wait for a job.  NULL: the pool is to stop, and nothing is left to do. */
static struct handshake_job *
handshake_pool_next_job(struct handshake_pool *p)
{
	struct handshake_job *job;

	pthread_mutex_lock(&p->lock);
	while (STAILQ_EMPTY(&p->jobs) && !p->is_stopping)
		pthread_cond_wait(&p->wake, &p->lock);
	job = STAILQ_FIRST(&p->jobs);
	if (job != NULL)
		STAILQ_REMOVE_HEAD(&p->jobs, link);
	pthread_mutex_unlock(&p->lock);
	return job;
}

/* Somebody waits for this mail, so it is not given up. */
static void
handshake_pool_tell(struct handshake_job *job)
{
	const struct timespec pause = {.tv_nsec = 10L * 1000 * 1000};
	struct mail mail = {
	    .kind = MAIL_HANDSHAKE,
	    .data = job->data,
	    .discard = job->discard,
	};
	struct mailbox *mailbox = job->mailbox;

	while (!mailbox_post(mailbox, mail))
		nanosleep(&pause, NULL);
}

static void *
handshake_pool_run(void *arg)
{
	struct handshake_pool *p = arg;
	struct handshake_job *job;

	while ((job = handshake_pool_next_job(p)) != NULL) {
		job->result = tls_handshake(job->tls);
		handshake_pool_tell(job);
	}
	return NULL;
}

struct handshake_pool *
handshake_pool_new(uint32_t threads)
{
	struct handshake_pool *p =
	    calloc(1, sizeof(*p) + threads * sizeof(p->threads[0]));

	if (p == NULL)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	STAILQ_INIT(&p->jobs);
	p->most = threads;
	return p;
}

bool
handshake_pool_start(struct handshake_pool *p)
{
	for (; p->started < p->most; p->started++) {
		errno = pthread_create(&p->threads[p->started], NULL,
				       handshake_pool_run, p);
		if (errno != 0)
			return false;
	}
	return true;
}

void
handshake_pool_stop(struct handshake_pool *p)
{
	uint32_t i;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->is_stopping = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->started; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void
handshake_pool_post(struct handshake_pool *p, struct handshake_job *job)
{
	pthread_mutex_lock(&p->lock);
	STAILQ_INSERT_TAIL(&p->jobs, job, link);
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}
