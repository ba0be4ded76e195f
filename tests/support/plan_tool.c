/*
 * plan_tool.c - what policy/ asks the catalogs about a statement.
 *
 * Reads SQL from standard input, one text per line, and answers each with one
 * line of JSON: {"query": ..., "params": [...], "small": {...}}, where "small"
 * is the small question, in the same form, or null; or {"error": ...} where
 * there is nothing to ask.  For the tests that run the query themselves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/catalog/lock_set.h"
#include "policy/catalog/small_set.h"
#include "policy/sql/statement.h"

static void
put_json_string(const char *text)
{
	putchar('"');
	for (const char *s = text; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < ' ')
			printf("\\u%04x", (unsigned)*s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void
put_error(const char *text)
{
	printf("{\"error\": ");
	put_json_string(text);
	puts("}");
}

/* Put the members of a question, and free its parts. */
static void
put_question(char *query, char **params, int count)
{
	printf("\"query\": ");
	put_json_string(query);
	free(query);
	printf(", \"params\": [");
	for (int i = 0; i < count; i++) {
		printf("%s", i > 0 ? ", " : "");
		put_json_string(params[i]);
		free(params[i]);
	}
	printf("]");
}

static void
put_small(const struct statement_list *list)
{
	char *params[SMALL_SET_PARAMS];
	char *query;

	printf(", \"small\": ");
	if (!small_set_may_do(list->items, list->count)) {
		printf("null");
		return;
	}
	query = small_set_query(list->items, list->count);
	if (query == NULL ||
	    !small_set_params(params, list->items, list->count))
		abort();
	printf("{");
	put_question(query, params, SMALL_SET_PARAMS);
	printf("}");
}

static void
put_plan(const struct statement_list *list)
{
	char *params[LOCK_SET_PARAMS];
	char *query = lock_set_query(list->items, list->count);

	if (query == NULL ||
	    !lock_set_params(params, list->items, list->count)) {
		free(query);
		put_error("out of memory");
		return;
	}
	printf("{");
	put_question(query, params, LOCK_SET_PARAMS);
	put_small(list);
	puts("}");
}

static const char *
list_error(const struct statement_list *list)
{
	size_t target_count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct statement *s = &list->items[i];

		if (s->scope != GUARD_SCOPE_OFF && !s->has_plan)
			return "not planned";
		target_count += s->target_count;
	}
	return target_count > 0 ? NULL : "no target";
}

static void
answer(const char *sql, size_t len)
{
	struct statement_list list = {0};
	const char *error;

	switch (statement_list_parse(&list, sql, len, GUARD_SCOPE_DDL,
				     STATEMENT_PARSE_BYTES_DEFAULT)) {
	case STATEMENT_OK:
		error = list_error(&list);
		if (error != NULL)
			put_error(error);
		else
			put_plan(&list);
		break;
	case STATEMENT_UNPARSED:
		put_error("unparsed");
		break;
	case STATEMENT_TOO_LARGE:
		put_error("too large");
		break;
	case STATEMENT_TOO_DEAR:
		put_error("too dear");
		break;
	case STATEMENT_NO_MEMORY:
		put_error("out of memory");
		break;
	}
	statement_list_clear(&list);
	fflush(stdout);
}

int
main(void)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t len;

	while ((len = getline(&line, &capacity, stdin)) >= 0) {
		if (len > 0 && line[len - 1] == '\n')
			line[--len] = '\0';
		answer(line, (size_t)len);
	}
	free(line);
	return 0;
}
