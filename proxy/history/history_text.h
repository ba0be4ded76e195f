/*
 * history_text.h - entries of the history for people, as `lockstep why` prints
 * them.  What people have made up is escaped: no name moves a cursor.
 */
#ifndef LOCKSTEP_PROXY_HISTORY_HISTORY_TEXT_H
#define LOCKSTEP_PROXY_HISTORY_HISTORY_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/history/history.h"

/* Write the story of one. */
void history_write_story(FILE *out, const struct history_entry *e);
void history_write_deadlock_story(FILE *out, const struct history_deadlock *d);

/* Write the story of the statement or the deadlock with this id.  False: it is
 * not kept, and nothing is written. */
bool history_write_why(FILE *out, struct history *h, uint64_t id);

/* Write that of the last statement that had to wait.  False: likewise. */
bool history_write_last(FILE *out, struct history *h);

/* Write a line for each of the newest, statements and deadlocks, `limit` at
 * most, and how to see one. */
void history_write_list(FILE *out, struct history *h, uint32_t limit);

#endif
