/*
 * libpq_client.c - libpq by its bare functions, pipelines included.
 *
 *   libpq_client CONNINFO MODE STEP...
 *
 * MODE is "simple" (PQexec) or "extended" (PQexecParams); steps.py says what
 * the steps are.
 */
#include <libpq-fe.h>

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TEXT_MAX = 1024,
	PARAMS_MAX = 5,
	COPY_ROWS = 5000,
	BATCH_ROWS = 100,
	CANCEL_AFTER_US = 500000,
	NOTIFY_BOUND_MS = 10000,
};

static const char *const drops[] = {
    "drop table table_c",
    "alter table table_c drop column b_id, drop column a_id",
    "alter table table_c drop constraint c_b, drop constraint c_a",
};

struct client {
	PGconn *conn;
	const char *conninfo;
	const char *mode;
	char notices[TEXT_MAX];
	char outcome[TEXT_MAX];
};

static void
tell(struct client *c, const char *format, ...)
{
	va_list args;
	size_t len = strlen(c->outcome);

	va_start(args, format);
	vsnprintf(c->outcome + len, sizeof(c->outcome) - len, format, args);
	va_end(args);
}

static PGconn *
open_connection(const char *conninfo)
{
	PGconn *conn = PQconnectdb(conninfo);

	if (PQstatus(conn) != CONNECTION_OK) {
		fputs(PQerrorMessage(conn), stderr);
		exit(1);
	}
	return conn;
}

static bool
is_error(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

/* "" where there is none. */
static const char *
field(const PGresult *result, int code)
{
	const char *value = PQresultErrorField(result, code);

	return value ? value : "";
}

static const char *
sqlstate(const PGresult *result)
{
	return field(result, PG_DIAG_SQLSTATE);
}

/* One statement, as the mode has it; of several results the last. */
static PGresult *
run(struct client *c, const char *text)
{
	if (strcmp(c->mode, "simple") == 0)
		return PQexec(c->conn, text);
	return PQexecParams(c->conn, text, 0, NULL, NULL, NULL, NULL, 0);
}

/* What must work. */
static void
must(struct client *c, const char *text)
{
	PGresult *result = run(c, text);

	if (is_error(result))
		tell(c, "unexpected %s: %s", sqlstate(result),
		     PQresultErrorMessage(result));
	PQclear(result);
}

static void
tell_value(struct client *c, const char *text)
{
	PGresult *result = run(c, text);

	if (is_error(result))
		tell(c, "unexpected %s", sqlstate(result));
	else
		tell(c, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
}

static void
tell_state(struct client *c)
{
	tell_value(c, "select c_state()");
}

static void
quiet_c(struct client *c)
{
	must(c, "select fresh_c()");
}

static void
hear_notice(void *arg, const PGresult *notice)
{
	struct client *c = arg;

	snprintf(c->notices, sizeof(c->notices), "%s",
		 field(notice, PG_DIAG_MESSAGE_PRIMARY));
}

/* -- steps ------------------------------------------------------------- */

static void
version(struct client *c)
{
	tell(c, "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
}

static void
connect_step(struct client *c)
{
	tell_value(c, "select current_user");
}

static void
simple(struct client *c)
{
	PGresult *result = run(c, "select 1 as one, 'two' as two");

	tell(c, "%s %s", PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1));
	PQclear(result);
}

static void
prepared(struct client *c)
{
	PQclear(
	    PQprepare(c->conn, "square", "select $1::int * $1::int", 0, NULL));
	PQclear(PQdescribePrepared(c->conn, "square"));
	for (int i = 2; i <= 4; i++) {
		char digit[] = {(char)('0' + i), 0};
		const char *values[] = {digit};
		PGresult *result;

		must(c, "begin");
		result =
		    PQexecPrepared(c->conn, "square", 1, values, NULL, NULL, 0);
		tell(c, "%s%s", i > 2 ? " " : "", PQgetvalue(result, 0, 0));
		PQclear(result);
		must(c, "commit");
	}
	must(c, "deallocate square");
}

static void
parameters(struct client *c)
{
	static const char raw[] = {0, (char)0xff, 0x27};
	const char *values[PARAMS_MAX] = {"42", "Zoë's \"x\\y\"", NULL, raw,
					  "{1,NULL,3}"};
	const int lengths[PARAMS_MAX] = {0, 0, 0, sizeof(raw), 0};
	const int formats[PARAMS_MAX] = {0, 0, 0, 1, 0};
	PGresult *result = PQexecParams(
	    c->conn,
	    "select $1::int4, $2::text, $3::text, $4::bytea, $5::int4[]",
	    PARAMS_MAX, NULL, values, lengths, formats, 0);

	for (int i = 0; i < PARAMS_MAX; i++) {
		const char *value = PQgetvalue(result, 0, i);

		if (PQgetisnull(result, 0, i))
			value = "NULL";
		else if (strncmp(value, "\\x", 2) == 0)
			value += 2;
		tell(c, "%s%s", i > 0 ? " " : "", value);
	}
	PQclear(result);
}

/* Row by row: the nearest that libpq has. */
static void
cursor(struct client *c)
{
	PGresult *result;
	long sum = 0;
	int count = 0;

	PQsendQueryParams(c->conn, "select generate_series(1, 2000)", 0, NULL,
			  NULL, NULL, NULL, 0);
	PQsetSingleRowMode(c->conn);
	while ((result = PQgetResult(c->conn))) {
		if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
			sum += atol(PQgetvalue(result, 0, 0));
			count++;
		}
		PQclear(result);
	}
	tell(c, "%d rows, sum %ld", count, sum);
}

static void
copy_in(struct client *c)
{
	PGresult *result;
	char row[TEXT_MAX];

	must(c, "copy copied from stdin");
	for (int i = 1; i <= COPY_ROWS; i++) {
		int len = snprintf(row, sizeof(row), "%d\tname %d\n", i, i);

		PQputCopyData(c->conn, row, len);
	}
	PQputCopyEnd(c->conn, NULL);
	while ((result = PQgetResult(c->conn)))
		PQclear(result);
	result = run(c, "select count(*), sum(id) from copied");
	tell(c, "%s rows, sum %s", PQgetvalue(result, 0, 0),
	     PQgetvalue(result, 0, 1));
	PQclear(result);
}

static void
copy_out(struct client *c)
{
	PGresult *result;
	char *row;
	int len, lines = 0, bytes = 0;

	must(c, "copy copied to stdout");
	while ((len = PQgetCopyData(c->conn, &row, 0)) > 0) {
		lines++;
		bytes += len;
		PQfreemem(row);
	}
	while ((result = PQgetResult(c->conn)))
		PQclear(result);
	tell(c, "%d lines, %d bytes", lines, bytes);
}

static void
copy_error(struct client *c)
{
	static const char rows[] = "1\tx\nbad\ty\n";
	PGresult *result;

	must(c, "copy copied from stdin");
	PQputCopyData(c->conn, rows, sizeof(rows) - 1);
	PQputCopyEnd(c->conn, NULL);
	while ((result = PQgetResult(c->conn))) {
		tell(c, "%s, then ", sqlstate(result));
		PQclear(result);
	}
	tell_value(c, "select 1");
}

static void
pipeline_send(struct client *c, const char *text)
{
	PQsendQueryParams(c->conn, text, 0, NULL, NULL, NULL, NULL, 0);
}

/* The next statement's result, as a word; "" for the end of a pipeline. */
static void
pipeline_tell(struct client *c)
{
	PGresult *result = PQgetResult(c->conn), *end;

	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
		tell(c, "%s", PQgetvalue(result, 0, 0));
		break;
	case PGRES_PIPELINE_ABORTED:
		tell(c, "aborted");
		break;
	case PGRES_FATAL_ERROR:
		tell(c, "%s", sqlstate(result));
		break;
	case PGRES_COMMAND_OK:
	case PGRES_PIPELINE_SYNC:
		break;
	default:
		tell(c, "unexpected %s", PQresStatus(PQresultStatus(result)));
	}
	/* Each statement's results end with a NULL, a sync's do not. */
	if (PQresultStatus(result) != PGRES_PIPELINE_SYNC &&
	    (end = PQgetResult(c->conn))) {
		tell(c, " unexpected result");
		PQclear(end);
	}
	PQclear(result);
}

static void
pipeline_tell_three(struct client *c)
{
	for (int i = 0; i < 3; i++) {
		pipeline_tell(c);
		tell(c, i < 2 ? " " : "; ");
	}
	pipeline_tell(c);
}

/* Three pipelines, all sent before the first answer is read. */
static void
pipeline(struct client *c)
{
	PQenterPipelineMode(c->conn);
	pipeline_send(c, "select 1");
	pipeline_send(c, "select 2");
	pipeline_send(c, "select 3");
	PQpipelineSync(c->conn);
	pipeline_send(c, "select 1");
	pipeline_send(c, "select 1 / 0");
	pipeline_send(c, "select 3");
	PQpipelineSync(c->conn);
	pipeline_send(c, "select 4");
	PQpipelineSync(c->conn);
	pipeline_tell_three(c);
	pipeline_tell_three(c);
	pipeline_tell(c);
	pipeline_tell(c);
	PQexitPipelineMode(c->conn);
}

/* Again all at once: what follows the DROP must not overtake it. */
static void
pipeline_drop(struct client *c)
{
	quiet_c(c);
	PQenterPipelineMode(c->conn);
	pipeline_send(c, "insert into items values (20, 'twenty')");
	pipeline_send(c, drops[0]);
	pipeline_send(c, "select c_state()");
	PQpipelineSync(c->conn);
	for (int i = 0; i < 4; i++)
		pipeline_tell(c);
	PQexitPipelineMode(c->conn);
}

/* As PQexecParams has no batch: one prepared statement in a pipeline. */
static void
batch(struct client *c)
{
	PGresult *result;
	char number[16];
	const char *values[] = {number};

	PQenterPipelineMode(c->conn);
	PQsendPrepare(c->conn, "batch", "insert into batched values ($1)", 0,
		      NULL);
	for (int i = 1; i <= BATCH_ROWS; i++) {
		snprintf(number, sizeof(number), "%d", i);
		PQsendQueryPrepared(c->conn, "batch", 1, values, NULL, NULL, 0);
	}
	PQpipelineSync(c->conn);
	for (int i = 0; i < BATCH_ROWS + 2; i++)
		pipeline_tell(c);
	PQexitPipelineMode(c->conn);
	result = run(c, "select count(*), sum(id) from batched");
	tell(c, "%s rows, sum %s", PQgetvalue(result, 0, 0),
	     PQgetvalue(result, 0, 1));
	PQclear(result);
}

static PGnotify *
wait_notify(struct client *c)
{
	struct pollfd pollfd = {.fd = PQsocket(c->conn), .events = POLLIN};
	PGnotify *notify;

	while (!(notify = PQnotifies(c->conn))) {
		if (poll(&pollfd, 1, NOTIFY_BOUND_MS) <= 0)
			return NULL;
		PQconsumeInput(c->conn);
	}
	return notify;
}

static void
notify(struct client *c)
{
	PGconn *other = open_connection(c->conninfo);
	PGnotify *heard;

	must(c, "listen told");
	PQclear(PQexec(other, "notify told, 'amid'"));
	while (!(heard = PQnotifies(c->conn)))
		must(c, "select 1");
	tell(c, "%s", heard->extra);
	PQfreemem(heard);
	PQclear(PQexec(other, "notify told, 'idle'"));
	heard = wait_notify(c);
	tell(c, " %s", heard ? heard->extra : "nothing");
	PQfreemem(heard);
	must(c, "unlisten told");
	PQfinish(other);
}

static void
notice(struct client *c)
{
	quiet_c(c);
	must(c, "begin");
	must(c, "drop table table_a cascade");
	must(c, "rollback");
	tell(c, "%s", c->notices);
}

static void *
cancel_later(void *arg)
{
	PGcancel *cancel = arg;
	char problem[256];

	usleep(CANCEL_AFTER_US);
	PQcancel(cancel, problem, sizeof(problem));
	return NULL;
}

static void
tell_canceled(struct client *c, const char *text)
{
	PGcancel *cancel = PQgetCancel(c->conn);
	PGresult *result;
	pthread_t thread;

	pthread_create(&thread, NULL, cancel_later, cancel);
	result = run(c, text);
	pthread_join(thread, NULL);
	tell(c, "%s, then ", sqlstate(result));
	PQclear(result);
	PQfreeCancel(cancel);
}

static void
cancel(struct client *c)
{
	tell_canceled(c, "select pg_sleep(60)");
	tell_value(c, "select 1");
}

static void
cancel_drop(struct client *c)
{
	PGconn *holder = open_connection(c->conninfo);

	quiet_c(c);
	PQclear(PQexec(holder, "begin"));
	PQclear(PQexec(holder, "select * from table_a"));
	tell_canceled(c, drops[0]);
	PQfinish(holder);
	tell_state(c);
}

static void
unique(struct client *c)
{
	PGresult *result = run(c, "insert into items values (2, 'one')");

	tell(c, "%s %s %s", sqlstate(result),
	     field(result, PG_DIAG_CONSTRAINT_NAME),
	     field(result, PG_DIAG_MESSAGE_DETAIL));
	PQclear(result);
}

static void
tell_position(struct client *c, const char *text)
{
	PGresult *result = run(c, text);

	tell(c, "%s at %s", sqlstate(result),
	     field(result, PG_DIAG_STATEMENT_POSITION));
	PQclear(result);
}

static void
syntax(struct client *c)
{
	tell_position(c, "select * form items");
}

static void
syntax_drop(struct client *c)
{
	tell_position(c, "drop table if exits table_c");
}

static void
missing_drop(struct client *c)
{
	PGresult *result;

	quiet_c(c);
	result = run(c, "drop table table_c, nosuch");
	tell(c, "%s %s, then ", sqlstate(result),
	     field(result, PG_DIAG_MESSAGE_PRIMARY));
	PQclear(result);
	tell_state(c);
}

static void
restrict_drop(struct client *c)
{
	PGresult *result;

	quiet_c(c);
	result = run(c, "drop table table_a");
	tell(c, "%s %s", sqlstate(result),
	     field(result, PG_DIAG_MESSAGE_DETAIL));
	PQclear(result);
}

static void
transactions(struct client *c)
{
	static const char *const texts[] = {
	    "begin",
	    "insert into items values (10, 'ten')",
	    "commit",
	    "begin",
	    "insert into items values (11, 'eleven')",
	    "rollback",
	    "begin",
	    "insert into items values (12, 'twelve')",
	    "savepoint s",
	    "insert into items values (13, 'thirteen')",
	    "rollback to savepoint s",
	    "commit",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		must(c, texts[i]);
	tell_value(c, "select string_agg(id::text, ' ' order by id) "
		      "from items where id between 10 and 13");
}

static void
failed(struct client *c)
{
	PGresult *first, *second;

	must(c, "begin");
	first = run(c, "select 1 / 0");
	second = run(c, "select 1");
	tell(c, "%s %s, then ", sqlstate(first), sqlstate(second));
	if (PQtransactionStatus(c->conn) != PQTRANS_INERROR)
		tell(c, "unexpected status ");
	PQclear(first);
	PQclear(second);
	must(c, "rollback");
	tell_value(c, "select 1");
}

static void
drop(struct client *c)
{
	quiet_c(c);
	must(c, drops[0]);
	tell_state(c);
}

static void
in_transaction(struct client *c, const char *text, const char *end)
{
	quiet_c(c);
	must(c, "begin");
	must(c, text);
	if (PQtransactionStatus(c->conn) != PQTRANS_INTRANS)
		tell(c, "unexpected status ");
	must(c, end);
	tell_state(c);
}

static void
drop_column(struct client *c)
{
	in_transaction(c, drops[1], "commit");
}

static void
drop_undone(struct client *c)
{
	in_transaction(c, drops[1], "rollback");
}

static void
drop_constraint(struct client *c)
{
	in_transaction(c, drops[2], "commit");
}

static void
drop_prepared(struct client *c)
{
	must(c, "drop table if exists table_c");
	PQclear(PQprepare(c->conn, "dropper", drops[0], 0, NULL));
	for (int i = 0; i < 2; i++) {
		quiet_c(c);
		PQclear(
		    PQexecPrepared(c->conn, "dropper", 0, NULL, NULL, NULL, 0));
		tell_state(c);
		tell(c, i == 0 ? " " : "");
	}
}

static void
drop_script(struct client *c)
{
	quiet_c(c);
	PQclear(PQexec(c->conn, "begin; drop table table_c; commit"));
	tell_state(c);
}

/* One of four forms; the SQLSTATE, or "". */
static const char *
round_of(struct client *c, int form, char state[6])
{
	PGresult *result;

	if (form == 1 || form == 2)
		must(c, "begin");
	result = form == 3 ? PQexecPrepared(c->conn, "dropper", 0, NULL, NULL,
					    NULL, 0)
			   : run(c, drops[form]);
	snprintf(state, 6, "%s", sqlstate(result));
	PQclear(result);
	if (form == 1 || form == 2)
		must(c, state[0] ? "rollback" : "commit");
	return state;
}

/* All that is not done is told by the last SQLSTATE seen. */
static void
loaded(struct client *c, int rounds)
{
	char state[6], last[6] = "";
	int done = 0;

	PQclear(PQprepare(c->conn, "dropper", drops[0], 0, NULL));
	for (int i = 0; i < rounds; i++) {
		must(c, "select make_c()");
		if (round_of(c, i % 4, state)[0])
			memcpy(last, state, sizeof(last));
		else
			done++;
		must(c, "select remove_c()");
	}
	if (done)
		tell(c, "%d done", done);
	if (done < rounds)
		tell(c, "%s%d %s", done ? ", " : "", rounds - done, last);
}

static const struct {
	const char *name;
	void (*take)(struct client *c);
} steps[] = {
    {"version", version},
    {"connect", connect_step},
    {"simple", simple},
    {"prepared", prepared},
    {"parameters", parameters},
    {"cursor", cursor},
    {"copy_in", copy_in},
    {"copy_out", copy_out},
    {"copy_error", copy_error},
    {"pipeline", pipeline},
    {"pipeline_drop", pipeline_drop},
    {"batch", batch},
    {"notify", notify},
    {"notice", notice},
    {"cancel", cancel},
    {"cancel_drop", cancel_drop},
    {"unique", unique},
    {"syntax", syntax},
    {"syntax_drop", syntax_drop},
    {"missing_drop", missing_drop},
    {"restrict_drop", restrict_drop},
    {"transactions", transactions},
    {"failed", failed},
    {"drop", drop},
    {"drop_column", drop_column},
    {"drop_undone", drop_undone},
    {"drop_constraint", drop_constraint},
    {"drop_prepared", drop_prepared},
    {"drop_script", drop_script},
};

static void
take(struct client *c, const char *name)
{
	if (strncmp(name, "loaded:", 7) == 0) {
		loaded(c, atoi(name + 7));
		return;
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(name, steps[i].name) == 0) {
			steps[i].take(c);
			return;
		}
	}
	tell(c, "unexpected step");
}

int
main(int argc, char **argv)
{
	struct client c = {.conninfo = argv[1], .mode = argv[2]};

	c.conn = open_connection(c.conninfo);
	PQsetNoticeReceiver(c.conn, hear_notice, &c);
	for (int i = 3; i < argc; i++) {
		c.outcome[0] = 0;
		take(&c, argv[i]);
		printf("%.*s\t%s\n", (int)strcspn(argv[i], ":"), argv[i],
		       c.outcome);
	}
	PQfinish(c.conn);
	return 0;
}
