/*
 * conninfo_keyword.c - the two shapes of a CONNINFO, as conninfo_parse and
 * conninfo_uri_parse_params of src/interfaces/libpq/fe-connect.c read them.
 */
#include "proxy/config/conninfo_keyword.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool
conninfo_is_uri(const char *text)
{
	return strncmp(text, "postgresql://", 13) == 0 ||
	       strncmp(text, "postgres://", 11) == 0;
}

static char *
keyword_skip_blanks(char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

/* Keep the value of what was found, in place of one that was before. */
static bool
keyword_keep(char **value, const char *from, size_t len)
{
	free(*value);
	*value = strndup(from, len);
	return *value != NULL;
}

/* Over a value, to the character behind it; quotes and backslashes count. */
static char *
keyword_skip_value(char *at)
{
	bool is_quoted = *at == '\'';

	for (at += is_quoted; *at != '\0'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		else if (is_quoted && *at == '\'')
			return at + 1;
		else if (!is_quoted && isspace((unsigned char)*at))
			break;
	}
	return at;
}

static bool
keyword_keep_quoted(char **value, const char *from, size_t len)
{
	if (len >= 2 && from[0] == '\'' && from[len - 1] == '\'')
		return keyword_keep(value, from + 1, len - 2);
	return keyword_keep(value, from, len);
}

static bool
keyword_take_from_list(char *text, const char *keyword, char **value)
{
	size_t len = strlen(keyword);
	char *at = keyword_skip_blanks(text);

	while (*at != '\0') {
		char *name = at;
		char *name_end;
		char *from;

		while (*at != '\0' && *at != '=' &&
		       !isspace((unsigned char)*at))
			at++;
		name_end = at;
		at = keyword_skip_blanks(at);
		if (*at != '=')
			return true;
		from = keyword_skip_blanks(at + 1);
		at = keyword_skip_value(from);
		if ((size_t)(name_end - name) == len &&
		    memcmp(name, keyword, len) == 0) {
			if (!keyword_keep_quoted(value, from,
						 (size_t)(at - from)))
				return false;
			memset(name, ' ', (size_t)(at - name));
		}
		at = keyword_skip_blanks(at);
	}
	return true;
}

/* "NAME=VALUE" of a URI's query; rest is what stands behind it. */
static bool
keyword_take_from_query(char *query, const char *keyword, char **value)
{
	size_t len = strlen(keyword);
	char *at = query;

	while (*at != '\0') {
		size_t size = strcspn(at, "&");
		char *rest = at + size + (at[size] == '&');

		if (strncmp(at, keyword, len) != 0 || at[len] != '=') {
			at = rest;
			continue;
		}
		if (!keyword_keep(value, at + len + 1, size - len - 1))
			return false;
		memmove(at, rest, strlen(rest) + 1);
	}
	/* The last parameter leaves the separator before it. */
	if (at > query && at[-1] == '&')
		at[-1] = '\0';
	return true;
}

bool
conninfo_keyword_take(char *text, const char *keyword, char **value)
{
	char *query;

	*value = NULL;
	if (!conninfo_is_uri(text))
		return keyword_take_from_list(text, keyword, value);
	query = strchr(text, '?');
	return query == NULL ||
	       keyword_take_from_query(query + 1, keyword, value);
}
