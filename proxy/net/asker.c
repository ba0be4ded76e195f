/*
 * asker.c - asker.h over libpq.
 *
 * Nothing of libpq's is used after asker_close: whoever calls an ear looks
 * whether the connection is still there, or returns at once.
 */
#include "proxy/net/asker.h"

#include <string.h>

#include <libpq-fe.h>

#include "proxy/base/clock.h"

enum {
	CONNECT_MS = 15000,
	QUESTION_MS = 5000,
};

static void
asker_set_timer(struct asker *a, uint64_t ms)
{
	struct timeval t = clock_timeval(ms);

	event_add(&a->timer, &t);
}

void
asker_close(struct asker *a)
{
	event_del(&a->timer);
	if (!asker_is_open(a))
		return;
	event_del(&a->socket_event);
	asker_names_clear(&a->names);
	PQfinish(a->connection);
	a->connection = NULL;
	a->is_connected = false;
	a->is_asking = false;
}

/* Keep the first line of a text that libpq has made. */
static void
asker_note_why(struct asker *a, const char *text)
{
	size_t len = strcspn(text, "\n");

	if (len >= sizeof(a->why))
		len = sizeof(a->why) - 1;
	memcpy(a->why, text, len);
	a->why[len] = '\0';
}

static void
asker_fail(struct asker *a, const char *why)
{
	asker_note_why(a, why);
	asker_close(a);
	a->ears->failed(a->arg);
}

static void
asker_fail_by_libpq(struct asker *a)
{
	asker_fail(a, PQerrorMessage(a->connection));
}

static void asker_socket_event(evutil_socket_t fd, short what, void *arg);

/* Wait for the socket, which may be another one than before. */
static void
asker_watch(struct asker *a, short what)
{
	event_del(&a->socket_event);
	event_assign(&a->socket_event, a->base, PQsocket(a->connection),
		     (short)(what | EV_PERSIST), asker_socket_event, a);
	event_add(&a->socket_event, NULL);
}

/* Write what libpq has not written yet.  False: the connection is lost. */
static bool
asker_flush(struct asker *a)
{
	int left = PQflush(a->connection);

	if (left < 0) {
		asker_fail_by_libpq(a);
		return false;
	}
	asker_watch(a, left > 0 ? EV_READ | EV_WRITE : EV_READ);
	return true;
}

static bool
asker_send(struct asker *a, const char *sql, const char *param)
{
	if (param == NULL)
		return PQsendQuery(a->connection, sql) == 1;
	/* Row by row: an answer without end is over with its time. */
	return PQsendQueryParams(a->connection, sql, 1, NULL, &param, NULL,
				 NULL, 0) == 1 &&
	       PQsetSingleRowMode(a->connection) == 1;
}

bool
asker_ask(struct asker *a, const char *sql, const char *param)
{
	if (!a->is_connected || a->is_asking)
		return false;
	if (!asker_send(a, sql, param)) {
		asker_fail_by_libpq(a);
		return false;
	}
	a->is_asking = true;
	a->is_refused = false;
	asker_set_timer(a, QUESTION_MS);
	return asker_flush(a);
}

static void
asker_stands(struct asker *a)
{
	if (PQsetnonblocking(a->connection, 1) != 0) {
		asker_fail_by_libpq(a);
		return;
	}
	event_del(&a->timer);
	asker_watch(a, EV_READ);
	a->is_connected = true;
	a->ears->connected(a->arg);
}

static void
asker_poll(struct asker *a)
{
	switch (PQconnectPoll(a->connection)) {
	case PGRES_POLLING_READING:
		asker_watch(a, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		asker_watch(a, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		asker_stands(a);
		break;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
	default:
		asker_fail_by_libpq(a);
		break;
	}
}

static void
asker_take_row(struct asker *a, const PGresult *result, int row)
{
	struct row_value values[ASKER_COLUMNS_MAX] = {{NULL, 0}};
	int columns = PQnfields(result);
	int i;

	if (columns > ASKER_COLUMNS_MAX)
		columns = ASKER_COLUMNS_MAX;
	for (i = 0; i < columns; i++) {
		if (PQgetisnull(result, row, i) == 1)
			continue;
		values[i].data = PQgetvalue(result, row, i);
		values[i].len = (size_t)PQgetlength(result, row, i);
	}
	a->ears->row(a->arg, values, (size_t)columns);
}

static void
asker_take_result(struct asker *a, PGresult *result)
{
	int row;

	switch (PQresultStatus(result)) {
	case PGRES_SINGLE_TUPLE:
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		break;
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH: /* libpq would tell of it for ever */
		PQclear(result);
		asker_fail(a, "the server wants to copy");
		return;
	default:
		a->is_refused = true;
		asker_note_why(a, PQresultErrorMessage(result));
		break;
	}
	for (row = 0; row < PQntuples(result) && a->connection != NULL; row++)
		asker_take_row(a, result, row);
	PQclear(result);
}

static void
asker_answered(struct asker *a)
{
	a->is_asking = false;
	event_del(&a->timer);
	a->ears->answered(a->arg, a->is_refused);
}

static void
asker_take_results(struct asker *a)
{
	PGresult *result;

	while (a->connection != NULL && a->is_asking &&
	       PQisBusy(a->connection) == 0) {
		result = PQgetResult(a->connection);
		if (result != NULL)
			asker_take_result(a, result);
		else
			asker_answered(a);
	}
}

static void
asker_take_notifications(struct asker *a)
{
	PGnotify *n;

	while (a->connection != NULL &&
	       (n = PQnotifies(a->connection)) != NULL) {
		if (a->ears->notified != NULL)
			a->ears->notified(a->arg, (uint32_t)n->be_pid,
					  n->extra);
		PQfreemem(n);
	}
}

static void
asker_read(struct asker *a)
{
	if (PQconsumeInput(a->connection) != 1) {
		asker_fail_by_libpq(a);
		return;
	}
	asker_take_results(a);
	asker_take_notifications(a);
	if (a->connection != NULL && PQstatus(a->connection) != CONNECTION_OK)
		asker_fail_by_libpq(a);
}

static void
asker_socket_event(evutil_socket_t fd, short what, void *arg)
{
	struct asker *a = arg;

	(void)fd;
	if (!a->is_connected)
		asker_poll(a);
	else if ((what & EV_WRITE) == 0 || asker_flush(a))
		asker_read(a);
}

static const char *
asker_overdue(const struct asker *a)
{
	if (a->is_connected)
		return "a question is not answered";
	return a->connection != NULL ? "the server does not answer"
				     : "name resolution timed out";
}

static void
asker_timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct asker *a = arg;

	(void)fd;
	(void)what;
	asker_fail(a, asker_overdue(a));
}

/* A PQnoticeProcessor: what is no error is nobody's. */
static void
asker_ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/*
 * Before the CONNINFO stands what it may set otherwise, behind it what not, and
 * its hosts with the addresses that were found.  Of
 * several hosts one that does not answer is not all that is tried within
 * CONNECT_MS: any of them is the first, where libpq can, and a packet has five
 * seconds.
 */
static PGconn *
asker_start(const struct asker *a, const struct asker_names_settings *hosts)
{
	const char *balance = PQlibVersion() >= 160000 ? "random" : NULL;
	const char *const settings[][2] = {
	    {"application_name", a->application_name},
	    {"keepalives_idle", "30"},
	    {"keepalives_interval", "10"},
	    {"keepalives_count", "3"},
	    {"tcp_user_timeout", "5000"},
	    {"target_session_attrs", "read-write"},
	    {"load_balance_hosts", balance},
	    {"dbname", a->conninfo}, /* the first of this name is expanded */
	    {"dbname", a->database},
	    {"host", hosts->host},
	    {"hostaddr", hosts->hostaddr},
	    {"port", hosts->port},
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
asker_dial(struct asker *a, const struct asker_names_settings *hosts)
{
	a->connection = asker_start(a, hosts);
	if (a->connection == NULL) {
		asker_fail(a, "out of memory");
		return;
	}
	PQsetNoticeProcessor(a->connection, asker_ignore_notice, NULL);
	if (PQstatus(a->connection) == CONNECTION_BAD) {
		asker_fail_by_libpq(a);
		return;
	}
	asker_names_clear(&a->names);
	asker_watch(a, EV_WRITE);
}

/* An asker_names.ready. */
static void
asker_resolved(void *arg)
{
	struct asker *a = arg;
	struct asker_names_settings hosts;

	if (asker_names_take(&a->names, &hosts))
		asker_dial(a, &hosts);
	else
		asker_fail(a, a->names.why);
}

void
asker_connect(struct asker *a, const char *conninfo, const char *database,
	      const char *application_name)
{
	static const struct asker_names_settings as_it_is;

	a->conninfo = conninfo;
	a->database = database;
	a->application_name = application_name;
	asker_set_timer(a, CONNECT_MS);
	switch (asker_names_begin(&a->names, conninfo)) {
	case ASKER_NAMES_NONE:
		asker_dial(a, &as_it_is);
		break;
	case ASKER_NAMES_ASKED:
		break;
	case ASKER_NAMES_FAILED:
		asker_fail(a, a->names.why);
		break;
	}
}

void
asker_init(struct asker *a)
{
	event_assign(&a->timer, a->base, -1, 0, asker_timer_event, a);
	event_assign(&a->socket_event, a->base, -1, 0, asker_socket_event, a);
	a->names.ready = asker_resolved;
	a->names.arg = a;
}
