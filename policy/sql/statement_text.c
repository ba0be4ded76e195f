#include "policy/sql/statement_text.h"

#include <stdlib.h>
#include <string.h>

static bool
has_pair(struct statement_text text, size_t pos, char first, char second)
{
	return text.len - pos >= 2 && text.sql[pos] == first &&
	       text.sql[pos + 1] == second;
}

static size_t
skip_line_comment(struct statement_text text, size_t pos, size_t limit)
{
	while (pos < limit && text.sql[pos] != '\n' && text.sql[pos] != '\r')
		pos++;
	return pos;
}

static size_t
skip_block_comment(struct statement_text text, size_t pos, size_t limit)
{
	size_t depth = 0;

	while (pos < limit) {
		if (has_pair(text, pos, '/', '*')) {
			depth++;
			pos += 2;
		} else if (has_pair(text, pos, '*', '/')) {
			depth--;
			pos += 2;
			if (depth == 0)
				return pos;
		} else {
			pos++;
		}
	}
	return limit;
}

size_t
statement_text_skip(struct statement_text text, size_t pos, size_t limit)
{
	while (pos < limit) {
		if (statement_text_is_space(text.sql[pos]))
			pos++;
		else if (has_pair(text, pos, '-', '-'))
			pos = skip_line_comment(text, pos, limit);
		else if (has_pair(text, pos, '/', '*'))
			pos = skip_block_comment(text, pos, limit);
		else
			return pos;
	}
	return limit;
}

size_t
statement_text_word_end(struct statement_text text, size_t pos)
{
	if (pos >= text.len || !statement_text_is_word_start(text.sql[pos]))
		return pos;
	while (pos < text.len && statement_text_is_word_part(text.sql[pos]))
		pos++;
	return pos;
}

bool
statement_text_is_word(struct statement_text text, size_t pos,
		       const char *keyword)
{
	for (; *keyword != '\0'; keyword++, pos++)
		if (pos >= text.len ||
		    statement_text_fold(text.sql[pos]) != *keyword)
			return false;
	return pos >= text.len || !statement_text_is_word_part(text.sql[pos]);
}

bool
statement_text_is_listed(struct statement_text text, size_t pos,
			 const struct statement_keywords *lists)
{
	const char *const *words;
	char first;
	char second;

	if (pos >= text.len || text.len - pos < 2)
		return false; /* no keyword is as short */
	first = statement_text_fold(text.sql[pos]);
	second = statement_text_fold(text.sql[pos + 1]);
	if (first < 'a' || first > 'z')
		return false;
	for (words = lists->by_letter[first - 'a']; *words != NULL; words++)
		if (second == (*words)[1] &&
		    statement_text_is_word(text, pos, *words))
			return true;
	return false;
}

static bool
text_matches(const char *bytes, const char *keyword, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (statement_text_fold(bytes[i]) != keyword[i])
			return false;
	return true;
}

bool
statement_text_contains(struct statement_text text, const char *keyword)
{
	size_t len = strlen(keyword);
	size_t pos;

	for (pos = 0; pos < text.len && text.len - pos >= len; pos++)
		if (text_matches(text.sql + pos, keyword, len))
			return true;
	return false;
}

char *
statement_text_copy(struct statement_text text)
{
	char *copy = calloc(1, text.len + 1);

	return copy == NULL ? NULL : memcpy(copy, text.sql, text.len);
}
