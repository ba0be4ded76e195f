#include "proxy/gate/gate.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/history/history.h"
#include "proxy/pair/pair.h"

enum {
	PAUSE_LOOK_MS = 1000,
};

_Static_assert(sizeof(((struct history_window *)0)->database) ==
		   sizeof(((struct gate_window *)0)->database),
	       "a name is copied");

/* Windows */

struct gate_window *
gate_window_new(const struct pair *maker, struct gate_names *names,
		uint64_t now_ms, uint64_t until_ms)
{
	struct gate_window *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	atomic_init(&w->users, 1);
	w->maker = maker->id;
	w->shut_ms = now_ms;
	w->until_ms = until_ms;
	w->names = *names;
	memset(names, 0, sizeof(*names));
	memcpy(w->database, maker->database, sizeof(w->database));
	return w;
}

struct gate_window *
gate_window_new_pause(uint64_t maker, const char *database, uint64_t now_ms)
{
	struct gate_window *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	atomic_init(&w->users, 1);
	w->maker = maker;
	w->is_pause = true;
	w->shut_ms = now_ms;
	w->until_ms = UINT64_MAX;
	span_copy(w->database, sizeof(w->database),
		  span_of(database, strlen(database)));
	return w;
}

void
gate_window_drop(struct gate_window *w)
{
	if (w == NULL || atomic_fetch_sub(&w->users, 1) > 1)
		return;
	gate_names_clear(&w->names);
	free(w);
}

static void
gate_discard_use(void *data)
{
	gate_window_drop(data);
}

static void
gate_mail(struct mailbox *to, enum mail_kind kind, struct gate_window *w)
{
	struct mail mail = {
	    .kind = kind, .data = w, .discard = gate_discard_use};

	atomic_fetch_add(&w->users, 1);
	if (!mailbox_post(to, mail))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		gate_window_drop(w); /* never the last: the caller's */
}

void
gate_tell_workers(struct daemon *d, enum mail_kind kind, struct gate_window *w)
{
	uint32_t i;

	for (i = 0; i < d->worker_count; i++)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
		gate_mail(d->mailboxes[i], kind, w);
}

static void
gate_tell_all(struct daemon *d, enum mail_kind kind, struct gate_window *w)
{
	gate_tell_workers(d, kind, w);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): likewise */
	if (d->fleet != NULL && (w->maker & GATE_MAKER_ELSEWHERE) == 0)
		gate_mail(d->fleet, kind, w);
}

void
gate_window_shut(struct daemon *d, struct gate_window *w)
{
	struct history_window told = {
	    .maker = w->maker,
	    .is_elsewhere = (w->maker & GATE_MAKER_ELSEWHERE) != 0,
	    .is_of_transaction = w->is_of_transaction,
	    .shut_ms = w->shut_ms,
	    .until_ms = w->until_ms,
	};

	memcpy(told.database, w->database, sizeof(told.database));
	history_shut(d->history, &told);
	gate_tell_all(d, MAIL_SHUT, w);
}

void
gate_window_open(struct daemon *d, struct gate_window *w)
{
	history_open(d->history, w->maker, w->shut_ms, w->is_of_transaction);
	gate_tell_all(d, MAIL_OPEN, w);
}

/* A worker's list */

static void
gate_forget_note(struct gate *g, struct gate_note *note)
{
	TAILQ_REMOVE(&g->notes, note, link);
	gate_window_drop(note->window);
	free(note);
}

/* When to look whether the window is over.  A pause is looked at now and then:
 * the mail that ends it may be lost. */
static uint64_t
gate_window_next_ms(const struct gate_window *w, uint64_t now_ms)
{
	return w->is_pause ? now_ms + PAUSE_LOOK_MS : w->until_ms;
}

static bool
gate_window_is_over(const struct gate_window *w, uint64_t now_ms)
{
	return w->is_pause ? atomic_load(&w->is_over) : w->until_ms <= now_ms;
}

static void
gate_set_timer(struct gate *g)
{
	uint64_t now_ms = clock_now_ms();
	uint64_t first_ms = UINT64_MAX;
	struct timeval t;
	struct gate_note *note;

	TAILQ_FOREACH(note, &g->notes, link)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it has left */
		if (gate_window_next_ms(note->window, now_ms) < first_ms)
			first_ms = gate_window_next_ms(note->window, now_ms);
	event_del(&g->timer);
	if (first_ms == UINT64_MAX)
		return;
	t = clock_timeval_until(first_ms, now_ms);
	event_add(&g->timer, &t);
}

/*
 * Wake each waiter once: who meets another shut window waits behind the rest.
 */
static void
gate_let_go(struct gate *g)
{
	struct gate_waiter *w;
	size_t count = 0;

	TAILQ_FOREACH(w, &g->waiting, link)
		count++;
	for (; count > 0 && !TAILQ_EMPTY(&g->waiting); count--) {
		w = TAILQ_FIRST(&g->waiting);
		w->go(w);
	}
	gate_set_timer(g);
}

static void
gate_timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct gate *g = arg;
	uint64_t now_ms = clock_now_ms();
	struct gate_note *note = TAILQ_FIRST(&g->notes);
	bool is_over = false;

	(void)fd;
	(void)what;
	while (note != NULL) {
		struct gate_note *next = TAILQ_NEXT(note, link);

		if (gate_window_is_over(note->window, now_ms)) {
			gate_forget_note(g, note);
			is_over = true;
		}
		note = next;
	}
	/* The timer may be early: libevent's clock and ours differ. */
	if (is_over)
		gate_let_go(g);
	else
		gate_set_timer(g);
}

void
gate_init(struct gate *g, struct event_base *base)
{
	TAILQ_INIT(&g->notes);
	TAILQ_INIT(&g->waiting);
	event_assign(&g->timer, base, -1, 0, gate_timer_event, g);
}

void
gate_clear(struct gate *g)
{
	event_del(&g->timer);
	while (!TAILQ_EMPTY(&g->notes))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): likewise */
		gate_forget_note(g, TAILQ_FIRST(&g->notes));
}

void
gate_add(struct gate *g, struct gate_window *w)
{
	struct gate_note *note = calloc(1, sizeof(*note));

	if (note == NULL) {
		gate_window_drop(w);
		return;
	}
	note->window = w;
	TAILQ_INSERT_TAIL(&g->notes, note, link);
	/* Sessions that wait at a window may have to wait for it instead. */
	if (w->is_pause)
		gate_let_go(g);
	else
		gate_set_timer(g);
}

void
gate_remove(struct gate *g, struct gate_window *w)
{
	struct gate_note *note;

	TAILQ_FOREACH(note, &g->notes, link) {
		if (note->window != w)
			continue;
		gate_forget_note(g, note);
		break;
	}
	gate_window_drop(w);
	gate_let_go(g);
}

struct gate_window *
gate_find_pause(const struct gate *g, const char *database)
{
	struct gate_note *note;

	TAILQ_FOREACH(note, &g->notes, link) {
		struct gate_window *w = note->window;

		if (w->is_pause && (w->database[0] == '\0' ||
				    strcmp(w->database, database) == 0))
			return w;
	}
	return NULL;
}

bool
gate_has_pause(const struct gate *g, uint64_t maker, const char *database)
{
	struct gate_note *note;

	TAILQ_FOREACH(note, &g->notes, link) {
		const struct gate_window *w = note->window;

		if (w->is_pause && w->maker == maker &&
		    strcmp(w->database, database) == 0)
			return true;
	}
	return false;
}
