#include "proxy/server/worker.h"

#include <assert.h>
#include <errno.h>

#include "proxy/net/handshake.h"
#include "proxy/net/resolver.h"

static void
worker_end_sessions(struct sessions *ss, enum mail_kind how)
{
	if (how == MAIL_DRAIN)
		sessions_drain(ss);
	else if (how == MAIL_EXPIRE)
		sessions_expire(ss);
	else
		sessions_stop(ss);
}

static void
worker_handle_mail(void *arg, const struct mail *mail)
{
	struct worker *w = arg;
	struct sessions *ss = &w->sessions;

	switch (mail->kind) {
	case MAIL_CONNECTION:
		sessions_accept(ss, mail->fd);
		break;
	case MAIL_CANCEL:
		sessions_cancel(ss, mail);
		break;
	case MAIL_CANCELED:
		sessions_cancel_answered(ss, mail);
		break;
	case MAIL_DRAIN:
	case MAIL_EXPIRE:
	case MAIL_STOP:
		worker_end_sessions(ss, mail->kind);
		break;
	case MAIL_DESCRIBE:
		sessions_describe(ss);
		break;
	case MAIL_DEADLOCK:
		sessions_tell_deadlock(ss, mail);
		break;
	case MAIL_ASK:
		atomic_store(&w->is_asked, false);
		break;
	case MAIL_SHUT:
		gate_add(&ss->gate, mail->data);
		break;
	case MAIL_OPEN:
		gate_remove(&ss->gate, mail->data);
		break;
	case MAIL_HANDSHAKE:
		handshake_stepped(mail->data);
		break;
	case MAIL_RESOLVED:
		resolution_answered(mail->data);
		break;
	case MAIL_ROLL:
		sessions_answer_roll(ss, mail);
		break;
	case MAIL_TASK:
		sessions_take_task(ss, mail);
		break;
	case MAIL_TASK_DONE:
		sessions_task_returned(ss, mail);
		break;
	case MAIL_WANTED:
	case MAIL_KEY:
	case MAIL_CALL:
		assert(false && "the fleet's");
		break;
	}
}

static void *
worker_run(void *arg)
{
	struct worker *w = arg;

	pthread_setname_np(pthread_self(), "worker");
	event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
	atomic_store(&w->has_ended, true);
	return NULL;
}

static struct event_base *
worker_new_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (c == NULL)
		return NULL;
	/* Only its own thread uses the loop, and most events need no time. */
	event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK |
				     EVENT_BASE_FLAG_NO_CACHE_TIME);
	base = event_base_new_with_config(c);
	event_config_free(c);
	return base;
}

/* Start the thread.  The error number; 0: the thread runs. */
static int
worker_create_thread(struct worker *w)
{
	pthread_attr_t attributes;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
	error = pthread_create(&w->thread, &attributes, worker_run, w);
	pthread_attr_destroy(&attributes);
	return error;
}

bool
worker_start(struct worker *w, struct daemon *daemon, uint32_t index)
{
	w->base = worker_new_base();
	if (w->base == NULL) {
		errno = ENOMEM;
		return false;
	}
	if (!mailbox_open(&w->mailbox, w->base, worker_handle_mail, w)) {
		event_base_free(w->base);
		return false;
	}
	sessions_init(&w->sessions, daemon, w->base, &w->mailbox, index);
	errno = worker_create_thread(w);
	if (errno == 0)
		return true;
	mailbox_close(&w->mailbox);
	event_base_free(w->base);
	return false;
}

void
worker_ask(struct worker *w)
{
	struct mail ask = {.kind = MAIL_ASK};

	/* Out of memory: nothing is asked, and that is no fault of the loop. */
	atomic_store(&w->is_asked, true);
	if (!mailbox_post(&w->mailbox, ask))
		atomic_store(&w->is_asked, false);
}

bool
worker_turns(const struct worker *w)
{
	return atomic_load(&w->has_ended) || !atomic_load(&w->is_asked);
}

void
worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}

void
worker_clear(struct worker *w)
{
	mailbox_close(&w->mailbox);
	sessions_clear(&w->sessions);
	event_base_free(w->base);
}
