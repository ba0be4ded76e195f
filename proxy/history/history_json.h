/*
 * history_json.h - entries of the history as JSON, one object each.
 *
 * Names and texts that people have made up are escaped as the log escapes them.
 */
#ifndef LOCKSTEP_PROXY_HISTORY_HISTORY_JSON_H
#define LOCKSTEP_PROXY_HISTORY_HISTORY_JSON_H

#include <stdint.h>
#include <stdio.h>

#include "proxy/history/history.h"

/* Write an object, without a newline.  Brief: without steps, lock set, and who
 * was delayed. */
void history_write_json(FILE *out, const struct history_entry *e);
void history_write_brief_json(FILE *out, const struct history_entry *e);
void history_write_deadlock_json(FILE *out, const struct history_deadlock *d);

/* The part of a list that is wanted. */
struct history_page {
	uint64_t before; /* only ids, or numbers, below this */
	uint32_t limit;  /* entries at most */
	bool is_brief;
};

/* Write {"guarded": [...]}, {"deadlocks": [...]} or {"windows": [...]}, the
 * newest first. */
void history_write_all_json(FILE *out, struct history *h,
			    const struct history_page *page);
void history_write_deadlocks_json(FILE *out, struct history *h,
				  const struct history_page *page);
void history_write_windows_json(FILE *out, struct history *h,
				const struct history_page *page);

/* Write {"count": n, "held": [...]}: statements that are under way, in brief,
 * `limit` at most, the oldest first. */
void history_write_held_json(FILE *out, struct history *h, uint32_t limit);

#endif
