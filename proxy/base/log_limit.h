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

/* The number of lines of the i-th of LOG_LIMIT_KINDS kinds that were left out
 * since this was asked last, and its name; NULL, and 0: there is none. */
uint64_t log_limit_take_left_out(size_t i, const char **kind);

#endif
