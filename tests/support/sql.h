/*
 * sql.h - checks of an SQL text that goes to the server.
 *
 * The end-to-end tests prove with a hostile schema that no code of the user's
 * runs, on the paths that they take; these see it of every text, without a
 * server.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_SQL_H
#define LOCKSTEP_TESTS_SUPPORT_SQL_H

#include <ctype.h>
#include <stdio.h>

#include "tests/support/test.h"

enum { SQL_COLUMNS_MAX = 32, SQL_NAME_MAX = 64 };

/* No operator is left that the search_path decides on, and no comment. */
static inline void
sql_check_operators(const char *sql)
{
	const char *bare[] = {" = ",       " <> ",  " != ",   " < ",
			      " > ",       " <= ",  " >= ",   " + ",
			      " - ",       " || ",  " IN ",   " LIKE ",
			      " BETWEEN ", "USING", "NULLIF", "DISTINCT FROM",
			      "NATURAL",   " <@ ",  " @> ",   " ~ ",
			      " & ",       " =\n",  "\n= ",   "--",
			      ") * ",      "\n* ",  "\n|| ",  " / "};

	for (size_t i = 0; i < sizeof(bare) / sizeof(*bare); i++)
		if (strstr(sql, bare[i]) != NULL)
			fail_msg("'%s' is not qualified in: %s", bare[i], sql);
}

/* $1 to $count are there, and no parameter beyond. */
static inline void
sql_check_params(const char *sql, int count)
{
	char text[16];

	for (int i = 1; i <= count + 1; i++) {
		(void)snprintf(text, sizeof(text), "$%d", i);
		assert_int_equal(strstr(sql, text) != NULL, i <= count);
	}
}

static inline bool
sql_is_word_at(const char *sql, const char *at, const char *word)
{
	size_t len = strlen(word);

	return (at == sql || isspace((unsigned char)at[-1])) &&
	       strncmp(at, word, len) == 0 && isspace((unsigned char)at[len]);
}

/* The next byte that is in no string and no parentheses; the NUL at the end. */
static inline const char *
sql_next_outside(const char *at)
{
	int depth = 0;

	do {
		if (*at == '\'')
			at = strchr(at + 1, '\'');
		depth +=
		    (*at == '(' || *at == '[') - (*at == ')' || *at == ']');
		at++;
	} while (*at != '\0' && (depth > 0 || *at == '\''));
	return at;
}

/* The list of the last SELECT that stands in no parentheses. */
static inline const char *
sql_select_list(const char *sql)
{
	const char *list = NULL;

	for (const char *at = sql; *at != '\0'; at = sql_next_outside(at))
		if (sql_is_word_at(sql, at, "SELECT"))
			list = at + strlen("SELECT");
	assert_non_null(list);
	return list;
}

/*
 * The query's answer has these columns, in this order: each of its columns
 * ends in AS and its name.
 */
static inline void
sql_check_columns(const char *sql, const char *const *names, size_t count)
{
	const char *at = sql_select_list(sql);
	const char *name = NULL; /* behind the last AS */
	char expected[SQL_NAME_MAX];
	size_t column = 0;

	for (;; at = sql_next_outside(at)) {
		bool is_end = *at == '\0' || sql_is_word_at(sql, at, "FROM");

		if (sql_is_word_at(sql, at, "AS"))
			name = at + strlen("AS ");
		if (*at != ',' && !is_end)
			continue;
		assert_true(column < count);
		assert_non_null(name);
		(void)snprintf(expected, sizeof(expected), "%s",
			       names[column++]);
		if (strncmp(name, expected, strlen(expected)) != 0 ||
		    strspn(name + strlen(expected), " \n") !=
			(size_t)(at - name) - strlen(expected))
			fail_msg("column %zu is not %s but %.20s", column,
				 expected, name);
		name = NULL;
		if (is_end)
			break;
	}
	assert_int_equal(column, count);
}

#endif
