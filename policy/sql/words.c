#include "policy/sql/words.h"

#include <string.h>

#include "policy/sql/statement_text.h"

/* A walk over the words of a text; begin it with pos 0. */
struct words {
	const char *sql;
	size_t len;
	size_t pos;
};

/* Find the next run and tell its length in bytes; 0: there is no more. */
static size_t
words_next_run(struct words *w, const char **run)
{
	size_t start;

	while (w->pos < w->len && !statement_text_is_word_part(w->sql[w->pos]))
		w->pos++;
	start = w->pos;
	while (w->pos < w->len && statement_text_is_word_part(w->sql[w->pos]))
		w->pos++;
	*run = w->sql + start;
	return w->pos - start;
}

/*
 * True if nothing is left from pos on but blanks, ';' and, if told, comments.
 */
static bool
is_blank_from(struct statement_text text, size_t pos, bool with_comments)
{
	while (pos < text.len) {
		if (text.sql[pos] == ';' ||
		    statement_text_is_space(text.sql[pos])) {
			pos++;
			continue;
		}
		if (!with_comments)
			return false;
		if (statement_text_skip(text, pos, text.len) == pos)
			return false;
		pos = statement_text_skip(text, pos, text.len);
	}
	return true;
}

/* True if no string, quoted name or comment can begin between the two. */
static bool
is_plain(struct statement_text text, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++)
		if (strchr("'\"$-/", text.sql[i]) != NULL)
			return false;
	return true;
}

bool
words_are_harmless(const char *sql, size_t len)
{
	static const struct statement_keywords keywords = {{
	    ['a' - 'a'] = {"abort"},
	    ['b' - 'a'] = {"begin"},
	    ['c' - 'a'] = {"commit"},
	    ['d' - 'a'] = {"discard", "deallocate"},
	    ['e' - 'a'] = {"end"},
	    ['l' - 'a'] = {"listen"},
	    ['n' - 'a'] = {"notify"},
	    ['r' - 'a'] = {"reset", "release", "rollback"},
	    ['s' - 'a'] = {"set", "show", "start", "savepoint"},
	    ['u' - 'a'] = {"unlisten"},
	}};
	struct statement_text text = {sql, len};
	const char *semicolon;
	size_t first = 0;
	size_t end;

	while ((first = statement_text_skip(text, first, len)) < len &&
	       sql[first] == ';')
		first++;
	if (first >= len)
		return true;
	if (!statement_text_is_listed(text, first, &keywords))
		return false;
	semicolon = memchr(sql + first, ';', len - first);
	if (semicolon == NULL)
		return true;
	/*
	 * The ';' may stand in a string or a comment, and what looks like a
	 * comment behind it be the end of that.
	 */
	end = (size_t)(semicolon - sql);
	return is_blank_from(text, end + 1, is_plain(text, first, end));
}

bool
words_write(const char *sql, size_t len)
{
	static const struct statement_keywords keywords = {{
	    ['c' - 'a'] = {"copy", "call"},
	    ['d' - 'a'] = {"delete", "do"},
	    ['f' - 'a'] = {"for"},
	    ['i' - 'a'] = {"insert"},
	    ['m' - 'a'] = {"merge"},
	    ['t' - 'a'] = {"truncate"},
	    ['u' - 'a'] = {"update"},
	}};
	struct words w = {.sql = sql, .len = len};
	const char *run;
	size_t run_len;

	while ((run_len = words_next_run(&w, &run)) > 0) {
		struct statement_text text = {run, run_len};

		if (statement_text_is_listed(text, 0, &keywords))
			return true;
	}
	return false;
}

bool
words_never_wait(const char *sql, size_t len)
{
	struct words w = {.sql = sql, .len = len};
	bool was_skip = false;
	const char *run;
	size_t run_len;

	while ((run_len = words_next_run(&w, &run)) > 0) {
		struct statement_text text = {run, run_len};

		if (statement_text_is_word(text, 0, "nowait") ||
		    (was_skip && statement_text_is_word(text, 0, "locked")))
			return true;
		was_skip = statement_text_is_word(text, 0, "skip");
	}
	return false;
}
