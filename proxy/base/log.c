/*
 * log.c - building a line in a fixed buffer.
 *
 * Whatever a line holds, it ends in one newline and holds no other, and in
 * JSON it is one object.  So everything is put whole or not at all: a
 * character with its escape, in JSON also a field with its key.  LINE_MAX_LEN
 * leaves the room that the end of a cut line needs.
 */
#include "proxy/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proxy/base/escape.h"
#include "proxy/base/log_writer.h"

#define JSON_CUT_END ",\"cut\":true}\n"
#define TEXT_CUT_END "...\n"

enum {
	LINE_BYTES = sizeof(((struct log_event *)NULL)->line),
	LINE_MAX_LEN = LINE_BYTES - sizeof(JSON_CUT_END),
};

static const struct {
	const char *text;
	const char *json;
} level_names[] = {
    [LOG_ERROR] = {"ERROR", "error"}, [LOG_WARNING] = {"WARN", "warning"},
    [LOG_INFO] = {"INFO", "info"},    [LOG_DEBUG] = {"DEBUG", "debug"},
    [LOG_TRACE] = {"TRACE", "trace"},
};

_Static_assert(LINE_BYTES <= PIPE_BUF, "a line can be torn");

/* Written before the first thread starts, read only ever after. */
static enum log_level wanted_level = LOG_INFO;
static enum log_format wanted_format = LOG_TEXT;

void
log_init(enum log_level level, enum log_format format)
{
	wanted_level = level;
	wanted_format = format;
}

bool
log_wants(enum log_level level)
{
	return level <= wanted_level;
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
	return log_put_within(e, LINE_MAX_LEN, s, strlen(s));
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

	if (wanted_format == LOG_JSON)
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
	bool is_json = wanted_format == LOG_JSON;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(second, sizeof(second), is_json ? "%FT%T" : "%F %T", &utc);
	snprintf(fraction, sizeof(fraction), ".%03ld%s", now.tv_nsec / 1000000,
		 is_json ? "Z" : " UTC");
	log_put(e, second);
	log_put(e, fraction);
}

static void
log_begin_json(struct log_event *e, const char *message)
{
	const size_t limit = LINE_MAX_LEN - sizeof("...\"");

	log_put(e, "{\"time\":\"");
	log_put_time(e);
	log_put(e, "\",\"level\":\"");
	log_put(e, level_names[e->level].json);
	log_put(e, "\",\"message\":\"");
	if (!log_put_escaped(e, limit, message, strlen(message), true))
		log_put(e, "...");
	log_put(e, "\"");
}

static void
log_begin_text(struct log_event *e, const char *message)
{
	char level[16];

	log_put_time(e);
	snprintf(level, sizeof(level), " %-5s ", level_names[e->level].text);
	log_put(e, level);
	log_put_escaped(e, LINE_MAX_LEN, message, strlen(message), false);
}

void
log_begin(struct log_event *e, enum log_level level, const char *message)
{
	int saved_errno = errno;

	e->level = level;
	e->len = 0;
	e->is_cut = 0;
	if (level > wanted_level)
		return;
	if (wanted_format == LOG_JSON)
		log_begin_json(e, message);
	else
		log_begin_text(e, message);
	errno = saved_errno;
}

/* ` key=value`, up to where the line is full. */
static void
log_field_text(struct log_event *e, const char *key, const char *value,
	       size_t len)
{
	bool is_quoted = !log_value_is_bare(value, len);

	if (!e->is_cut && log_put(e, " ") && log_put(e, key) &&
	    log_put(e, is_quoted ? "=\"" : "=") &&
	    log_put_escaped(e, LINE_MAX_LEN, value, len, true) && is_quoted)
		log_put(e, "\"");
}

/* `,"key":"value"`, or nothing if that does not fit. */
static void
log_field_json(struct log_event *e, const char *key, const char *value,
	       size_t len, const char *quote)
{
	size_t start = e->len;

	if (log_put(e, ",\"") && log_put(e, key) && log_put(e, "\":") &&
	    log_put(e, quote) &&
	    log_put_escaped(e, LINE_MAX_LEN, value, len, true) &&
	    log_put(e, quote))
		return;
	e->len = start;
}

void
log_text_len(struct log_event *e, const char *key, const char *value,
	     size_t len)
{
	if (e->level > wanted_level)
		return;
	if (wanted_format == LOG_JSON)
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

	if (e->level > wanted_level)
		return;
	len = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	if (wanted_format == LOG_JSON)
		log_field_json(e, key, digits, (size_t)len, "");
	else
		log_field_text(e, key, digits, (size_t)len);
}

void
log_end(struct log_event *e)
{
	const char *end = wanted_format == LOG_JSON ? "}\n" : "\n";
	int saved_errno = errno;

	if (e->level > wanted_level)
		return;
	if (e->is_cut)
		end = wanted_format == LOG_JSON ? JSON_CUT_END : TEXT_CUT_END;
	log_put_within(e, LINE_BYTES, end, strlen(end));
	log_writer_put(e->line, e->len);
	errno = saved_errno;
}

void
log_line(enum log_level level, const char *format, ...)
{
	char message[LINE_BYTES];
	struct log_event e;
	va_list args;

	if (level > wanted_level)
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
