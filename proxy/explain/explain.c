/*
 * explain.c - the command: texts in, one report for each statement out.
 *
 * A text that is no SQL to PostgreSQL 15's grammar, which is ours, is shown to
 * the server: it has the better message, and may be of a newer version.
 */
#include "proxy/explain/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "policy/catalog/lock_order.h"
#include "proxy/config/guard_settings.h"
#include "proxy/explain/explain_memory.h"
#include "proxy/explain/explain_output.h"
#include "proxy/explain/explain_report.h"
#include "proxy/explain/explain_server.h"
#include "proxy/explain/explain_steps.h"

struct explain {
	const struct config *config;
	bool is_json;
	struct explain_server server;
	bool in_block; /* after the statements so far */
	size_t report_count;
	bool has_failed; /* a report had an error */
	bool has_warned; /* about settings of the session */
};

static void
explain_warn(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "lockstep: warning: %s\n", text);
}

/* Find the settings in force: before the set is known, and again once it is, as
 * a rule may name a table.  False: out of memory. */
static bool
explain_choose_settings(struct explain *e, struct explain_report *r)
{
	PGconn *connection = e->server.connection;
	struct rule_subject subject = {
	    .database = PQdb(connection),
	    .user = PQuser(connection),
	    .application_name = e->server.overrides.application_name,
	    .client = "", /* there is none of Lockstep's */
	    .tag = r->tag != NULL ? r->tag : "",
	    .set = &r->set,
	};

	guard_settings_clear(&r->settings);
	if (!guard_settings_choose(&r->settings, e->config, &subject,
				   &e->server.overrides,
				   e->has_warned ? NULL : explain_warn, NULL))
		return false;
	if (r->is_unknown)
		settings_fit_unknown(&r->settings);
	e->has_warned = true;
	return true;
}

/* Write the report, which is taken. */
static enum explain_answer
explain_deliver(struct explain *e, struct explain_report *r)
{
	bool is_written = true;

	if (e->is_json) {
		is_written = explain_write_json(stdout, r);
	} else {
		if (e->report_count > 0)
			putchar('\n');
		explain_write_text(stdout, r);
	}
	fflush(stdout);
	e->report_count++;
	if (r->verdict == EXPLAIN_FAILED)
		e->has_failed = true;
	explain_report_clear(r);
	return is_written ? EXPLAIN_ANSWERED : EXPLAIN_LOST;
}

/* Report an error, which is taken, and NULL for want of memory. */
static enum explain_answer
explain_deliver_error(struct explain *e, const char *sql, size_t len,
		      char *error)
{
	struct explain_report r = {
	    .statement = sql,
	    .statement_len = len,
	    .verdict = EXPLAIN_FAILED,
	    .error = error,
	};

	if (error == NULL || !explain_choose_settings(e, &r)) {
		explain_report_clear(&r);
		return EXPLAIN_LOST;
	}
	return explain_deliver(e, &r);
}

/* True for a text that judge.c lets pass: where strings end is not known. */
static bool
explain_is_unjudged(const struct explain *e, const struct explain_report *r)
{
	return explain_server_has_plain_backslashes(&e->server) &&
	       memchr(r->statement, '\\', r->statement_len) != NULL;
}

/* The sessions that use the tables, and what would be done about them. */
static enum explain_answer
explain_prospects(struct explain *e, struct explain_report *r,
		  const struct statement *s)
{
	enum explain_answer answer;

	answer = explain_server_users(&e->server, r, e->config->fleet);
	if (answer == EXPLAIN_ANSWERED && !e->in_block &&
	    explain_steps_may_help(r, s))
		answer = explain_steps_ask(&e->server, r, s);
	if (answer == EXPLAIN_ANSWERED && r->settings.has_memory)
		answer = explain_memory_ask(&e->server, r);
	return answer;
}

static enum explain_answer
explain_plan(struct explain *e, struct explain_report *r,
	     const struct statement *s)
{
	enum explain_answer answer = explain_server_lock_set(&e->server, r, s);

	if (answer != EXPLAIN_ANSWERED || r->verdict == EXPLAIN_UNPLANNED)
		return answer;
	if (r->is_unknown)
		lock_set_leave_unlocked(&r->set);
	if (!explain_choose_settings(e, r) ||
	    !lock_order_sort(&r->set, &r->settings.order))
		return EXPLAIN_LOST;
	r->verdict =
	    explain_judge(&r->settings, &e->server.facts, s->scope,
			  r->set.count, e->in_block || s->is_for_block);
	if (r->verdict == EXPLAIN_GUARDED && explain_is_unjudged(e, r))
		r->verdict = EXPLAIN_BACKSLASH;
	answer = explain_server_holders(&e->server, r);
	if (answer != EXPLAIN_ANSWERED || r->verdict != EXPLAIN_GUARDED)
		return answer;
	return explain_prospects(e, r, s);
}

static enum explain_answer
explain_planned(struct explain *e, struct explain_report *r,
		const struct statement *s)
{
	switch (explain_plan(e, r, s)) {
	case EXPLAIN_ANSWERED:
		break;
	case EXPLAIN_REFUSED:
		lock_set_clear(&r->set);
		r->verdict = EXPLAIN_FAILED;
		break;
	case EXPLAIN_LOST:
		explain_report_clear(r);
		return EXPLAIN_LOST;
	}
	return explain_deliver(e, r);
}

static enum explain_answer
explain_statement(struct explain *e, const char *sql, const struct statement *s)
{
	struct explain_report r = {
	    .statement = sql + s->start,
	    .statement_len = s->end - s->start,
	    .tag = s->tag,
	    .is_unknown = statement_is_unknown(s),
	};

	if (!explain_choose_settings(e, &r))
		return EXPLAIN_LOST;
	if (s->tag != NULL && s->has_plan)
		return explain_planned(e, &r, s);
	r.verdict = s->tag == NULL ? EXPLAIN_UNKNOWN : EXPLAIN_UNPLANNED;
	return explain_deliver(e, &r);
}

/* Note whether the statements behind this one are in a transaction block. */
static void
explain_follow_block(struct explain *e, const struct statement *s)
{
	if (s->control == STATEMENT_BEGIN)
		e->in_block = true;
	if (s->control == STATEMENT_END)
		e->in_block = false;
}

static enum explain_answer
explain_statements(struct explain *e, const char *sql,
		   const struct statement_list *list)
{
	enum explain_answer answer = EXPLAIN_ANSWERED;
	size_t i;

	for (i = 0; i < list->count && answer == EXPLAIN_ANSWERED; i++) {
		answer = explain_statement(e, sql, &list->items[i]);
		explain_follow_block(e, &list->items[i]);
	}
	return answer;
}

/* EXPLAIN_ANSWERED: the server finds no fault with the text's grammar. */
static enum explain_answer
explain_check_grammar(struct explain *e, const char *sql, size_t len)
{
	char *error = NULL;
	enum explain_answer answer;

	answer = explain_server_parse(&e->server, sql, &error);
	if (answer != EXPLAIN_REFUSED) {
		free(error);
		return answer;
	}
	answer = explain_deliver_error(e, sql, len, error);
	return answer == EXPLAIN_LOST ? answer : EXPLAIN_REFUSED;
}

static enum explain_answer
explain_unparsed(struct explain *e, const char *sql, size_t len)
{
	enum explain_answer answer = explain_check_grammar(e, sql, len);

	if (answer != EXPLAIN_ANSWERED)
		return answer;
	return explain_deliver_error(
	    e, sql, len,
	    strdup("it does not parse with PostgreSQL 15's "
		   "grammar: it passes unguarded"));
}

static enum explain_answer
explain_list(struct explain *e, const char *sql, size_t len,
	     struct statement_list *list)
{
	enum explain_answer answer = EXPLAIN_ANSWERED;

	if (!statement_list_is_sound(list, sql, GUARD_SCOPE_DDL,
				     e->config->parse_limit_bytes) ||
	    list->has_unparsed)
		answer = explain_check_grammar(e, sql, len);
	if (answer != EXPLAIN_ANSWERED)
		return answer;
	return explain_statements(e, sql, list);
}

/*
 * Explain each statement of a text.  False: the connection, or memory, is gone.
 */
static bool
explain_text(struct explain *e, const char *sql, size_t len)
{
	enum explain_answer answer = EXPLAIN_LOST;
	struct statement_list list;

	/* Parse all kinds, whatever `guard` is set to, and list their locks. */
	switch (statement_list_parse(&list, sql, len, GUARD_SCOPE_DDL,
				     e->config->parse_limit_bytes)) {
	case STATEMENT_OK:
		answer = explain_list(e, sql, len, &list);
		break;
	case STATEMENT_UNPARSED:
		answer = explain_unparsed(e, sql, len);
		break;
	case STATEMENT_TOO_LARGE:
		answer = explain_deliver_error(
		    e, sql, len,
		    strdup("it is larger than parse_limit "
			   "allows: it passes unguarded"));
		break;
	case STATEMENT_TOO_DEAR:
		answer = explain_deliver_error(
		    e, sql, len,
		    strdup("its parse takes more than 64 MB: it passes "
			   "unguarded"));
		break;
	case STATEMENT_NO_MEMORY:
		break;
	}
	statement_list_clear(&list);
	return answer != EXPLAIN_LOST;
}

/*
 * Read a line like fgets, but tell the length and leave out the newline.  Bytes
 * that do not fit are skipped, and *len is then size.  False: no line is left.
 */
static bool
explain_read_line(char *line, size_t size, size_t *len)
{
	int c = getchar();

	*len = 0;
	if (c == EOF)
		return false;
	for (; c != EOF && c != '\n'; c = getchar())
		if (*len < size)
			line[(*len)++] = (char)c;
	if (*len < size)
		line[*len] = '\0';
	return true;
}

static bool
explain_line(struct explain *e, const char *line, size_t len, size_t size)
{
	if (len < size)
		return explain_text(e, line, len);
	return explain_deliver_error(
		   e, "", 0,
		   strdup("the line is larger than query_limit "
			  "allows")) != EXPLAIN_LOST;
}

static bool
explain_lines(struct explain *e)
{
	size_t size = (size_t)e->config->query_limit_bytes + 1;
	char *line = malloc(size);
	bool goes_on = line != NULL;
	size_t len;

	while (goes_on && explain_read_line(line, size, &len))
		goes_on = explain_line(e, line, len, size);
	free(line);
	return goes_on;
}

static int
explain_exit_status(const struct explain *e, bool is_complete)
{
	if (!is_complete) {
		fprintf(stderr, "lockstep: %s",
			explain_server_loss(&e->server));
		return EXPLAIN_EXIT_LOST;
	}
	if (ferror(stdin) || ferror(stdout)) {
		fprintf(stderr, "lockstep: cannot %s\n",
			ferror(stdin) ? "read standard input"
				      : "write standard output");
		return EXPLAIN_EXIT_ERROR;
	}
	return e->has_failed ? EXPLAIN_EXIT_ERROR : EXIT_SUCCESS;
}

int
explain_run(const struct config *config, const struct explain_options *options)
{
	const char *conninfo = options->conninfo;
	struct explain e = {.config = config, .is_json = options->is_json};
	int status = EXPLAIN_EXIT_LOST;
	bool is_complete;

	if (explain_server_open(&e.server, conninfo != NULL ? conninfo : "",
				stderr)) {
		if (strcmp(options->sql, "-") == 0)
			is_complete = explain_lines(&e);
		else
			is_complete = explain_text(&e, options->sql,
						   strlen(options->sql));
		status = explain_exit_status(&e, is_complete);
	}
	explain_server_close(&e.server);
	return status;
}
