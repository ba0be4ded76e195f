/*
 * statement_text.h - what stands between the statements of an SQL text, and
 * with which words they begin.
 *
 * The lexical rules are those of src/backend/parser/scan.l: a line comment
 * ends at \n or \r, block comments nest, and keywords fold in ASCII only.
 * Good at a statement's start only: nothing here knows of strings.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_TEXT_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct statement_text {
	const char *sql; /* borrowed; need not be NUL terminated */
	size_t len;      /* bytes */
};

/* True for white space; \v is, from PostgreSQL 16 on. */
static inline bool
statement_text_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The character in lower case, if it is an ASCII letter. */
static inline char
statement_text_fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* True for a byte that a keyword or a bare name may begin with. */
static inline bool
statement_text_is_word_start(char c)
{
	char folded = statement_text_fold(c);

	return (folded >= 'a' && folded <= 'z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

/* True for a byte that a keyword or a bare name may go on with. */
static inline bool
statement_text_is_word_part(char c)
{
	return statement_text_is_word_start(c) || (c >= '0' && c <= '9') ||
	       c == '$';
}

/*
 * The first byte at or behind pos that is neither white space nor part of a
 * comment.  Gives up at `limit` (at most the text's length): an answer of
 * limit or more means that none was found before it.
 */
size_t statement_text_skip(struct statement_text text, size_t pos,
			   size_t limit);

/* The byte behind the word at pos, which is pos itself if none is there. */
size_t statement_text_word_end(struct statement_text text, size_t pos);

/* True if the whole word at pos is `keyword`, which is in lower case. */
bool statement_text_is_word(struct statement_text text, size_t pos,
			    const char *keyword);

enum {
	STATEMENT_KEYWORDS_MAX = 5, /* with the same first letter */
};

/* Keywords under their first letters, so that other words are told at once. */
struct statement_keywords {
	const char *by_letter['z' - 'a' + 1][STATEMENT_KEYWORDS_MAX + 1];
};

/* True if the whole word at pos is one of these. */
bool statement_text_is_listed(struct statement_text text, size_t pos,
			      const struct statement_keywords *lists);

enum {
	/*
	 * How far the walk below looks behind a ';' for a word, in bytes.  A
	 * bound keeps it linear in the text: each ';' inside a long comment
	 * would else walk the rest of it.
	 */
	STATEMENT_LOOK_AHEAD = 256,
};

/*
 * A walk over the places where a statement may begin: the start of the text,
 * and behind each ';'.  Strings are not known here, so that some of these
 * places are in one.  Inlined: every Query and Parse is walked over.
 */
struct statement_starts {
	struct statement_text text;
	size_t pos;   /* the place */
	size_t limit; /* where the search for a word from there gives up */
};

/* Begin the walk at the start of the text, which stays borrowed. */
static inline struct statement_starts
statement_starts_of(struct statement_text text)
{
	/* The start is looked at once, so that no bound is needed there. */
	return (struct statement_starts){.text = text, .limit = text.len};
}

/*
 * The first word of the place that the walk is at.  False: the place begins
 * with too long a comment, and the word may be any.
 */
static inline bool
statement_starts_word(const struct statement_starts *s, size_t *word)
{
	*word = statement_text_skip(s->text, s->pos, s->limit);
	return *word < s->limit || s->limit == s->text.len;
}

/*
 * Go on behind the next ';', which is looked for from the place and not from
 * behind a comment: all this may stand in a string, and the next ';' end it.
 * False: there is none.
 */
static inline bool
statement_starts_move(struct statement_starts *s)
{
	const char *sql = s->text.sql;
	size_t len = s->text.len;
	const char *semicolon = memchr(sql + s->pos, ';', len - s->pos);

	if (semicolon == NULL)
		return false;
	s->pos = (size_t)(semicolon - sql) + 1;
	s->limit = len - s->pos > STATEMENT_LOOK_AHEAD
		       ? s->pos + STATEMENT_LOOK_AHEAD
		       : len;
	return true;
}

/* True if `keyword` stands anywhere, as a whole word or within another. */
bool statement_text_contains(struct statement_text text, const char *keyword);

/* A NUL terminated copy, the caller's to free.  NULL: out of memory. */
char *statement_text_copy(struct statement_text text);

#endif
