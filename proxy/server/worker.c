#include "proxy/server/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/dns.h>

#include "proxy/base/log.h"
#include "proxy/session/session.h"

static void
end_if_empty(struct worker *w)
{
	/* What is reaped must still be freed and counted off. */
	if (w->is_draining && LIST_EMPTY(&w->sessions) &&
	    LIST_EMPTY(&w->reaped))
		event_base_loopbreak(w->base);
}

static void
reap(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	while (!LIST_EMPTY(&w->reaped)) {
		struct session *s = LIST_FIRST(&w->reaped);

		LIST_REMOVE(s, link);
		session_free(s);
		atomic_fetch_sub(&w->load, 1);
		atomic_fetch_sub(&w->daemon->connections, 1);
	}
	end_if_empty(w);
}

void
worker_reap(struct worker *w, struct session *s)
{
	LIST_REMOVE(s, link);
	LIST_INSERT_HEAD(&w->reaped, s, link);
	event_active(&w->reap_event, EV_TIMEOUT, 1);
}

static void
accept_connection(struct worker *w, int fd)
{
	const struct config *config = w->daemon->config;
	bool is_over_limit =
	    atomic_load(&w->daemon->connections) > config->max_connections;

	if (w->is_draining) {
		close(fd);
		atomic_fetch_sub(&w->load, 1);
		atomic_fetch_sub(&w->daemon->connections, 1);
		return;
	}
	session_open(w, fd, is_over_limit);
}

static struct session *
find_session(struct worker *w, uint64_t id)
{
	struct session *s;

	LIST_FOREACH(s, &w->sessions, link)
	{
		if (s->id == id)
			return s;
	}
	return NULL;
}

static void
cancel_session(struct worker *w, const struct mail *mail)
{
	struct session *s = find_session(w, mail->id);
	struct mail answer = {.kind = MAIL_CANCELED, .id = mail->asker};

	answer.fd = s != NULL && session_cancel(s);
	(void)mailbox_post(&w->daemon->workers[mail->worker].mailbox, answer);
}

static void
tell_asker(struct worker *w, const struct mail *mail)
{
	struct session *s = find_session(w, mail->id);

	if (s != NULL)
		session_cancel_answered(s, mail->fd != 0);
}

/* A session may leave the list while it is told. */
static void
tell_all(struct worker *w, void (*tell)(struct session *))
{
	struct session *s = LIST_FIRST(&w->sessions);

	while (s != NULL) {
		struct session *next = LIST_NEXT(s, link);

		tell(s);
		s = next;
	}
	end_if_empty(w);
}

static void
handle_mail(void *arg, const struct mail *mail)
{
	struct worker *w = arg;

	switch (mail->kind) {
	case MAIL_CONNECTION:
		accept_connection(w, mail->fd);
		break;
	case MAIL_CANCEL:
		cancel_session(w, mail);
		break;
	case MAIL_CANCELED:
		tell_asker(w, mail);
		break;
	case MAIL_DRAIN:
		w->is_draining = true;
		tell_all(w, session_drain);
		break;
	case MAIL_EXPIRE:
		tell_all(w, session_expire);
		break;
	case MAIL_STOP:
		w->is_draining = true;
		tell_all(w, session_stop);
		break;
	case MAIL_SHUT:
		gate_add(&w->gate, mail->data);
		break;
	case MAIL_OPEN:
		gate_remove(&w->gate, mail->data);
		break;
	case MAIL_HANDSHAKE:
		handshake_stepped(mail->data);
		break;
	}
}

static void *
run(void *arg)
{
	struct worker *w = arg;

	event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static struct event_base *
new_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (c == NULL)
		return NULL;
	/* Only its own thread uses it; and most turns need no time. */
	event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK |
				     EVENT_BASE_FLAG_NO_CACHE_TIME);
	base = event_base_new_with_config(c);
	event_config_free(c);
	return base;
}

static int
create_thread(struct worker *w)
{
	pthread_attr_t attributes;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
	error = pthread_create(&w->thread, &attributes, run, w);
	pthread_attr_destroy(&attributes);
	return error;
}

bool
worker_start(struct worker *w, struct daemon *daemon, uint32_t index)
{
	w->daemon = daemon;
	w->index = index;
	LIST_INIT(&w->sessions);
	LIST_INIT(&w->reaped);
	w->base = new_base();
	if (w->base == NULL) {
		errno = ENOMEM;
		return false;
	}
	if (!mailbox_open(&w->mailbox, w->base, handle_mail, w)) {
		event_base_free(w->base);
		return false;
	}
	w->handshaker = (struct handshaker){
	    .base = w->base,
	    .mailbox = &w->mailbox,
	    .pool = daemon->handshakes,
	};
	event_assign(&w->reap_event, w->base, -1, 0, reap, w);
	gate_init(&w->gate, w->base);
	errno = create_thread(w);
	if (errno == 0)
		return true;
	mailbox_close(&w->mailbox);
	event_base_free(w->base);
	return false;
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
	gate_clear(&w->gate);
	/* The resolver has yet to free what was cancelled. */
	(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
	if (w->dns != NULL)
		evdns_base_free(w->dns, 0);
	event_base_free(w->base);
}
