/*
 * words.h - the identifiers and keywords of an SQL text as hashes: cheap, and
 * may err on the side of more.
 *
 * No lexer: whether a word stands in a string, a comment or a quoted name
 * makes no difference.  A name of several words ("a b") is as many runs.
 */
#ifndef LOCKSTEP_POLICY_SQL_WORDS_H
#define LOCKSTEP_POLICY_SQL_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A walk over the words of a text; begin it with pos 0. */
struct words {
	const char *sql; /* borrowed */
	size_t len;      /* bytes */
	size_t pos;
};

/*
 * Go to the next word, a maximal run of [A-Za-z0-9_$] and bytes >= 0x80, and
 * set *hash to its words_hash.  False: no word is left.  Everything counts:
 * strings, comments, quoted names.
 */
bool words_next(struct words *w, uint32_t *hash);

/*
 * The hash (FNV-1a of 32 bits) of one word, ASCII letters folded to lower case.
 * Of a word 63 bytes count: the server cuts names.  Words that are not all
 * ASCII have one hash: clients' encodings differ.
 */
uint32_t words_hash(const char *word, size_t len);

/*
 * True if the text can touch no table: its first statement is BEGIN, START,
 * SET, SHOW, RESET, SAVEPOINT, RELEASE, COMMIT, END, ROLLBACK, ABORT, DISCARD,
 * DEALLOCATE, LISTEN, UNLISTEN or NOTIFY, or there is none, and nothing but
 * blanks and comments stands behind its ';'.
 */
bool words_are_harmless(const char *sql, size_t len);

/*
 * True if a word of the text writes: insert update delete merge copy truncate
 * call do, or `for` (SELECT ... FOR UPDATE or SHARE).
 */
bool words_write(const char *sql, size_t len);

/*
 * True if the text is not to be judged by its words: a U& escape spells
 * another name, a statement that is EXECUTE names no table at all, and where
 * the server cuts a long name that is not ASCII is not known.
 */
bool words_are_opaque(const char *sql, size_t len);

#endif
