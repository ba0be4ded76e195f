/*
 * log.c - building a line in a fixed buffer.
 *
 * Whatever a line holds, it ends in one newline and holds no other, and in
 * JSON it is one object.  So everything is put whole or not at all: a
 * character with its escape, in JSON also a field with its key.  log_max_len
 * leaves the room that the end of a cut line needs, and a trace behind it.
 *
 * OpenTelemetry's names are those of its data model of logs: what is ours of an
 * event stands in `attributes`, and a trace beside them.
 */
#include "proxy/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proxy/base/clock.h"
#include "proxy/base/escape.h"
#include "proxy/base/log_limit.h"
#include "proxy/base/log_sink.h"
#include "proxy/base/log_writer.h"

#define JSON_CUT_END ",\"cut\":true}\n"
#define OTEL_CUT_END "\"cut\":true"
#define OTEL_TRACE ",\"trace_id\":\"%s\",\"span_id\":\"%s\""
#define TEXT_CUT_END "...\n"

enum {
	LINE_BYTES = sizeof(((struct log_event *)NULL)->line),
	END_BYTES = sizeof(OTEL_CUT_END OTEL_TRACE ",}}\n") +
		    sizeof(((struct trace *)NULL)->trace_id) +
		    sizeof(((struct trace *)NULL)->span_id),
};

static const struct {
	const char *text; /* OpenTelemetry's, too */
	const char *json;
	int otel;    /* the least severity number of that text */
	int journal; /* as of syslog(3) */
} level_names[] = {
    [LOG_ERROR] = {"ERROR", "error", 17, 3},
    [LOG_WARNING] = {"WARN", "warning", 13, 4},
    [LOG_INFO] = {"INFO", "info", 9, 6},
    [LOG_DEBUG] = {"DEBUG", "debug", 5, 7},
    [LOG_TRACE] = {"TRACE", "trace", 1, 7},
};

_Static_assert(LINE_BYTES <= PIPE_BUF, "a line can be torn");

static atomic_int wanted_level = LOG_INFO;

/* Written before the first thread starts, read only ever after. */
static enum log_format wanted_format = LOG_TEXT;

void
log_init(enum log_level level, enum log_format format)
{
	log_set_level(level);
	wanted_format = format;
}

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&wanted_level, (int)level, memory_order_relaxed);
}

static bool
log_is_json(void)
{
	return wanted_format != LOG_TEXT;
}

/* The length that a line may have before its end. */
static size_t
log_max_len(void)
{
	return LINE_BYTES -
	       (wanted_format == LOG_OTEL ? END_BYTES : sizeof(JSON_CUT_END));
}

bool
log_wants(enum log_level level)
{
	return (int)level <=
	       atomic_load_explicit(&wanted_level, memory_order_relaxed);
}

/* Put the bytes.  False: the line would grow beyond `limit`, nothing is put.
 */
static bool
log_put_within(struct log_event *e, size_t limit, const char *s, size_t len)
{
	if (e->len > limit || len > limit - e->len) {
		e->is_cut = 1;
		return false;
	}
	memcpy(e->line + e->len, s, len);
	e->len += len;
	return true;
}

static bool
log_put(struct log_event *e, const char *s)
{
	return log_put_within(e, log_max_len(), s, strlen(s));
}

/* The bytes at the front that need no escape and still fit; returns how many.
 */
static size_t
log_put_plain(struct log_event *e, size_t limit, const char *s, size_t len)
{
	size_t room = e->len < limit ? limit - e->len : 0;
	size_t n = escape_plain_len(s, len < room ? len : room);

	memcpy(e->line + e->len, s, n);
	e->len += n;
	return n;
}

static bool
log_put_escaped(struct log_event *e, size_t limit, const char *s, size_t len,
		bool in_quotes)
{
	enum escape_form form = in_quotes ? ESCAPE_QUOTED : ESCAPE_TEXT;
	char out[ESCAPE_BYTES];
	size_t out_len;
	size_t used;

	if (log_is_json())
		form = ESCAPE_JSON;
	while (len > 0) {
		used = log_put_plain(e, limit, s, len);
		if (used == 0) {
			out_len = escape_next(out, &used, s, len, form);
			if (!log_put_within(e, limit, out, out_len))
				return false;
		}
		s += used;
		len -= used;
	}
	return true;
}

/* A value that reads back unmistakably without quotes. */
static bool
log_value_is_bare(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~' || strchr("\"\\=", s[i]))
			return false;
	return len > 0;
}

static void
log_put_time(struct log_event *e)
{
	struct timespec now = {0};
	struct tm utc = {0};
	char second[32];
	char fraction[32];
	bool is_json = log_is_json();

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(second, sizeof(second), is_json ? "%FT%T" : "%F %T", &utc);
	snprintf(fraction, sizeof(fraction), ".%03ld%s", now.tv_nsec / 1000000,
		 is_json ? "Z" : " UTC");
	log_put(e, second);
	log_put(e, fraction);
}

/* The message as a JSON string, with room for a field or two behind it. */
static void
log_put_message(struct log_event *e, const char *message)
{
	const size_t limit = log_max_len() - sizeof("...\",\"attributes\":{");

	log_put(e, "\"");
	if (!log_put_escaped(e, limit, message, strlen(message), true))
		log_put(e, "...");
	log_put(e, "\"");
}

static void
log_begin_json(struct log_event *e, const char *message)
{
	log_put(e, "{\"time\":\"");
	log_put_time(e);
	log_put(e, "\",\"level\":\"");
	log_put(e, level_names[e->level].json);
	log_put(e, "\",\"message\":");
	log_put_message(e, message);
}

static void
log_begin_otel(struct log_event *e, const char *message)
{
	char severity[64];

	log_put(e, "{\"timestamp\":\"");
	log_put_time(e);
	snprintf(severity, sizeof(severity),
		 "\",\"severity_text\":\"%s\",\"severity_number\":%d",
		 level_names[e->level].text, level_names[e->level].otel);
	log_put(e, severity);
	log_put(e, ",\"body\":");
	log_put_message(e, message);
	log_put(e, ",\"attributes\":{");
}

static void
log_begin_text(struct log_event *e, const char *message)
{
	char level[16];

	log_put_time(e);
	snprintf(level, sizeof(level), " %-5s ", level_names[e->level].text);
	log_put(e, level);
	log_put_escaped(e, log_max_len(), message, strlen(message), false);
}

/* A journal reads the level where it is told apart. */
static void
log_put_priority(struct log_event *e)
{
	char priority[8];

	snprintf(priority, sizeof(priority), "<%d>",
		 level_names[e->level].journal);
	log_put(e, priority);
}

void
log_begin(struct log_event *e, enum log_level level, const char *message)
{
	int saved_errno = errno;

	e->level = level;
	e->len = 0;
	e->is_cut = 0;
	e->is_wanted = log_wants(level);
	e->trace = NULL;
	if (!e->is_wanted)
		return;
	if (log_sink_is_journal())
		log_put_priority(e);
	if (wanted_format == LOG_OTEL)
		log_begin_otel(e, message);
	else if (wanted_format == LOG_JSON)
		log_begin_json(e, message);
	else
		log_begin_text(e, message);
	errno = saved_errno;
}

void
log_begin_limited(struct log_event *e, enum log_level level,
		  const char *message, const char *kind)
{
	log_begin(e, level, message);
	if (e->is_wanted && level <= LOG_INFO)
		e->is_wanted = log_limit_takes(kind, clock_now_ms());
}

/* ` key=value`, up to where the line is full. */
static void
log_field_text(struct log_event *e, const char *key, const char *value,
	       size_t len)
{
	bool is_quoted = !log_value_is_bare(value, len);

	if (!e->is_cut && log_put(e, " ") && log_put(e, key) &&
	    log_put(e, is_quoted ? "=\"" : "=") &&
	    log_put_escaped(e, log_max_len(), value, len, true) && is_quoted)
		log_put(e, "\"");
}

/* `"key":"value"` behind a comma, or nothing if that does not fit. */
static void
log_field_json(struct log_event *e, const char *key, const char *value,
	       size_t len, const char *quote)
{
	size_t start = e->len;

	if ((e->line[start - 1] == '{' || log_put(e, ",")) &&
	    log_put(e, "\"") && log_put(e, key) && log_put(e, "\":") &&
	    log_put(e, quote) &&
	    log_put_escaped(e, log_max_len(), value, len, true) &&
	    log_put(e, quote))
		return;
	e->len = start;
}

void
log_text_len(struct log_event *e, const char *key, const char *value,
	     size_t len)
{
	if (!e->is_wanted)
		return;
	if (log_is_json())
		log_field_json(e, key, value, len, "\"");
	else
		log_field_text(e, key, value, len);
}

void
log_text(struct log_event *e, const char *key, const char *value)
{
	log_text_len(e, key, value, strlen(value));
}

void
log_number(struct log_event *e, const char *key, uint64_t value)
{
	char digits[24];
	int len;

	if (!e->is_wanted)
		return;
	len = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	if (log_is_json())
		log_field_json(e, key, digits, (size_t)len, "");
	else
		log_field_text(e, key, digits, (size_t)len);
}

void
log_trace(struct log_event *e, const struct trace *trace)
{
	if (trace->trace_id[0] == '\0')
		return;
	e->trace = trace;
	if (wanted_format == LOG_OTEL)
		return;
	log_text(e, "trace_id", trace->trace_id);
	log_text(e, "span_id", trace->span_id);
}

/* Close the attributes, and add the trace. */
static void
log_end_otel(struct log_event *e)
{
	char end[END_BYTES];
	int len = 0;

	if (e->is_cut)
		len = snprintf(end, sizeof(end), "%s" OTEL_CUT_END,
			       e->line[e->len - 1] == '{' ? "" : ",");
	len += snprintf(end + len, sizeof(end) - (size_t)len, "}");
	if (e->trace != NULL)
		len +=
		    snprintf(end + len, sizeof(end) - (size_t)len, OTEL_TRACE,
			     e->trace->trace_id, e->trace->span_id);
	len += snprintf(end + len, sizeof(end) - (size_t)len, "}\n");
	log_put_within(e, LINE_BYTES, end, (size_t)len);
}

static void
log_end_plain(struct log_event *e)
{
	const char *end = log_is_json() ? "}\n" : "\n";

	if (e->is_cut)
		end = log_is_json() ? JSON_CUT_END : TEXT_CUT_END;
	log_put_within(e, LINE_BYTES, end, strlen(end));
}

void
log_end(struct log_event *e)
{
	int saved_errno = errno;

	if (!e->is_wanted)
		return;
	if (wanted_format == LOG_OTEL)
		log_end_otel(e);
	else
		log_end_plain(e);
	log_writer_put(e->line, e->len);
	errno = saved_errno;
}

void
log_line(enum log_level level, const char *format, ...)
{
	char message[LINE_BYTES];
	struct log_event e;
	va_list args;

	if (!log_wants(level))
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	log_begin(&e, level, message);
	log_end(&e);
}

void
log_lost(uint64_t lines)
{
	struct log_event e;

	log_begin(&e, LOG_ERROR,
		  "lines of the log are lost: nobody read them in time, or "
		  "they could not be written");
	log_number(&e, "lines", lines);
	log_end(&e);
}

void
log_left_out(void)
{
	size_t place = 0;
	const char *kind;
	uint64_t lines;

	while (log_limit_take_left_out(&place, &kind, &lines)) {
		struct log_event e;

		log_begin(&e, LOG_WARNING, "more such lines were left out");
		log_text(&e, "kind", kind);
		log_number(&e, "lines", lines);
		log_end(&e);
	}
}
