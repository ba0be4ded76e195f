#include "proxy/explain/explain_server.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "policy/catalog/holders.h"
#include "policy/catalog/lock_set.h"
#include "policy/catalog/small_set.h"
#include "policy/sql/statement_text.h"
#include "proxy/explain/explain_sql.h"

enum {
	USERS_COLUMNS = 4,
	HEAD_WORDS = 4, /* DROP MATERIALIZED VIEW IF is as far as it goes */
};

/*
 * Ask in no transaction of ours: that would be read-only, and whether the
 * session's own ones are is one of the questions.
 */
static bool
explain_read_facts(struct explain_server *s, char **error)
{
	struct row_value values[SESSION_FACTS_COLUMNS];
	const char *in_block = "f";
	PGresult *rows;
	bool is_read;

	rows = explain_ask(s->connection, session_facts_query(false), &in_block,
			   1, SESSION_FACTS_COLUMNS, error);
	is_read = rows != NULL && PQntuples(rows) == 1;
	if (is_read) {
		explain_read_values(values, rows, 0);
		is_read = session_facts_read(&s->facts, values);
	}
	PQclear(rows); /* accepts NULL */
	return is_read;
}

static bool
explain_read_overrides(struct explain_server *s, char **error)
{
	struct row_value values[OVERRIDES_COLUMNS];
	PGresult *rows = explain_ask(s->connection, overrides_query(), NULL, 0,
				     OVERRIDES_COLUMNS, error);
	bool is_read = rows != NULL && PQntuples(rows) == 1;

	if (is_read) {
		explain_read_values(values, rows, 0);
		is_read = overrides_read(&s->overrides, values);
	}
	PQclear(rows);
	return is_read;
}

/* True for a good CONNINFO.  libpq's message for a wrong one is never shown: it
 * quotes it, and a password with it. */
static bool
explain_is_conninfo(const char *conninfo)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);

	PQconninfoFree(options); /* accepts NULL */
	return options != NULL;
}

bool
explain_server_open(struct explain_server *s, const char *conninfo,
		    FILE *errors)
{
	/* client_encoding stands behind dbname, and so behind the CONNINFO. */
	const char *keywords[] = {"fallback_application_name", "dbname",
				  "client_encoding", NULL};
	const char *values[] = {"lockstep explain", conninfo, "UTF8", NULL};
	char *error = NULL;
	bool is_open;

	memset(s, 0, sizeof(*s));
	if (!explain_is_conninfo(conninfo)) {
		fputs("lockstep: the upstream is not a CONNINFO of libpq\n",
		      errors);
		return false;
	}
	s->connection = PQconnectdbParams(keywords, values, 1);
	if (PQstatus(s->connection) != CONNECTION_OK) {
		fprintf(errors, "lockstep: %s", explain_server_loss(s));
		return false;
	}
	is_open =
	    explain_read_facts(s, &error) && explain_read_overrides(s, &error);
	if (!is_open)
		fprintf(errors, "lockstep: %s\n",
			error != NULL ? error
				      : "the session is not "
					"understood");
	free(error);
	return is_open;
}

void
explain_server_close(struct explain_server *s)
{
	PQfinish(s->connection); /* accepts NULL */
	s->connection = NULL;
}

const char *
explain_server_loss(const struct explain_server *s)
{
	if (s->connection == NULL || PQstatus(s->connection) == CONNECTION_OK)
		return "out of memory\n";
	return PQerrorMessage(s->connection);
}

bool
explain_server_has_plain_backslashes(const struct explain_server *s)
{
	const char *value =
	    PQparameterStatus(s->connection, "standard_conforming_strings");

	return value != NULL && strcmp(value, "off") == 0;
}

/*
 * The server cannot prepare several statements, and says so as soon as their
 * grammar is known to be right, before anything is looked up or locked.
 */
enum explain_answer
explain_server_parse(struct explain_server *s, const char *sql, char **error)
{
	enum explain_answer answer = EXPLAIN_ANSWERED;
	const char *raised_by;
	PGresult *result;
	char *text;

	if (asprintf(&text, "%s\n;SELECT 1;SELECT 1", sql) < 0)
		return EXPLAIN_LOST;
	result = PQprepare(s->connection, "", text, 0, NULL);
	free(text);
	raised_by = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
	if (raised_by == NULL || strcmp(raised_by, "exec_parse_message") != 0) {
		*error = explain_error_text(result);
		answer = explain_failure(s->connection, *error);
	}
	PQclear(result);
	return answer;
}

/* True for DROP ... IF EXISTS, ALTER TABLE IF EXISTS: missing is no error. */
static bool
explain_may_be_missing(const struct explain_report *r)
{
	struct statement_text text = {r->statement, r->statement_len};
	size_t pos = 0;
	int i;

	for (i = 0; i < HEAD_WORDS && pos < text.len; i++) {
		bool is_if = statement_text_is_word(text, pos, "if");

		pos = statement_text_word_end(text, pos);
		pos = statement_text_skip(text, pos, text.len);
		if (is_if)
			return statement_text_is_word(text, pos, "exists");
	}
	return false;
}

/* True if the relation exists and can be seen; else *error says so. */
static bool
explain_check_exists(struct explain_server *s, const char *relation,
		     char **error)
{
	PGresult *row;
	bool is_missing;

	row = explain_ask(s->connection, EXPLAIN_SQL_MISSING, &relation, 1, 1,
			  error);
	if (row == NULL)
		return false;
	is_missing = PQntuples(row) == 1 && *PQgetvalue(row, 0, 0) == 't';
	PQclear(row);
	if (is_missing &&
	    asprintf(error, "relation %s does not exist", relation) < 0)
		*error = NULL;
	return !is_missing;
}

static bool
explain_check_targets(struct explain_server *s,
		      const struct statement *statement, char **error)
{
	const char *last = "";
	size_t i;

	for (i = 0; i < statement->target_count; i++) {
		const struct target *t = &statement->targets[i];
		bool has_second =
		    t->kind == TARGET_DETACH || t->kind == TARGET_ATTACH;

		if (!target_names_relation(t) || t->kind == TARGET_REPLACE)
			continue;
		/* Each clause of an ALTER TABLE names the table. */
		if (strcmp(last, t->relation) != 0 &&
		    !explain_check_exists(s, t->relation, error))
			return false;
		last = t->relation;
		if (has_second && !explain_check_exists(s, t->part, error))
			return false;
	}
	return true;
}

static PGresult *
explain_ask_lock_set(struct explain_server *s,
		     const struct statement *statement, char **error)
{
	char *query = lock_set_query(statement, 1);
	char *params[LOCK_SET_PARAMS];

	if (query != NULL && lock_set_params(params, statement, 1))
		return explain_ask_made(s->connection, query, params,
					LOCK_SET_PARAMS, LOCK_SET_COLUMNS,
					error);
	free(query);
	return NULL;
}

static PGresult *
explain_ask_small_set(struct explain_server *s,
		      const struct statement *statement, char **error)
{
	char *query = small_set_query(statement, 1);
	char *params[SMALL_SET_PARAMS];

	if (query != NULL && small_set_params(params, statement, 1))
		return explain_ask_made(s->connection, query, params,
					SMALL_SET_PARAMS, SMALL_SET_COLUMNS,
					error);
	free(query);
	return NULL;
}

/* Take the rows of the large question. */
static void
explain_take_lock_set(struct explain_report *r, const PGresult *rows)
{
	struct row_value values[LOCK_SET_COLUMNS];
	int i;

	for (i = 0; i < PQntuples(rows); i++) {
		explain_read_values(values, rows, i);
		if (lock_set_add_row(&r->set, values))
			continue;
		lock_set_clear(&r->set);
		r->verdict = EXPLAIN_UNPLANNED;
		break;
	}
}

/* Take the rows of the small question.  False: it was too small. */
static bool
explain_take_small_set(struct explain_report *r, const PGresult *rows)
{
	struct row_value values[SMALL_SET_COLUMNS];
	bool is_simple = true;
	bool is_read;
	int i;

	for (i = 0; i < PQntuples(rows); i++) {
		explain_read_values(values, rows, i);
		is_read = small_set_add_row(&r->set, &is_simple, values);
		is_simple = is_simple && is_read;
	}
	if (!is_simple)
		lock_set_clear(&r->set);
	return is_simple;
}

/* Ask as the proxy does: by the small question where that may do. */
static bool
explain_read_lock_set(struct explain_server *s, struct explain_report *r,
		      const struct statement *statement)
{
	bool is_small = small_set_may_do(statement, 1);
	PGresult *rows = NULL;

	if (is_small) {
		rows = explain_ask_small_set(s, statement, &r->error);
		if (rows == NULL)
			return false;
		is_small = explain_take_small_set(r, rows);
		PQclear(rows);
	}
	if (is_small)
		return true;
	rows = explain_ask_lock_set(s, statement, &r->error);
	if (rows == NULL)
		return false;
	explain_take_lock_set(r, rows);
	PQclear(rows);
	return true;
}

static const char *
explain_text_at(const PGresult *rows, int row, int column)
{
	return PQgetisnull(rows, row, column) ? NULL
					      : PQgetvalue(rows, row, column);
}

/*
 * Add a session once for each relation, with the strongest of its locks there.
 */
static void
explain_add_holder(struct explain_report *r, const struct explain_holder *h)
{
	size_t i;

	if (!lock_mode_conflicts(r->set.items[h->item].mode, h->mode))
		return;
	for (i = 0; i < r->holder_count && h->pid != 0; i++) {
		struct explain_holder *known = &r->holders[i];

		if (known->pid != h->pid || known->item != h->item)
			continue;
		if (known->mode < h->mode)
			known->mode = h->mode;
		return;
	}
	r->holders[r->holder_count++] = *h;
}

/* Read the columns of holders_query(), less the relation. */
static void
explain_read_holder(struct explain_holder *h, const PGresult *rows, int row)
{
	const char *pid = explain_text_at(rows, row, HOLDERS_PID);
	const char *mode = explain_text_at(rows, row, HOLDERS_MODE);
	const char *age = explain_text_at(rows, row, HOLDERS_AGE);

	h->pid = pid != NULL ? (uint32_t)strtoul(pid, NULL, 10) : 0;
	h->mode = mode != NULL ? lock_mode_from_name(mode) : LOCK_NONE;
	h->user = explain_text_at(rows, row, HOLDERS_USER);
	h->application_name =
	    explain_text_at(rows, row, HOLDERS_APPLICATION_NAME);
	h->state = explain_text_at(rows, row, HOLDERS_STATE);
	/* A clock that was set back makes it negative. */
	h->has_age = age != NULL && *age != '-';
	h->age_ms = h->has_age ? strtoull(age, NULL, 10) : 0;
}

static bool
explain_add_holders(struct explain_report *r, const PGresult *rows)
{
	struct lock_set_place *places = lock_set_places(&r->set);
	int count = PQntuples(rows);
	int i;

	r->holders = calloc((size_t)count + 1, sizeof(*r->holders));
	for (i = 0; i < count && places != NULL && r->holders != NULL; i++) {
		const char *relid = explain_text_at(rows, i, HOLDERS_RELID);
		struct explain_holder h = {0};
		size_t at = r->set.count;

		if (relid != NULL)
			at = lock_set_find(places, r->set.count,
					   (uint32_t)strtoul(relid, NULL, 10));
		if (at == r->set.count)
			continue;
		h.item = places[at].at;
		explain_read_holder(&h, rows, i);
		explain_add_holder(r, &h);
	}
	free(places);
	return places != NULL && r->holders != NULL;
}

static bool
explain_read_holders(struct explain_server *s, struct explain_report *r)
{
	char *relations = holders_param(&r->set);
	const char *params[HOLDERS_PARAMS] = {relations};

	if (relations == NULL)
		return false;
	r->holder_rows =
	    explain_ask(s->connection, holders_query(), params, HOLDERS_PARAMS,
			HOLDERS_COLUMNS, &r->error);
	free(relations);
	return r->holder_rows != NULL && explain_add_holders(r, r->holder_rows);
}

/* The name of the fleet's database: allocated.  NULL: there is no fleet. */
static char *
explain_fleet_database(const char *fleet)
{
	PQconninfoOption *options = NULL;
	PQconninfoOption *o;
	char *name = NULL;

	if (fleet != NULL)
		options = PQconninfoParse(fleet, NULL);
	for (o = options; o != NULL && o->keyword != NULL && name == NULL; o++)
		if (strcmp(o->keyword, "dbname") == 0 && o->val != NULL)
			name = strdup(o->val);
	PQconninfoFree(options); /* accepts NULL */
	return name;
}

static bool
explain_take_users(struct explain_report *r, const PGresult *row)
{
	enum { USERS, PAST, UNTOLD, PAST_OF };
	struct row_value values[USERS_COLUMNS];

	if (PQntuples(row) != 1)
		return false;
	explain_read_values(values, row, 0);
	r->has_users = true;
	r->users.count = row_number(values[USERS]);
	r->users.past = row_number(values[PAST]);
	r->users.untold = row_number(values[UNTOLD]);
	if (!row_is_null(values[PAST_OF]))
		r->users.past_of = strdup(values[PAST_OF].data);
	return true;
}

static bool
explain_read_users(struct explain_server *s, struct explain_report *r,
		   const char *fleet)
{
	char *relations = holders_param(&r->set);
	char *database = explain_fleet_database(fleet);
	const char *params[] = {relations, database};
	PGresult *row = NULL;
	bool is_read;

	if (relations != NULL)
		row = explain_ask(s->connection, EXPLAIN_SQL_PAST, params, 2,
				  USERS_COLUMNS, &r->error);
	is_read = row != NULL && explain_take_users(r, row);
	PQclear(row); /* accepts NULL */
	free(relations);
	free(database);
	return is_read;
}

enum explain_answer
explain_server_users(struct explain_server *s, struct explain_report *r,
		     const char *fleet)
{
	bool is_read =
	    explain_command(s->connection, explain_question_begin, &r->error) &&
	    explain_read_users(s, r, fleet);

	return explain_end_transaction(s->connection, is_read, &r->error);
}

enum explain_answer
explain_server_lock_set(struct explain_server *s, struct explain_report *r,
			const struct statement *statement)
{
	bool is_read;

	is_read =
	    explain_command(s->connection, explain_question_begin, &r->error) &&
	    (explain_may_be_missing(r) ||
	     explain_check_targets(s, statement, &r->error)) &&
	    explain_read_lock_set(s, r, statement);
	return explain_end_transaction(s->connection, is_read, &r->error);
}

enum explain_answer
explain_server_holders(struct explain_server *s, struct explain_report *r)
{
	bool is_read =
	    explain_command(s->connection, explain_question_begin, &r->error) &&
	    explain_read_holders(s, r);

	return explain_end_transaction(s->connection, is_read, &r->error);
}
