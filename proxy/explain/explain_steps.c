#include "proxy/explain/explain_steps.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

bool
explain_steps_may_help(const struct explain_report *r,
		       const struct statement *statement)
{
	return statement->is_plain_drop &&
	       r->set.count > DROP_KEYS_STEP_TABLES &&
	       r->settings.policy != GUARD_POLICY_PASS &&
	       r->settings.policy != GUARD_POLICY_REJECT;
}

static PGresult *
explain_ask_keys(struct explain_server *s, const struct statement *statement,
		 char **error)
{
	char *query = strdup(drop_keys_query());
	char *params[LOCK_SET_PARAMS];

	if (query != NULL && lock_set_params(params, statement, 1))
		return explain_ask_made(s->connection, query, params,
					LOCK_SET_PARAMS, DROP_KEYS_COLUMNS,
					error);
	free(query);
	return NULL;
}

/* Take the rows; there are no steps where they are too many. */
static void
explain_take_keys(struct explain_report *r, const PGresult *rows)
{
	struct row_value values[DROP_KEYS_COLUMNS];

	for (int i = 0; i < PQntuples(rows); i++) {
		explain_read_values(values, rows, i);
		if (drop_keys_add_row(&r->keys, values))
			continue;
		drop_keys_clear(&r->keys);
		break;
	}
}

enum explain_answer
explain_steps_ask(struct explain_server *s, struct explain_report *r,
		  const struct statement *statement)
{
	PGresult *rows = NULL;

	if (explain_command(s->connection, explain_question_begin, &r->error))
		rows = explain_ask_keys(s, statement, &r->error);
	if (rows != NULL)
		explain_take_keys(r, rows);
	PQclear(rows); /* accepts NULL */
	return explain_end_transaction(s->connection, rows != NULL, &r->error);
}
