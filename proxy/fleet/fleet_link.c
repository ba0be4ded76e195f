/*
 * fleet_link.c - the state machine of fleet_link.h, over an asker.
 *
 * Whoever has asked or called back to the ears returns at once: the connection
 * may have gone.
 */
#include "proxy/fleet/fleet_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/catalog/row.h"
#include "proxy/base/clock.h"
#include "proxy/fleet/fleet_sql.h"
#include "proxy/tls/digest.h"

enum {
	CHECK_MS = 5000, /* for a notification to itself */
	LOOK_MS = 15000, /* give or take a fifth */
	PAUSE_LEAST_MS = 2000,
	PAUSE_MOST_MS = 30000,
	PAUSE_DOUBLINGS = 4,
};

static const char *const state_names[FLEET_LINK_STATES] = {
    [FLEET_LINK_IDLE] = "idle",
    [FLEET_LINK_PAUSED] = "paused",
    [FLEET_LINK_CONNECTING] = "connecting",
    [FLEET_LINK_LISTENING] = "listening",
    [FLEET_LINK_CHECKING] = "checking",
    [FLEET_LINK_READY] = "ready",
};

const char *
fleet_link_state_name(enum fleet_link_state state)
{
	return state_names[state];
}

/* A number below `below`; always the same where no random bytes are to be had.
 */
static uint32_t
link_random(uint32_t below)
{
	uint32_t number;

	return digest_random(&number, sizeof(number)) ? number % below : 0;
}

static void
link_set_timer(struct fleet_link *l, uint64_t ms)
{
	struct timeval t = clock_timeval(ms);

	event_add(&l->timer, &t);
}

static void
link_enter(struct fleet_link *l, enum fleet_link_state state)
{
	if (l->state == state)
		return;
	l->state = state;
	l->ears->changed(l->arg);
}

static uint32_t
link_pause_ms(uint32_t failures)
{
	uint32_t doublings =
	    failures < PAUSE_DOUBLINGS ? failures : PAUSE_DOUBLINGS;
	uint32_t most_ms = (uint32_t)PAUSE_LEAST_MS << doublings;

	if (most_ms > PAUSE_MOST_MS)
		most_ms = PAUSE_MOST_MS;
	return PAUSE_LEAST_MS + link_random(most_ms - PAUSE_LEAST_MS + 1);
}

static bool
link_has_lasted(const struct fleet_link *l)
{
	return l->state == FLEET_LINK_READY &&
	       clock_now_ms() >= l->ready_ms + FLEET_LINK_LASTING_MS;
}

/* Disconnect, for this reason, and try again later. */
static void
link_fail(struct fleet_link *l, const char *why)
{
	snprintf(l->why, sizeof(l->why), "%s", why);
	asker_close(&l->asker);
	l->pid = 0;
	if (link_has_lasted(l))
		l->failures = 0;
	l->failures++;
	link_set_timer(l, link_pause_ms(l->failures));
	link_enter(l, FLEET_LINK_PAUSED);
}

/* An asker_ears.failed. */
static void
link_failed(void *arg)
{
	struct fleet_link *l = arg;

	link_fail(l, l->asker.why);
}

/* Ask, unless a question is open.  False: one is, or the connection is lost. */
static bool
link_ask(struct fleet_link *l, const char *sql, const char *param)
{
	if (l->asker.is_asking)
		return false;
	event_del(&l->timer);
	return asker_ask(&l->asker, sql, param);
}

bool
fleet_link_send(struct fleet_link *l, const char *text)
{
	return l->state >= FLEET_LINK_CHECKING &&
	       link_ask(l, FLEET_SQL_NOTIFY, text);
}

/* An asker_ears.connected. */
static void
link_connected(void *arg)
{
	struct fleet_link *l = arg;

	if (link_ask(l, FLEET_SQL_LISTEN, NULL))
		link_enter(l, FLEET_LINK_LISTENING);
}

/* An asker_ears.row: the server's pid, as notifications tell it. */
static void
link_take_row(void *arg, const struct row_value *values, size_t count)
{
	struct fleet_link *l = arg;

	if (l->state == FLEET_LINK_LISTENING && count == 1)
		/* Not PQbackendPID, which may be of a pooler's making. */
		(void)row_read_number(&l->pid, values[0], 1, UINT32_MAX);
}

static void
link_look_later(struct fleet_link *l)
{
	link_set_timer(l, LOOK_MS - LOOK_MS / 5 +
			      link_random(LOOK_MS / 5 * 2 + 1));
}

/* An asker_ears.answered. */
static void
link_answered(void *arg, bool is_refused)
{
	struct fleet_link *l = arg;

	if (is_refused) {
		link_fail(l, l->asker.why);
	} else if (l->state == FLEET_LINK_LISTENING) {
		link_enter(l, FLEET_LINK_CHECKING);
		l->ears->check(l->arg);
	} else if (l->state == FLEET_LINK_READY) {
		link_look_later(l);
		l->ears->may_send(l->arg);
	} else {
		link_set_timer(l, CHECK_MS);
	}
}

/* An asker_ears.notified. */
static void
link_notified(void *arg, uint32_t pid, const char *text)
{
	struct fleet_link *l = arg;

	l->ears->notified(l->arg, pid, text);
}

static const struct asker_ears asker_ears = {
    .connected = link_connected,
    .failed = link_failed,
    .row = link_take_row,
    .answered = link_answered,
    .notified = link_notified,
};

static void
link_connect(struct fleet_link *l)
{
	event_del(&l->timer);
	link_enter(l, FLEET_LINK_CONNECTING);
	asker_connect(&l->asker, l->conninfo, NULL, "lockstep fleet");
}

static void
link_timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct fleet_link *l = arg;

	(void)fd;
	(void)what;
	if (l->state == FLEET_LINK_PAUSED)
		link_connect(l);
	else if (l->state == FLEET_LINK_CHECKING)
		link_fail(l, "a notification to itself does not come back: is "
			     "there a pooler in between?");
	else
		(void)link_ask(l, FLEET_SQL_ALIVE, NULL);
}

void
fleet_link_confirm(struct fleet_link *l)
{
	if (l->state != FLEET_LINK_CHECKING)
		return;
	l->ready_ms = clock_now_ms();
	l->why[0] = '\0';
	link_enter(l, FLEET_LINK_READY);
	if (!l->asker.is_asking) {
		link_look_later(l);
		l->ears->may_send(l->arg);
	}
}

/* Take an entry of the environment, name=value, out of it if it is libpq's. */
static bool
link_ignore_entry(const char *entry)
{
	char name[64];
	size_t len = strcspn(entry, "=");

	if (strncmp(entry, "PG", 2) != 0 || len >= sizeof(name))
		return false;
	memcpy(name, entry, len);
	name[len] = '\0';
	return unsetenv(name) == 0;
}

void
fleet_link_ignore_environment(void)
{
	char **entry = environ;

	while (entry != NULL && *entry != NULL)
		if (!link_ignore_entry(*entry))
			entry++; /* else another one has come up here */
}

void
fleet_link_init(struct fleet_link *l)
{
	l->state = FLEET_LINK_IDLE;
	l->asker.base = l->base;
	l->asker.ears = &asker_ears;
	l->asker.arg = l;
	asker_init(&l->asker);
	event_assign(&l->timer, l->base, -1, 0, link_timer_event, l);
}

void
fleet_link_want(struct fleet_link *l)
{
	if (l->state == FLEET_LINK_IDLE)
		link_connect(l);
}

void
fleet_link_stop(struct fleet_link *l)
{
	asker_close(&l->asker);
	event_del(&l->timer);
	l->pid = 0;
	l->failures = 0;
	link_enter(l, FLEET_LINK_IDLE);
}
