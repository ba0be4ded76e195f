/*
 * report.h - what a person is told about a guarded statement: the error that
 * ends it, and the notice while it waits.
 */
#ifndef LOCKSTEP_POLICY_GUARD_REPORT_H
#define LOCKSTEP_POLICY_GUARD_REPORT_H

#include <stdint.h>

#include "policy/guard/guard.h"

enum {
	REPORT_DETAIL_MAX = 2048,
	REPORT_TEXT_MAX = 256,
};

struct report {
	const char *sqlstate;
	char message[REPORT_TEXT_MAX];
	char detail[REPORT_DETAIL_MAX]; /* may be empty */
	char hint[REPORT_TEXT_MAX];     /* may be empty */
};

/* The error for a guard whose action is GUARD_REFUSE. */
void report_refusal(struct report *out, const struct guard *g, const char *tag,
		    uint64_t now_ms);

/* The notice for a guard that waits. */
void report_waiting(struct report *out, const struct guard *g, const char *tag,
		    uint64_t now_ms);

/* The lock set in order, "a, b and 3 more"; cut to size. */
void report_lock_set(char *out, size_t size, const struct lock_set *set);

#endif
