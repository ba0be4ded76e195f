/*
 * history_time.h - times and durations as people read them.
 */
#ifndef LOCKSTEP_PROXY_HISTORY_HISTORY_TIME_H
#define LOCKSTEP_PROXY_HISTORY_HISTORY_TIME_H

#include <stdint.h>

enum {
	HISTORY_TIME_BYTES = 32,
	HISTORY_SPAN_BYTES = 32,
};

/* "2026-01-31T12:00:00.123", UTC, with this byte between date and time. */
void history_time_text(char out[HISTORY_TIME_BYTES], uint64_t at_ms,
		       char between);

/* "12 ms", "3.4 s", "5 min 6 s". */
void history_span_text(char out[HISTORY_SPAN_BYTES], uint64_t ms);

#endif
