/*
 * rescue_base.c - whatever happens, a call, an answer or the timer, ends in
 * base_step, which does what is due and sets the timer for the rest.
 */
#include "proxy/rescue/rescue_base.h"

#include <stdlib.h>
#include <string.h>

#include "policy/catalog/holders.h"
#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/rescue/rescue_sql.h"

/* Cases */

static struct rescue_case *
base_find_session(const struct rescue_base *b, uint64_t session)
{
	struct rescue_case *c;

	TAILQ_FOREACH(c, &b->cases, link)
		if (c->pair.id == session)
			return c;
	return NULL;
}

static struct rescue_case *
base_find_pid(const struct rescue_base *b, uint32_t pid)
{
	struct rescue_case *c;

	TAILQ_FOREACH(c, &b->cases, link)
		if (c->pair.server_pid == pid)
			return c;
	return NULL;
}

static void
base_drop(struct rescue_base *b, struct rescue_case *c, uint64_t now_ms)
{
	TAILQ_REMOVE(&b->cases, c, link);
	b->count--;
	if (b->named == c)
		b->named = NULL;
	rescue_case_free(c, now_ms);
}

static void
base_log_full(const struct rescue_base *b)
{
	struct log_event e;

	log_begin_limited(&e, LOG_WARNING,
			  "rescue: too many statements wait in the server, "
			  "another is not looked after",
			  "rescue-full");
	log_text(&e, "database", b->name);
	log_number(&e, "most", RESCUE_CASES_MAX);
	log_end(&e);
}

static struct rescue_case *
base_add(struct rescue_base *b, const struct rescue_call *call)
{
	struct rescue_case *c;

	if (b->count == RESCUE_CASES_MAX) {
		base_log_full(b);
		return NULL;
	}
	c = rescue_case_new(b->daemon, call);
	if (c == NULL)
		return NULL;
	TAILQ_INSERT_TAIL(&b->cases, c, link);
	b->count++;
	return c;
}

/* End windows whose time is over, and forget statements that are not called
 * any more. */
static void
base_expire(struct rescue_base *b, uint64_t now_ms)
{
	struct rescue_case *c = TAILQ_FIRST(&b->cases);

	while (c != NULL) {
		struct rescue_case *next = TAILQ_NEXT(c, link);

		rescue_case_expire(c, now_ms);
		if (c->until_ms <= now_ms)
			base_drop(b, c, now_ms);
		c = next;
	}
}

static bool
base_is_shut(const struct rescue_base *b)
{
	const struct rescue_case *c;

	TAILQ_FOREACH(c, &b->cases, link)
		if (rescue_case_is_shut(c))
			return true;
	return false;
}

/* Questions */

/* The server pids as an array literal, the caller's to free.  NULL: out of
 * memory. */
static char *
base_print_pids(const struct rescue_base *b)
{
	uint32_t pids[RESCUE_CASES_MAX];
	const struct rescue_case *c;
	size_t count = 0;

	TAILQ_FOREACH(c, &b->cases, link)
		pids[count++] = c->pair.server_pid;
	return holders_param_of(pids, count);
}

static void
base_ask(struct rescue_base *b, const char *sql, char *param)
{
	if (param != NULL)
		(void)asker_ask(&b->asker, sql, param);
	free(param);
}

static void
base_look(struct rescue_base *b, uint64_t now_ms)
{
	struct rescue_case *c;

	TAILQ_FOREACH(c, &b->cases, link)
		rescue_case_begin_look(c);
	b->is_called = false;
	b->is_naming = false;
	b->pace.next_ms = now_ms + RESCUE_PAUSE_MS;
	b->counts->looks++;
	base_ask(b, RESCUE_SQL_WAITS, base_print_pids(b));
}

/* Ask for the names of a statement's relations.  False: no window is due. */
static bool
base_ask_names(struct rescue_base *b)
{
	struct rescue_case *c;

	TAILQ_FOREACH(c, &b->cases, link) {
		if (!c->is_due)
			continue;
		b->named = c;
		b->is_naming = true;
		base_ask(b, gate_names_query(),
			 holders_param_of(c->relids, c->count));
		return true;
	}
	return false;
}

/* Steps */

static void
base_connect(struct rescue_base *b, uint64_t now_ms)
{
	if (now_ms >= b->retry_ms)
		asker_connect(&b->asker, b->daemon->start_config->fleet,
			      b->name, "lockstep rescue");
}

static void
base_act(struct rescue_base *b, uint64_t now_ms)
{
	if (b->count == 0)
		return;
	if (!asker_is_open(&b->asker))
		base_connect(b, now_ms);
	else if (b->asker.is_connected && !b->asker.is_asking &&
		 !base_ask_names(b) && now_ms >= b->pace.next_ms &&
		 (b->is_called || base_is_shut(b)))
		base_look(b, now_ms);
}

static uint64_t
base_next_ms(const struct rescue_base *b)
{
	uint64_t next_ms = b->heard_ms + RESCUE_IDLE_MS;
	bool is_ready = b->asker.is_connected && !b->asker.is_asking;
	const struct rescue_case *c;

	TAILQ_FOREACH(c, &b->cases, link)
		if (rescue_case_next_ms(c) < next_ms)
			next_ms = rescue_case_next_ms(c);
	if (is_ready && b->count > 0 && (b->is_called || base_is_shut(b)) &&
	    b->pace.next_ms < next_ms)
		next_ms = b->pace.next_ms;
	return next_ms;
}

static void
base_step(struct rescue_base *b)
{
	uint64_t now_ms = clock_now_ms();
	struct timeval t;

	base_expire(b, now_ms);
	base_act(b, now_ms);
	if (rescue_base_is_idle(b, now_ms)) {
		asker_close(&b->asker);
		event_del(&b->timer);
		return;
	}
	t = clock_timeval_until(base_next_ms(b), now_ms);
	event_add(&b->timer, &t);
}

static void
base_timer_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	base_step(arg);
}

/* Answers */

/* An asker_ears.connected. */
static void
base_connected(void *arg)
{
	struct rescue_base *b = arg;

	b->is_called = true;
	base_step(b);
}

/* Log a reason once, until it is another one; not where nothing is lost. */
static void
base_log_failure(struct rescue_base *b)
{
	struct log_event e;

	if (b->count == 0 || strcmp(b->logged_why, b->asker.why) == 0)
		return;
	memcpy(b->logged_why, b->asker.why, sizeof(b->logged_why));
	log_begin(&e, LOG_WARNING,
		  "rescue: no connection, DDL that waits in the server is not "
		  "looked after");
	log_text(&e, "database", b->name);
	log_text(&e, "why", b->asker.why);
	log_end(&e);
}

/* Try again later, and later each time. */
static void
base_put_off(struct rescue_base *b)
{
	uint64_t pause_ms = RESCUE_RETRY_MOST_MS;

	if (b->failures < 5)
		pause_ms = (uint64_t)RESCUE_RETRY_LEAST_MS << b->failures;
	b->failures++;
	b->retry_ms = clock_now_ms() + pause_ms;
}

/* An asker_ears.failed: windows that are shut end by their time. */
static void
base_failed(void *arg)
{
	struct rescue_base *b = arg;

	b->named = NULL;
	gate_names_clear(&b->names);
	b->counts->failures++;
	base_put_off(b);
	base_log_failure(b);
}

static void
base_take_wait(struct rescue_base *b, const struct row_value *values)
{
	struct rescue_case *c;
	bool stops_readers;
	uint32_t pid;
	uint32_t relid;

	if (!row_read_number(&pid, values[0], 1, UINT32_MAX) ||
	    !row_read_number(&relid, values[1], 1, UINT32_MAX) ||
	    !row_read_bool(&stops_readers, values[2]))
		return;
	c = base_find_pid(b, pid);
	if (c != NULL)
		rescue_case_add(c, relid, stops_readers);
}

/* An asker_ears.row. */
static void
base_take_row(void *arg, const struct row_value *values, size_t count)
{
	struct rescue_base *b = arg;

	if (b->is_naming && count == GATE_NAMES_COLUMNS)
		(void)gate_names_add_row(&b->names, values);
	else if (!b->is_naming && count == 3)
		base_take_wait(b, values);
}

static void
base_take_names(struct rescue_base *b, uint64_t now_ms)
{
	struct gate_names names = b->names;

	memset(&b->names, 0, sizeof(b->names));
	if (b->named != NULL && rescue_case_shut(b->named, &names, now_ms)) {
		b->counts->windows++;
		b->pace.next_ms = now_ms + RESCUE_SHUT_PAUSE_MS;
	}
	gate_names_clear(&names);
	b->named = NULL;
}

static void
base_take_look(struct rescue_base *b, uint64_t now_ms)
{
	bool is_of_use = false;
	struct rescue_case *c;

	TAILQ_FOREACH(c, &b->cases, link) {
		is_of_use |= rescue_case_is_shut(c);
		rescue_case_end_look(c, now_ms);
		is_of_use |= c->is_due;
	}
	rescue_pace_looked(&b->pace, is_of_use, base_is_shut(b), now_ms);
}

/* An asker_ears.answered. */
static void
base_answered(void *arg, bool is_refused)
{
	struct rescue_base *b = arg;
	uint64_t now_ms = clock_now_ms();

	if (is_refused) {
		asker_close(&b->asker);
		base_failed(b);
	} else if (b->is_naming) {
		base_take_names(b, now_ms);
	} else {
		base_take_look(b, now_ms);
		b->logged_why[0] = '\0';
		b->failures = 0;
	}
	base_step(b);
}

static const struct asker_ears ears = {
    .connected = base_connected,
    .failed = base_failed,
    .row = base_take_row,
    .answered = base_answered,
};

void
rescue_base_hear(struct rescue_base *b, const struct rescue_call *call)
{
	uint64_t now_ms = clock_now_ms();
	struct rescue_case *c = base_find_session(b, call->session);

	b->heard_ms = now_ms;
	if (c == NULL && call->valid_ms > 0)
		c = base_add(b, call);
	if (c != NULL) {
		c->until_ms = now_ms + call->valid_ms;
		b->is_called |= call->valid_ms > 0;
	}
	base_step(b);
}

bool
rescue_base_is_idle(const struct rescue_base *b, uint64_t now_ms)
{
	return b->count == 0 && now_ms >= b->heard_ms + RESCUE_IDLE_MS;
}

struct rescue_base *
rescue_base_new(struct daemon *d, struct event_base *loop,
		struct rescue_counts *counts, const char *database)
{
	struct rescue_base *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->daemon = d;
	b->counts = counts;
	TAILQ_INIT(&b->cases);
	b->asker.base = loop;
	b->asker.ears = &ears;
	b->asker.arg = b;
	b->asker.names.resolver = d->resolver;
	b->asker.names.mailbox = d->fleet;
	asker_init(&b->asker);
	event_assign(&b->timer, loop, -1, 0, base_timer_event, b);
	memcpy(b->name, database, strnlen(database, sizeof(b->name) - 1));
	return b;
}

void
rescue_base_free(struct rescue_base *b)
{
	uint64_t now_ms = clock_now_ms();

	asker_close(&b->asker);
	event_del(&b->timer);
	while (!TAILQ_EMPTY(&b->cases))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it has left */
		base_drop(b, TAILQ_FIRST(&b->cases), now_ms);
	gate_names_clear(&b->names);
	free(b);
}
