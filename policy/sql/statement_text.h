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

struct statement_text {
	const char *sql; /* borrowed */
	size_t len;
};

bool statement_text_is_space(char c);

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

/* By their first letters, so that what is none of them is told at a glance. */
struct statement_keywords {
	const char *by_letter['z' - 'a' + 1][STATEMENT_KEYWORDS_MAX + 1];
};

/* True if the whole word at pos is one of these. */
bool statement_text_is_listed(struct statement_text text, size_t pos,
			      const struct statement_keywords *lists);

/*
 * Where a statement may begin: at the start of the text and behind each ';'.
 * Strings are not known here, so that some of these places are in one.
 */
struct statement_starts {
	struct statement_text text;
	size_t pos;    /* where the search for the next word begins, */
	size_t limit;  /* and where it gives up */
	size_t word;   /* the first word there, unless it gave up */
	bool is_begun; /* the start of the text has been looked at */
	bool gave_up;  /* too long a comment: the word may be any */
};

struct statement_starts statement_starts_of(struct statement_text text);

/* Go to the next one and set word or gave_up.  False: there is no more. */
bool statement_starts_next(struct statement_starts *s);

/* True if `keyword` stands anywhere, as a whole word or within another. */
bool statement_text_contains(struct statement_text text, const char *keyword);

/* NUL terminated, the caller's to free; NULL: out of memory. */
char *statement_text_copy(struct statement_text text);

#endif
