/*
 * words.h - what the words of an SQL text tell of it: cheap, and may err.
 *
 * No lexer: whether a word stands in a string, a comment or a quoted name
 * makes no difference.
 */
#ifndef LOCKSTEP_POLICY_SQL_WORDS_H
#define LOCKSTEP_POLICY_SQL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

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

/* True if the text says NOWAIT or SKIP LOCKED: its statement waits for nobody.
 */
bool words_never_wait(const char *sql, size_t len);

#endif
