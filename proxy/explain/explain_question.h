/*
 * explain_question.h - one question of `lockstep explain`: its failure leaves
 * the message in *error, and whether the connection lives is asked of libpq.
 *
 * Messages are the caller's to free; one that *error has held before is freed
 * where another takes its place.  Answers are PQclear's to free.
 */
#ifndef LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_QUESTION_H
#define LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_QUESTION_H

#include <stdbool.h>

#include "policy/catalog/row.h"

struct pg_conn;
struct pg_result;

enum explain_answer {
	EXPLAIN_ANSWERED,
	EXPLAIN_REFUSED, /* an error, and the connection goes on */
	EXPLAIN_LOST,    /* the connection, or memory, is gone */
};

/* Begin a transaction for questions: long enough for any plan, too short to be
 * in anybody's way. */
extern const char explain_question_begin[];

/* Ask a question of `columns` columns.  NULL: *error says why, if there is
 * memory. */
struct pg_result *explain_ask(struct pg_conn *connection, const char *sql,
			      const char *const *params, int param_count,
			      int columns, char **error);

/* The same; the query and its parameters are on the heap, and freed. */
struct pg_result *explain_ask_made(struct pg_conn *connection, char *query,
				   char **params, int param_count, int columns,
				   char **error);

/* Run what has no rows.  False: *error says why. */
bool explain_command(struct pg_conn *connection, const char *sql, char **error);

/* EXPLAIN_LOST or EXPLAIN_REFUSED, for a question that has failed. */
enum explain_answer explain_failure(const struct pg_conn *connection,
				    const char *error);

/* The message of an answer that is an error.  NULL: out of memory. */
char *explain_error_text(const struct pg_result *result);

/* End a transaction that has asked all it was to ask, or failed at it. */
enum explain_answer explain_end_transaction(struct pg_conn *connection,
					    bool is_read, char **error);

/* The values of a row, borrowed from it, in as many columns as it has. */
void explain_read_values(struct row_value *values, const struct pg_result *rows,
			 int row);

#endif
