#include "policy/sql/words.h"

#include <string.h>

#include "policy/sql/statement_text.h"

enum {
	NOT_ASCII = 0x80,    /* the hash of every word that is not */
	NAME_BYTES_MAX = 63, /* the server's NAMEDATALEN - 1 */
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

bool
words_next(struct words *w, uint32_t *hash)
{
	const char *run;
	size_t len = words_next_run(w, &run);

	if (len > 0)
		*hash = words_hash(run, len);
	return len > 0;
}

uint32_t
words_hash(const char *word, size_t len)
{
	uint32_t hash = 2166136261U;
	size_t i;

	for (i = 0; i < len && i < NAME_BYTES_MAX; i++) {
		if ((unsigned char)word[i] >= 0x80)
			return NOT_ASCII;
		hash ^= (unsigned char)statement_text_fold(word[i]);
		hash *= 16777619U;
	}
	return hash;
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

static bool
has_unicode_escape(const char *sql, size_t len)
{
	const char *end = sql + len;
	const char *at = sql;

	while ((at = memchr(at, '&', (size_t)(end - at))) != NULL) {
		if (at > sql && statement_text_fold(at[-1]) == 'u' &&
		    end - at >= 2 && (at[1] == '"' || at[1] == '\''))
			return true;
		at++;
	}
	return false;
}

/* The server cuts such a word behind a character: where, its encoding tells. */
static bool
has_long_foreign_word(const char *sql, size_t len)
{
	struct words w = {.sql = sql, .len = len};
	const char *run;
	size_t run_len;

	while ((run_len = words_next_run(&w, &run)) > 0)
		if (run_len > NAME_BYTES_MAX &&
		    (unsigned char)run[NAME_BYTES_MAX] >= 0x80)
			return true;
	return false;
}

/* True if EXECUTE stands at the start or behind any ';', or may. */
static bool
may_execute(const char *sql, size_t len)
{
	struct statement_starts starts =
	    statement_starts_of((struct statement_text){sql, len});

	do {
		size_t word;

		if (!statement_starts_word(&starts, &word) ||
		    statement_text_is_word(starts.text, word, "execute"))
			return true;
	} while (statement_starts_move(&starts));
	return false;
}

bool
words_are_opaque(const char *sql, size_t len)
{
	return has_unicode_escape(sql, len) ||
	       has_long_foreign_word(sql, len) || may_execute(sql, len);
}
