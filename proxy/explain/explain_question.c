#include "proxy/explain/explain_question.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

const char explain_question_begin[] =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    " SET LOCAL statement_timeout = '10s'";

char *
explain_error_text(const PGresult *result)
{
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	/* NULL where the message is libpq's own. */
	return strdup(text != NULL ? text : PQresultErrorMessage(result));
}

/* Return a result that is as wanted.  NULL: it is not, and freed, and *error
 * says why, if there is memory. */
static PGresult *
explain_expect(PGresult *result, ExecStatusType wanted, char **error)
{
	if (PQresultStatus(result) == wanted)
		return result;
	free(*error);
	*error = explain_error_text(result);
	PQclear(result);
	return NULL;
}

PGresult *
explain_ask(PGconn *connection, const char *sql, const char *const *params,
	    int param_count, int columns, char **error)
{
	PGresult *result;

	result = PQexecParams(connection, sql, param_count, NULL, params, NULL,
			      NULL, 0);
	result = explain_expect(result, PGRES_TUPLES_OK, error);
	if (result != NULL && PQnfields(result) != columns) {
		free(*error);
		*error = strdup("the server's answer is not understood");
		PQclear(result);
		return NULL;
	}
	return result;
}

enum explain_answer
explain_failure(const PGconn *connection, const char *error)
{
	if (error == NULL || PQstatus(connection) != CONNECTION_OK)
		return EXPLAIN_LOST;
	return EXPLAIN_REFUSED;
}

bool
explain_command(PGconn *connection, const char *sql, char **error)
{
	PGresult *result = PQexec(connection, sql);

	result = explain_expect(result, PGRES_COMMAND_OK, error);
	PQclear(result);
	return result != NULL;
}

enum explain_answer
explain_end_transaction(PGconn *connection, bool is_read, char **error)
{
	if (!is_read && explain_failure(connection, *error) == EXPLAIN_LOST)
		return EXPLAIN_LOST;
	if (!explain_command(connection, "ROLLBACK", error))
		return explain_failure(connection, *error);
	return is_read ? EXPLAIN_ANSWERED : EXPLAIN_REFUSED;
}

void
explain_read_values(struct row_value *values, const PGresult *rows, int row)
{
	int i;

	for (i = 0; i < PQnfields(rows); i++) {
		values[i].data = NULL;
		values[i].len = 0;
		if (PQgetisnull(rows, row, i))
			continue;
		values[i].data = PQgetvalue(rows, row, i);
		values[i].len = (size_t)PQgetlength(rows, row, i);
	}
}

PGresult *
explain_ask_made(PGconn *connection, char *query, char **params,
		 int param_count, int columns, char **error)
{
	PGresult *rows =
	    explain_ask(connection, query, (const char *const *)params,
			param_count, columns, error);

	while (param_count > 0)
		free(params[--param_count]);
	free(query);
	return rows;
}
