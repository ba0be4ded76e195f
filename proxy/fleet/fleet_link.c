/*
 * fleet_link.c - the state machine of fleet_link.h over libpq.
 *
 * Nothing of libpq's is used after link_fail or fleet_link_stop has closed the
 * connection: whoever calls back to the ears returns at once if it has gone.
 */
#include "proxy/fleet/fleet_link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "proxy/base/clock.h"
#include "proxy/fleet/fleet_sql.h"
#include "proxy/tls/digest.h"

enum {
	CONNECT_MS = 15000,
	QUESTION_MS = 5000,
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

static void
link_close(struct fleet_link *l)
{
	if (l->connection == NULL)
		return;
	event_del(&l->socket_event);
	event_del(&l->timer);
	PQfinish(l->connection);
	l->connection = NULL;
	l->is_asking = false;
	l->is_refused = false;
	l->pid = 0;
}

/* Keep the first line of a text that libpq has made. */
static void
link_note_why(struct fleet_link *l, const char *text)
{
	size_t len = strcspn(text, "\n");

	if (len >= sizeof(l->why))
		len = sizeof(l->why) - 1;
	memcpy(l->why, text, len);
	l->why[len] = '\0';
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

/* Disconnect, for a reason that is noted, and try again later. */
static void
link_fail(struct fleet_link *l)
{
	link_close(l);
	if (link_has_lasted(l))
		l->failures = 0;
	l->failures++;
	link_set_timer(l, link_pause_ms(l->failures));
	link_enter(l, FLEET_LINK_PAUSED);
}

static void
link_fail_saying(struct fleet_link *l, const char *why)
{
	link_note_why(l, why);
	link_fail(l);
}

static void
link_fail_by_libpq(struct fleet_link *l)
{
	link_fail_saying(l, PQerrorMessage(l->connection));
}

static void link_socket_event(evutil_socket_t fd, short what, void *arg);

/* Wait for the socket, which may be another one than before. */
static void
link_watch(struct fleet_link *l, short what)
{
	event_del(&l->socket_event);
	event_assign(&l->socket_event, l->base, PQsocket(l->connection),
		     (short)(what | EV_PERSIST), link_socket_event, l);
	event_add(&l->socket_event, NULL);
}

/* Write what libpq has not written yet.  False: the connection is lost. */
static bool
link_flush(struct fleet_link *l)
{
	int left = PQflush(l->connection);

	if (left < 0) {
		link_fail_by_libpq(l);
		return false;
	}
	link_watch(l, left > 0 ? EV_READ | EV_WRITE : EV_READ);
	return true;
}

/* A question is on its way, if is_sent.  False: the connection is lost. */
static bool
link_asked(struct fleet_link *l, int is_sent)
{
	if (is_sent != 1) {
		link_fail_by_libpq(l);
		return false;
	}
	l->is_asking = true;
	l->is_refused = false;
	link_set_timer(l, QUESTION_MS);
	return link_flush(l);
}

bool
fleet_link_send(struct fleet_link *l, const char *text)
{
	if (l->state < FLEET_LINK_CHECKING || l->is_asking)
		return false;
	return link_asked(l, PQsendQueryParams(l->connection, FLEET_SQL_NOTIFY,
					       1, NULL, &text, NULL, NULL, 0));
}

/* The connection stands: ask it to listen. */
static void
link_listen(struct fleet_link *l)
{
	if (PQsetnonblocking(l->connection, 1) != 0) {
		link_fail_by_libpq(l);
		return;
	}
	if (link_asked(l, PQsendQuery(l->connection, FLEET_SQL_LISTEN)))
		link_enter(l, FLEET_LINK_LISTENING);
}

static void
link_poll(struct fleet_link *l)
{
	switch (PQconnectPoll(l->connection)) {
	case PGRES_POLLING_READING:
		link_watch(l, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		link_watch(l, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		link_listen(l);
		break;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
	default:
		link_fail_by_libpq(l);
		break;
	}
}

/* A PQnoticeProcessor: what is no error is nobody's. */
static void
link_ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/*
 * Before what the user has set: whatever stands there counts.  Of several hosts
 * one that does not answer is not all that is tried within CONNECT_MS: any of
 * them is the first, where libpq can, and a packet has five seconds.
 */
static PGconn *
link_start(const char *conninfo)
{
	const char *balance = PQlibVersion() >= 160000 ? "random" : NULL;
	const char *const settings[][2] = {
	    {"application_name", "lockstep fleet"},
	    {"keepalives_idle", "30"},
	    {"keepalives_interval", "10"},
	    {"keepalives_count", "3"},
	    {"tcp_user_timeout", "5000"},
	    {"target_session_attrs", "read-write"},
	    {"load_balance_hosts", balance},
	    {"dbname", conninfo},
	    {NULL, NULL},
	};
	const char *names[sizeof(settings) / sizeof(settings[0])];
	const char *values[sizeof(settings) / sizeof(settings[0])];
	size_t i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		names[i] = settings[i][0];
		values[i] = settings[i][1];
	}
	return PQconnectStartParams(names, values, 1);
}

static void
link_connect(struct fleet_link *l)
{
	l->connection = link_start(l->conninfo);
	if (l->connection != NULL)
		PQsetNoticeProcessor(l->connection, link_ignore_notice, NULL);
	if (l->connection == NULL) {
		link_fail_saying(l, "out of memory");
	} else if (PQstatus(l->connection) == CONNECTION_BAD) {
		link_fail_by_libpq(l);
	} else {
		link_set_timer(l, CONNECT_MS);
		link_watch(l, EV_WRITE);
		link_enter(l, FLEET_LINK_CONNECTING);
	}
}

static void
link_look_later(struct fleet_link *l)
{
	link_set_timer(l, LOOK_MS - LOOK_MS / 5 +
			      link_random(LOOK_MS / 5 * 2 + 1));
}

/* The open question is answered whole. */
static void
link_answered(struct fleet_link *l)
{
	l->is_asking = false;
	if (l->is_refused) {
		link_fail(l);
		return;
	}
	if (l->state == FLEET_LINK_LISTENING) {
		link_enter(l, FLEET_LINK_CHECKING);
		l->ears->check(l->arg);
	} else if (l->state == FLEET_LINK_READY) {
		link_look_later(l);
		l->ears->may_send(l->arg);
	} else {
		/* The notification itself has QUESTION_MS more. */
		link_set_timer(l, QUESTION_MS);
	}
}

static void
link_take_result(struct fleet_link *l, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (l->state == FLEET_LINK_LISTENING && PQntuples(result) == 1 &&
	    PQnfields(result) == 1) {
		/* Not PQbackendPID, which may be of a pooler's making. */
		l->pid = (uint32_t)strtoul(PQgetvalue(result, 0, 0), NULL, 10);
	} else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
		l->is_refused = true;
		link_note_why(l, PQresultErrorMessage(result));
	}
	PQclear(result);
}

static void
link_take_results(struct fleet_link *l)
{
	PGresult *result;

	while (l->is_asking && !PQisBusy(l->connection)) {
		result = PQgetResult(l->connection);
		if (result != NULL)
			link_take_result(l, result);
		else
			link_answered(l);
		if (l->connection == NULL)
			return;
	}
}

static void
link_take_notifications(struct fleet_link *l)
{
	PGnotify *n;

	while (l->connection != NULL &&
	       (n = PQnotifies(l->connection)) != NULL) {
		l->ears->notified(l->arg, (uint32_t)n->be_pid, n->extra);
		PQfreemem(n);
	}
}

static void
link_read(struct fleet_link *l)
{
	if (PQconsumeInput(l->connection) != 1) {
		link_fail_by_libpq(l);
		return;
	}
	link_take_results(l);
	if (l->connection != NULL)
		link_take_notifications(l);
}

static void
link_socket_event(evutil_socket_t fd, short what, void *arg)
{
	struct fleet_link *l = arg;

	(void)fd;
	if (l->state == FLEET_LINK_CONNECTING) {
		link_poll(l);
		return;
	}
	if ((what & EV_WRITE) != 0 && !link_flush(l))
		return;
	if ((what & EV_READ) != 0)
		link_read(l);
}

static void
link_timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct fleet_link *l = arg;

	(void)fd;
	(void)what;
	if (l->state == FLEET_LINK_PAUSED)
		link_connect(l);
	else if (l->state == FLEET_LINK_CONNECTING)
		link_fail_saying(l, "the server does not answer");
	else if (l->state == FLEET_LINK_CHECKING && !l->is_asking)
		link_fail_saying(l, "a notification to itself does not come "
				    "back: is there a pooler in between?");
	else if (l->is_asking)
		link_fail_saying(l, "a question is not answered");
	else
		(void)link_asked(l,
				 PQsendQuery(l->connection, FLEET_SQL_ALIVE));
}

void
fleet_link_confirm(struct fleet_link *l)
{
	if (l->state != FLEET_LINK_CHECKING)
		return;
	l->ready_ms = clock_now_ms();
	l->why[0] = '\0';
	link_enter(l, FLEET_LINK_READY);
	if (!l->is_asking) {
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
	event_assign(&l->timer, l->base, -1, 0, link_timer_event, l);
	event_assign(&l->socket_event, l->base, -1, 0, link_socket_event, l);
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
	link_close(l);
	event_del(&l->timer);
	l->failures = 0;
	link_enter(l, FLEET_LINK_IDLE);
}
