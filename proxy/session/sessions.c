#include "proxy/session/sessions.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/guard/deadlock.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"

enum {
	WATCH_MIN_MS = 250,
	WATCH_MAX_MS = 5000,
	DESCRIBED_MAX = 1000,   /* by one signal; logging takes time */
	PAGE_BYTES = 16 * 1024, /* rows for a console at a time */
};

static void
sessions_count_off(struct sessions *ss)
{
	atomic_fetch_sub(&ss->load, 1);
	atomic_fetch_sub(&ss->daemon->connections, 1);
}

static void
sessions_end_loop_if_empty(struct sessions *ss)
{
	/* Reaped sessions must still be freed and counted off. */
	if (ss->is_draining && LIST_EMPTY(&ss->list) && LIST_EMPTY(&ss->reaped))
		event_base_loopbreak(ss->base);
}

static void
sessions_reap_all(evutil_socket_t fd, short what, void *arg)
{
	struct sessions *ss = arg;

	(void)fd;
	(void)what;
	while (!LIST_EMPTY(&ss->reaped)) {
		struct session *s = LIST_FIRST(&ss->reaped);

		LIST_REMOVE(s, link);
		session_free(s);
		sessions_count_off(ss);
	}
	sessions_end_loop_if_empty(ss);
}

/* A session may leave the list while it is told, and no other one: what its end
 * wakes acts in an event of its own. */
static void
sessions_tell_all(struct sessions *ss, void (*tell)(struct session *))
{
	struct session *s = LIST_FIRST(&ss->list);

	while (s != NULL) {
		struct session *next = LIST_NEXT(s, link);

		tell(s);
		s = next;
	}
	sessions_end_loop_if_empty(ss);
}

static void
session_watch(struct session *s)
{
	session_note_stint(s);
	session_check_client(s);
}

static void
sessions_watch(void *arg)
{
	sessions_tell_all(arg, session_watch);
}

/* Often enough to be a quarter late at most, and seldom enough to cost nothing.
 */
static void
sessions_begin_watch(struct sessions *ss)
{
	uint32_t often_ms = ss->daemon->start_config->tcp_user_timeout_ms / 4;

	if (!ticker_open(&ss->watch, ss->base, sessions_watch, ss))
		log_line(LOG_WARNING, "no watch for lost clients: %s",
			 strerror(errno));
	if (often_ms == 0)
		return;
	if (often_ms < WATCH_MIN_MS)
		often_ms = WATCH_MIN_MS;
	if (often_ms > WATCH_MAX_MS)
		often_ms = WATCH_MAX_MS;
	(void)ticker_every(&ss->watch, often_ms);
}

void
sessions_init(struct sessions *ss, struct daemon *daemon,
	      struct event_base *base, struct mailbox *mailbox, uint32_t worker)
{
	ss->daemon = daemon;
	ss->base = base;
	ss->worker = worker;
	ss->counts = daemon_counts(daemon, worker);
	ss->handshaker = (struct handshaker){
	    .base = base,
	    .mailbox = mailbox,
	    .pool = daemon->handshakes,
	};
	LIST_INIT(&ss->list);
	LIST_INIT(&ss->reaped);
	event_assign(&ss->reap_event, base, -1, 0, sessions_reap_all, ss);
	sessions_begin_watch(ss);
	gate_init(&ss->gate, base);
	lookout_init(&ss->lookout);
	patrol_init(&ss->patrol, daemon, base);
}

void
sessions_clear(struct sessions *ss)
{
	ticker_close(&ss->watch);
	gate_clear(&ss->gate);
	patrol_clear(&ss->patrol);
}

void
sessions_accept(struct sessions *ss, int fd)
{
	if (!ss->is_draining && session_open(ss, fd))
		return;
	close(fd);
	sessions_count_off(ss);
}

/* The session of this id.  NULL: it has ended. */
static struct session *
sessions_find(struct sessions *ss, uint64_t id)
{
	struct session *s;

	LIST_FOREACH(s, &ss->list, link) {
		if (s->pair.id == id)
			return s;
	}
	return NULL;
}

void
sessions_cancel(struct sessions *ss, const struct mail *mail)
{
	struct session *s = sessions_find(ss, mail->id);
	struct mail answer = {.kind = MAIL_CANCELED, .id = mail->asker};

	answer.has_ended = s != NULL && session_cancel(s);
	(void)daemon_post(ss->daemon, mail->worker, answer);
}

void
sessions_cancel_answered(struct sessions *ss, const struct mail *mail)
{
	struct session *s = sessions_find(ss, mail->id);

	if (s != NULL)
		session_cancel_answered(s, mail->has_ended);
}

/*
 * Write rows of sessions below t->id, the highest first, as they stand on the
 * list, and note the last one that was looked at.
 */
static void
sessions_write_page(struct sessions *ss, struct console_task *t)
{
	struct console_rows rows = {
	    .out = &t->rows, .table = t->table, .binary = t->binary};
	struct session *s;

	LIST_FOREACH(s, &ss->list, link) {
		if (s->pair.id >= t->id)
			continue;
		t->id = s->pair.id;
		(void)session_write_row(s, &rows);
		if (t->rows.len >= PAGE_BYTES)
			return;
	}
	t->is_last = true;
}

/* Tell whether a PAUSE has to wait for any session. */
static enum console_task_end
sessions_settle(struct sessions *ss, const struct console_task *t)
{
	const struct session *s;

	if (!gate_has_pause(&ss->gate, t->asker, t->database))
		return TASK_NOT_PAUSED;
	LIST_FOREACH(s, &ss->list, link) {
		if (session_is_under_way(s, t->database))
			return TASK_UNSETTLED;
	}
	return TASK_DONE;
}

void
sessions_take_task(struct sessions *ss, const struct mail *mail)
{
	struct console_task *t = mail->data;
	enum console_task_end end = TASK_DONE;
	struct session *s;

	if (t->kind == TASK_PAGE) {
		sessions_write_page(ss, t);
	} else if (t->kind == TASK_SETTLE) {
		end = sessions_settle(ss, t);
	} else {
		s = sessions_find(ss, t->id);
		end = s == NULL ? TASK_NO_SESSION : session_do_task(s, t->kind);
	}
	console_task_return(ss->daemon, t, end);
}

void
sessions_task_returned(struct sessions *ss, const struct mail *mail)
{
	struct console_task *t = mail->data;
	struct session *s = sessions_find(ss, t->asker);

	if (s != NULL)
		session_task_returned(s, t);
	else
		console_task_free(t);
}

void
sessions_tell_deadlock(struct sessions *ss, const struct mail *mail)
{
	const struct session *s = sessions_find(ss, mail->id);

	if (s != NULL)
		deadlock_tell_side(&s->guarded, mail->asker);
}

void
sessions_drain(struct sessions *ss)
{
	ss->is_draining = true;
	sessions_tell_all(ss, session_drain);
}

void
sessions_expire(struct sessions *ss)
{
	sessions_tell_all(ss, session_expire);
}

void
sessions_stop(struct sessions *ss)
{
	ss->is_draining = true;
	sessions_tell_all(ss, session_stop);
}

/* Idle ones are only counted, and so are those beyond DESCRIBED_MAX. */
void
sessions_describe(struct sessions *ss)
{
	uint32_t described = 0;
	uint32_t idle = 0;
	uint32_t more = 0;
	struct session *s;
	struct log_event e;

	LIST_FOREACH(s, &ss->list, link) {
		if (session_is_idle(s))
			idle++;
		else if (described == DESCRIBED_MAX)
			more++;
		else if (++described)
			session_describe(s);
	}
	log_begin(&e, LOG_INFO, "sessions");
	log_number(&e, "worker", ss->worker);
	log_number(&e, "described", described);
	log_number(&e, "idle", idle);
	log_number(&e, "left_out", more);
	log_text(&e, "gate", gate_is_open(&ss->gate) ? "open" : "shut");
	log_end(&e);
}

void
sessions_reap(struct sessions *ss, struct session *s)
{
	LIST_REMOVE(s, link);
	LIST_INSERT_HEAD(&ss->reaped, s, link);
	event_active(&ss->reap_event, EV_TIMEOUT, 1);
}
