/*
 * trace.h - the trace that a statement belongs to, as a comment in its text
 * tells: sqlcommenter's, with a traceparent of W3C's Trace Context in it.
 *
 *   traceparent='00-<32 hexadecimal digits>-<16 of them>-01'
 */
#ifndef LOCKSTEP_POLICY_SQL_TRACE_H
#define LOCKSTEP_POLICY_SQL_TRACE_H

#include <stddef.h>

enum {
	TRACE_ID_LEN = 32,
	TRACE_SPAN_LEN = 16,
};

/* A zeroed one is none. */
struct trace {
	char trace_id[TRACE_ID_LEN + 1]; /* lower-case hexadecimal */
	char span_id[TRACE_SPAN_LEN + 1];
};

/*
 * The first traceparent in a comment of the text; none, if there is none that
 * is exactly as the standard's version 00 has it.  The client's word: it may be
 * any that looks like one.
 */
struct trace trace_of_text(const char *sql, size_t len);

#endif
