/*
 * log_limit.h - how many lines of a kind are written: whoever can cause lines
 * cannot fill a disk with them.
 */
#ifndef LOCKSTEP_PROXY_BASE_LOG_LIMIT_H
#define LOCKSTEP_PROXY_BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LOG_LIMIT_MS = 10000,
	LOG_LIMIT_KINDS = 64, /* that are told apart; more are one */
};

/* The most lines of a kind in LOG_LIMIT_MS; 0, as before any call: no limit.
 * Called before the first thread starts, with no line counted. */
void log_limit_init(uint32_t lines);

/* The same from now on, from any thread. */
void log_limit_set(uint32_t lines);

/* Count a line of that kind, a constant, from any thread.  False: it is one too
 * many, and is to be left out. */
bool log_limit_takes(const char *kind, uint64_t now_ms);

/*
 * Find the next kind, from *place on, of which lines were left out since this
 * was asked last: its name, a constant, their number, and the place behind it.
 * Starts at place 0.  False: there is none.
 */
bool log_limit_take_left_out(size_t *place, const char **kind, uint64_t *lines);

#endif
