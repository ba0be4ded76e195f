/*
 * log.h - one line per event, text or JSON; log_sink.h has where they go.
 *
 * Text:  2026-01-31 12:00:00.123 UTC INFO  message key=value key="two words"
 * JSON:  {"time":"...","level":"info","message":"...","key":"value"}
 * OTel:  {"timestamp":"...","severity_text":"INFO","severity_number":9,
 *        "body":"...","attributes":{"key":"value"},"trace_id":"..."}
 *
 * Thread safe, and never waits for who reads (log_writer.h).  Control bytes,
 * quotes and invalid UTF-8 in values are escaped, so that a hostile table name
 * cannot forge a line.  Never hand a password, key or SCRAM message to it.
 */
#ifndef LOCKSTEP_PROXY_BASE_LOG_H
#define LOCKSTEP_PROXY_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/sql/trace.h"

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
	LOG_TRACE, /* each transition of a session and of the guard */
};

enum log_format {
	LOG_TEXT,
	LOG_JSON,
	LOG_OTEL, /* JSON, by the names of OpenTelemetry */
};

/* Called once, before the first thread starts; without: INFO and TEXT. */
void log_init(enum log_level level, enum log_format format);

/* Write lines up to this level from now on; from any thread. */
void log_set_level(enum log_level level);

/* A log_writer_tell: lines are lost, and this one says how many. */
void log_lost(uint64_t lines);

/* Write how many lines of each kind were left out since this was called last,
 * if any were; due every LOG_LIMIT_MS, and at the end. */
void log_left_out(void);

/* True if lines of this level are written: to spare what only they need. */
bool log_wants(enum log_level level);

/* Log a message without fields, as printf formats it. */
void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A message with fields.  A struct log_event lives on the stack and holds the
 * line while it is built; a line that grows beyond its buffer is cut, with
 * "..." at its end (in JSON the fields that do not fit are left out and
 * "cut":true is added, so that the line stays valid JSON).  Keys are constants
 * of ours: plain words, written as they are.
 */
struct log_event {
	enum log_level level;
	size_t len;
	int is_cut;
	bool is_wanted;            /* else it is not built and not written */
	const struct trace *trace; /* borrowed until log_end, or NULL */
	char line[4096];
};

/* Begin a line with its message; errno stays as it was. */
void log_begin(struct log_event *e, enum log_level level, const char *message);

/*
 * The same for a line that somebody outside can cause as often as they like:
 * from level info on, those of one kind, a constant, are limited
 * (log_limit.h).
 */
void log_begin_limited(struct log_event *e, enum log_level level,
		       const char *message, const char *kind);

/* Add a field; the value is copied and escaped, and need not be UTF-8. */
void log_text(struct log_event *e, const char *key, const char *value);
void log_text_len(struct log_event *e, const char *key, const char *value,
		  size_t len);
void log_number(struct log_event *e, const char *key, uint64_t value);

/* Tell of the trace that the event belongs to, if it is one; borrowed until
 * log_end.  Called last. */
void log_trace(struct log_event *e, const struct trace *trace);

/* Write the line, if its level is wanted; errno stays as it was. */
void log_end(struct log_event *e);

#endif
