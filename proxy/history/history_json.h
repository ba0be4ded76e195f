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

/* Write an object, without a newline. */
void history_write_json(FILE *out, const struct history_entry *e);
void history_write_deadlock_json(FILE *out, const struct history_deadlock *d);

/*
 * Write {"guarded": [...]} with the newest statements of the history, below
 * the id `before`, or {"deadlocks": [...]}: `limit` at most.
 */
void history_write_all_json(FILE *out, struct history *h, uint64_t before,
			    uint32_t limit);
void history_write_deadlocks_json(FILE *out, struct history *h, uint64_t before,
				  uint32_t limit);

#endif
