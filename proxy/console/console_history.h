/*
 * console_history.h - the rows of SHOW GUARDED.
 */
#ifndef LOCKSTEP_PROXY_CONSOLE_CONSOLE_HISTORY_H
#define LOCKSTEP_PROXY_CONSOLE_CONSOLE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/console/console_rows.h"

struct history;

/*
 * Write rows of the statements below *below, the newest first, and note the
 * last one.  True: no others are left.  history may be NULL.
 */
bool console_show_guarded(struct console_rows *r, struct history *history,
			  uint64_t *below);

#endif
