/*
 * history.c - statements under way are a list of notes, which their exchanges
 * write; at its end a note's entry goes into a ring.  Beside the entries stand
 * their keys: who looks for one goes through these alone.
 */
#include "proxy/history/history.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/history/history_state.h"

enum {
	/* Steps that come again and again in turn, as a look and an attempt do,
	 * are so many at most. */
	ALIKE_WITHIN = 8,
};

static const char *const step_names[] = {
#define X(constant, name) [HISTORY_##constant] = (name),
    HISTORY_STEPS(X)
#undef X
};

static const char *const state_names[] = {
    [HISTORY_HELD] = "held",
    [HISTORY_RUNNING] = "running",
    [HISTORY_OVER] = "over",
};

const char *
history_step_name(enum history_step_kind kind)
{
	return step_names[kind];
}

const char *
history_state_name(enum history_state state)
{
	return state_names[state];
}

struct history *
history_new(void)
{
	struct history *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	pthread_mutex_init(&h->lock, NULL);
	LIST_INIT(&h->under_way);
	return h;
}

void
history_free(struct history *h)
{
	if (h == NULL)
		return;
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static void
history_copy(char *out, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	memcpy(out, text, len);
	out[len] = '\0';
}

/* Statements under way */

struct history_note *
history_begin(struct history *h, const struct history_entry *first)
{
	struct history_note *n = h == NULL ? NULL : calloc(1, sizeof(*n));
	struct history_entry *e;

	if (n == NULL)
		return NULL;
	e = &n->entry;
	e->who = first->who;
	e->statement = first->statement;
	memcpy(e->text, first->text, sizeof(e->text));
	e->begun_ms = clock_now_ms();
	e->begun_at_ms = history_wall_ms();
	history_lock(h);
	e->id = ++h->last_id;
	LIST_INSERT_HEAD(&h->under_way, n, link);
	history_unlock(h);
	return n;
}

uint64_t
history_id(const struct history_note *n)
{
	return n == NULL ? 0 : n->entry.id;
}

/* True for a step that may come again and again while a statement is held. */
static bool
history_recurs(enum history_step_kind kind)
{
	switch (kind) {
	case HISTORY_IN_THE_WAY:
	case HISTORY_TURN_DENIED:
	case HISTORY_WINDOW_OPENED:
	case HISTORY_DRAINED:
	case HISTORY_WINDOW_OVER:
	case HISTORY_ATTEMPT_LOST:
	case HISTORY_TRIED:
	case HISTORY_TRIAL_UNDONE:
	case HISTORY_AUTOVACUUM_ASKED:
		return true;
	default:
		return false;
	}
}

/* A session in the way may have gone from one state to another. */
static bool
history_is_alike(const struct history_step *a, const struct history_step *b)
{
	return a->kind == b->kind && a->pid == b->pid &&
	       strcmp(a->who, b->who) == 0 &&
	       (a->kind == HISTORY_IN_THE_WAY || strcmp(a->what, b->what) == 0);
}

/* A step like this one, of late.  NULL: there is none. */
static struct history_step *
history_find_alike(struct history_entry *e, const struct history_step *step)
{
	size_t i;

	if (!history_recurs(step->kind))
		return NULL;
	for (i = 1; i <= ALIKE_WITHIN && i <= e->step_count; i++)
		if (history_is_alike(&e->steps[e->step_count - i], step))
			return &e->steps[e->step_count - i];
	return NULL;
}

/* A place for another step. */
static struct history_step *
history_new_step(struct history_entry *e)
{
	struct history_step *oldest = &e->steps[HISTORY_STEPS_FIRST];

	if (e->step_count == HISTORY_STEPS_MAX) {
		memmove(oldest, oldest + 1,
			(HISTORY_STEPS_MAX - HISTORY_STEPS_FIRST - 1) *
			    sizeof(*oldest));
		e->step_count--;
		e->steps_left_out++;
	}
	return &e->steps[e->step_count++];
}

static void
history_put(struct history_entry *e, const struct history_step *step,
	    uint32_t at_ms)
{
	struct history_step *alike = history_find_alike(e, step);

	if (alike == NULL) {
		alike = history_new_step(e);
		*alike = *step;
		alike->at_ms = at_ms;
		alike->times = 0;
	}
	alike->last_ms = at_ms;
	alike->number = step->number;
	alike->ms = step->ms;
	memcpy(alike->what, step->what, sizeof(alike->what));
	alike->times++;
}

/* Steps ahead of TRIED and RAN in the table hold the statement, perhaps again.
 */
static void
history_note_state(struct history_note *n, enum history_step_kind kind,
		   uint64_t now_ms)
{
	bool is_sent = kind == HISTORY_RAN || kind == HISTORY_TRIED;

	if (kind > HISTORY_RAN)
		return;
	n->entry.state = is_sent ? HISTORY_RUNNING : HISTORY_HELD;
	n->run_ms = is_sent ? now_ms : 0;
}

void
history_add(struct history *h, struct history_note *n,
	    const struct history_step *step)
{
	uint64_t now_ms = clock_now_ms();

	if (n == NULL)
		return;
	history_lock(h);
	history_put(&n->entry, step, (uint32_t)(now_ms - n->entry.begun_ms));
	history_note_state(n, step->kind, now_ms);
	history_unlock(h);
}

void
history_tell(struct history *h, struct history_note *n,
	     const struct history_facts *facts)
{
	if (n == NULL)
		return;
	history_lock(h);
	n->entry.facts = *facts;
	history_unlock(h);
}

/* Set the times of an entry, as of now. */
static void
history_set_times(struct history_entry *e, uint64_t sent_ms, uint64_t now_ms)
{
	uint64_t held_until_ms = sent_ms > 0 ? sent_ms : now_ms;

	e->held_ms = held_until_ms - e->begun_ms;
	e->run_ms = now_ms - held_until_ms;
}

/* Keep a statement that is over, in place of the oldest. */
static void
history_keep(struct history *h, const struct history_entry *e, uint64_t now_ms)
{
	h->entries[h->next] = *e;
	h->keys[h->next] = (struct history_key){
	    .id = e->id,
	    .session = e->who.session,
	    .begun_ms = e->begun_ms,
	    .over_ms = now_ms,
	};
	h->next = (h->next + 1) % HISTORY_MAX;
	h->over++;
}

void
history_end(struct history *h, struct history_note *n, const char *result)
{
	uint64_t now_ms = clock_now_ms();

	if (n == NULL)
		return;
	history_lock(h);
	history_copy(n->entry.result, sizeof(n->entry.result), result);
	n->entry.state = HISTORY_OVER;
	history_set_times(&n->entry, n->run_ms, now_ms);
	LIST_REMOVE(n, link);
	history_keep(h, &n->entry, now_ms);
	history_unlock(h);
	free(n);
}

void
history_drop(struct history *h, struct history_note *n)
{
	if (n == NULL)
		return;
	history_lock(h);
	LIST_REMOVE(n, link);
	history_unlock(h);
	free(n);
}

/* Readers */

/* Copy an entry, with its times as of now where it is not over. */
static void
history_copy_note(struct history_entry *out, const struct history_note *n)
{
	*out = n->entry;
	history_set_times(out, n->run_ms, clock_now_ms());
}

/* The note of the largest id in [least, before).  NULL: there is none. */
static const struct history_note *
history_last_note(const struct history *h, uint64_t least, uint64_t before)
{
	const struct history_note *n;
	const struct history_note *last = NULL;

	LIST_FOREACH(n, &h->under_way, link)
		if (n->entry.id >= least && n->entry.id < before &&
		    (last == NULL || n->entry.id > last->entry.id))
			last = n;
	return last;
}

/* Likewise the place in the ring; HISTORY_MAX: there is none. */
static size_t
history_last_place(const struct history *h, uint64_t least, uint64_t before)
{
	size_t last = HISTORY_MAX;
	size_t i;

	for (i = 0; i < HISTORY_MAX; i++)
		if (h->keys[i].id >= least && h->keys[i].id < before &&
		    (last == HISTORY_MAX || h->keys[i].id > h->keys[last].id))
			last = i;
	return last;
}

/* Copy the statement of the largest id in [least, before). */
static bool
history_read(struct history *h, uint64_t least, uint64_t before,
	     struct history_entry *out)
{
	const struct history_note *note;
	size_t place;

	if (h == NULL)
		return false;
	history_lock(h);
	note = history_last_note(h, least, before);
	place = history_last_place(h, least, before);
	if (note != NULL &&
	    (place == HISTORY_MAX || note->entry.id > h->keys[place].id))
		history_copy_note(out, note);
	else if (place < HISTORY_MAX)
		*out = h->entries[place];
	history_unlock(h);
	return note != NULL || place < HISTORY_MAX;
}

bool
history_next(struct history *h, uint64_t before, struct history_entry *out)
{
	return history_read(h, 1, before, out);
}

bool
history_find(struct history *h, uint64_t id, struct history_entry *out)
{
	return id > 0 && id < UINT64_MAX && history_read(h, id, id + 1, out);
}

bool
history_find_session(struct history *h, uint64_t session,
		     struct history_entry *out)
{
	const struct history_note *n;

	if (h == NULL)
		return false;
	history_lock(h);
	LIST_FOREACH(n, &h->under_way, link)
		if (n->entry.who.session == session)
			break;
	if (n != NULL)
		history_copy_note(out, n);
	history_unlock(h);
	return n != NULL;
}

bool
history_next_under_way(struct history *h, uint64_t after,
		       struct history_entry *out)
{
	const struct history_note *oldest = NULL;
	const struct history_note *n;

	if (h == NULL)
		return false;
	history_lock(h);
	LIST_FOREACH(n, &h->under_way, link)
		if (n->entry.id > after &&
		    (oldest == NULL || n->entry.id < oldest->entry.id))
			oldest = n;
	if (oldest != NULL)
		history_copy_note(out, oldest);
	history_unlock(h);
	return oldest != NULL;
}

struct history_numbers
history_count(struct history *h)
{
	struct history_numbers numbers = {0};
	const struct history_note *n;

	if (h == NULL)
		return numbers;
	history_lock(h);
	LIST_FOREACH(n, &h->under_way, link)
		numbers.under_way++;
	numbers.over = h->over;
	numbers.windows = h->last_window;
	history_unlock(h);
	return numbers;
}
