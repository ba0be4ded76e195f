/*
 * console_pause.c - PAUSE, which is answered once every session that it is
 * about is between two transactions, and RESUME.
 *
 * Each worker is asked in turn, now and then, until nothing is under way in it:
 * nothing begins there any more, so the next one can be asked.  A PAUSE that
 * nobody has the answer of, as it was canceled or its console has gone, ends.
 */
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/console/console_state.h"
#include "proxy/gate/pause.h"

enum {
	PAUSE_LOOK_MS = 20, /* until a worker is asked again */
};

static void
pause_log(const struct console *c, const char *message)
{
	const struct console_pause *p = &c->pause;
	struct log_event e;

	log_begin(&e, LOG_INFO, message);
	log_number(&e, "session", c->pair->id);
	if (p->database[0] != '\0')
		log_text(&e, "database", p->database);
	log_number(&e, "waited_ms", clock_now_ms() - p->since_ms);
	log_end(&e);
}

/* End the wait, whatever comes of it. */
static void
pause_end_wait(struct console *c, const char *message)
{
	pause_log(c, message);
	c->pause.is_under_way = false;
	c->awaits = false;
}

static void
pause_undo(struct console *c)
{
	pause_give_up(c->pair->daemon, c->pair->id, c->pause.database);
}

static void
pause_fail(struct console *c, const char *sqlstate, const char *message)
{
	pause_undo(c);
	pause_end_wait(c, "pause given up");
	console_fail_saying(c, sqlstate, message, NULL);
}

/* Ask the next worker whether anything is under way in it. */
static void
pause_ask(struct console *c)
{
	struct console_pause *p = &c->pause;
	struct console_task *t = console_new_task(c, TASK_SETTLE);

	if (t == NULL)
		return;
	memcpy(t->database, p->database, sizeof(t->database));
	console_send(c, t, p->worker);
}

static void
pause_settled(struct console *c)
{
	if (++c->pause.worker < c->pair->daemon->worker_count) {
		pause_ask(c);
		return;
	}
	pause_settle(c->pair->daemon, c->pair->id, c->pause.database);
	pause_end_wait(c, "paused");
	console_complete(c, CONSOLE_PAUSE);
}

/* A worker had no memory to note the pause, or somebody has ended it. */
static void
pause_lost(struct console *c)
{
	if (pause_is_of(c->pair->daemon, c->pair->id, c->pause.database))
		pause_fail(c, "53200", "out of memory");
	else
		pause_fail(c, "55000", "RESUME has come before all was paused");
}

void
console_pause_told(struct console *c, const struct console_task *t)
{
	if (c->pause.is_canceled)
		pause_fail(c, "57014",
			   "canceling statement due to user request");
	else if (t->end == TASK_DONE)
		pause_settled(c);
	else if (t->end == TASK_UNSETTLED)
		pair_set_timer(c->pair, PAUSE_LOOK_MS);
	else
		pause_lost(c);
	/* Until the timer, too, the console waits for an answer. */
	c->awaits = c->pause.is_under_way;
}

void
console_tick(struct console *c)
{
	if (c->pause.is_under_way)
		pause_ask(c);
}

void
console_cancel(struct console *c)
{
	if (!c->pause.is_under_way)
		return;
	pause_undo(c); /* at once; the answer comes with the next look */
	c->pause.is_canceled = true;
}

bool
console_is_pausing(const struct console *c)
{
	return c->pause.is_under_way;
}

void
console_pause(struct console *c, const char *database)
{
	struct console_pause *p = &c->pause;

	switch (pause_begin(c->pair->daemon, c->pair->id, database)) {
	case PAUSE_BEGUN:
		break;
	case PAUSE_ALREADY:
		console_fail_saying(c, "55000", "this is paused already",
				    "SHOW DATABASES tells what is; RESUME "
				    "ends it.");
		return;
	case PAUSE_WAITS:
		console_fail_saying(c, "55006", "another PAUSE of this waits",
				    "It is not answered before all that is "
				    "under way has ended; RESUME ends it.");
		return;
	case PAUSE_NO_MEMORY:
		console_fail_saying(c, "53200", "out of memory", NULL);
		return;
	}
	*p = (struct console_pause){.is_under_way = true,
				    .since_ms = clock_now_ms()};
	span_copy(p->database, sizeof(p->database),
		  span_of(database, strlen(database)));
	pause_ask(c);
}

void
console_resume(struct console *c, const char *database)
{
	if (pause_end(c->pair->daemon, database))
		console_complete(c, CONSOLE_RESUME);
	else
		console_fail_saying(c, "55000", "this is not paused",
				    "SHOW DATABASES tells what is.");
}

void
console_pause_leave(struct console *c)
{
	if (!c->pause.is_under_way)
		return;
	pause_undo(c);
	pause_end_wait(c, "pause given up");
}
