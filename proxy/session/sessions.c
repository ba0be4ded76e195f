#include "proxy/session/sessions.h"

#include <unistd.h>

#include <event2/dns.h>

#include "proxy/session/session.h"

static void
count_off(struct sessions *ss)
{
	atomic_fetch_sub(&ss->load, 1);
	atomic_fetch_sub(&ss->daemon->connections, 1);
}

static void
end_loop_if_empty(struct sessions *ss)
{
	/* Those that are reaped must still be freed and counted off. */
	if (ss->is_draining && LIST_EMPTY(&ss->list) && LIST_EMPTY(&ss->reaped))
		event_base_loopbreak(ss->base);
}

static void
reap_all(evutil_socket_t fd, short what, void *arg)
{
	struct sessions *ss = arg;

	(void)fd;
	(void)what;
	while (!LIST_EMPTY(&ss->reaped)) {
		struct session *s = LIST_FIRST(&ss->reaped);

		LIST_REMOVE(s, link);
		session_free(s);
		count_off(ss);
	}
	end_loop_if_empty(ss);
}

void
sessions_init(struct sessions *ss, struct daemon *daemon,
	      struct event_base *base, struct mailbox *mailbox, uint32_t worker)
{
	ss->daemon = daemon;
	ss->base = base;
	ss->worker = worker;
	ss->handshaker = (struct handshaker){
	    .base = base,
	    .mailbox = mailbox,
	    .pool = daemon->handshakes,
	};
	LIST_INIT(&ss->list);
	LIST_INIT(&ss->reaped);
	event_assign(&ss->reap_event, base, -1, 0, reap_all, ss);
	gate_init(&ss->gate, base);
}

void
sessions_clear(struct sessions *ss)
{
	gate_clear(&ss->gate);
	/* The resolver has yet to free what was cancelled. */
	(void)event_base_loop(ss->base, EVLOOP_NONBLOCK);
	if (ss->dns != NULL)
		evdns_base_free(ss->dns, 0);
	ss->dns = NULL;
}

void
sessions_accept(struct sessions *ss, int fd)
{
	const struct config *config = ss->daemon->config;
	bool is_over_limit =
	    atomic_load(&ss->daemon->connections) > config->max_connections;

	if (ss->is_draining) {
		close(fd);
		count_off(ss);
		return;
	}
	session_open(ss, fd, is_over_limit);
}

/* NULL: it has ended. */
static struct session *
find_session(struct sessions *ss, uint64_t id)
{
	struct session *s;

	LIST_FOREACH(s, &ss->list, link)
	{
		if (s->pair.id == id)
			return s;
	}
	return NULL;
}

void
sessions_cancel(struct sessions *ss, const struct mail *mail)
{
	struct session *s = find_session(ss, mail->id);
	struct mail answer = {.kind = MAIL_CANCELED, .id = mail->asker};

	answer.fd = s != NULL && session_cancel(s);
	(void)daemon_post(ss->daemon, mail->worker, answer);
}

void
sessions_cancel_answered(struct sessions *ss, const struct mail *mail)
{
	struct session *s = find_session(ss, mail->id);

	if (s != NULL)
		session_cancel_answered(s, mail->fd != 0);
}

/* A session may leave the list while it is told. */
static void
tell_all(struct sessions *ss, void (*tell)(struct session *))
{
	struct session *s = LIST_FIRST(&ss->list);

	while (s != NULL) {
		struct session *next = LIST_NEXT(s, link);

		tell(s);
		s = next;
	}
	end_loop_if_empty(ss);
}

void
sessions_drain(struct sessions *ss)
{
	ss->is_draining = true;
	tell_all(ss, session_drain);
}

void
sessions_expire(struct sessions *ss)
{
	tell_all(ss, session_expire);
}

void
sessions_stop(struct sessions *ss)
{
	ss->is_draining = true;
	tell_all(ss, session_stop);
}

void
sessions_reap(struct sessions *ss, struct session *s)
{
	LIST_REMOVE(s, link);
	LIST_INSERT_HEAD(&ss->reaped, s, link);
	event_active(&ss->reap_event, EV_TIMEOUT, 1);
}
