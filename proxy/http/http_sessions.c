#include "proxy/http/http_sessions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/base/escape.h"
#include "proxy/http/http_reply.h"

enum {
	FRESH_MS = 250,     /* so old an answer may be */
	PATIENCE_MS = 1000, /* for the workers */
	LOOK_MS = 5,        /* between two looks whether they have answered */
};

/* JSON */

/* An empty text is null. */
static void
sessions_text(FILE *out, const char *key, const char *value)
{
	fprintf(out, ",\"%s\":", key);
	if (value[0] == '\0')
		fputs("null", out);
	else
		escape_write_json(out, value, strlen(value));
}

static void
sessions_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, ",\"%s\":%" PRIu64, key, value);
}

static void
sessions_entry(FILE *out, const struct roll_entry *e)
{
	const char transaction[2] = {e->transaction, '\0'};

	fprintf(out, "{\"id\":%" PRIu64, e->order.id);
	sessions_text(out, "state", e->state);
	sessions_text(out, "waits_for", e->waits_for);
	sessions_text(out, "transaction", transaction);
	fprintf(out, ",\"is_busy\":%s,\"is_exact\":%s",
		e->order.is_busy ? "true" : "false",
		e->order.is_exact ? "true" : "false");
	sessions_number(out, "for_ms", e->order.for_ms);
	sessions_number(out, "connected_ms", e->connected_ms);
	if (e->pid == 0)
		fputs(",\"pid\":null", out);
	else
		sessions_number(out, "pid", e->pid);
	sessions_text(out, "host", e->host);
	sessions_number(out, "port", e->port);
	sessions_text(out, "user", e->user);
	sessions_text(out, "database", e->database);
	sessions_text(out, "application_name", e->application_name);
	fputc('}', out);
}

static void
sessions_write(FILE *out, const struct http_sessions *s, uint32_t limit)
{
	size_t i;

	fprintf(out,
		"{\"count\":%" PRIu64 ",\"silent_workers\":%" PRIu32
		",\"sessions\":[",
		s->total, s->missing);
	for (i = 0; i < s->count && i < limit; i++) {
		if (i > 0)
			fputc(',', out);
		sessions_entry(out, &s->entries[i]);
	}
	fputs("]}\n", out);
}

/* Questions */

static void
sessions_reply(const struct http_sessions *s,
	       const struct http_sessions_request *q)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out != NULL) {
		sessions_write(out, s, q->limit);
		(void)fclose(out);
	}
	http_reply_written(q->request, HTTP_JSON_TYPE, text, len);
}

static void
sessions_reply_all(struct http_sessions *s)
{
	while (s->waiting_count > 0)
		sessions_reply(s, &s->waiting[--s->waiting_count]);
}

/* Take what the workers have answered. */
static void
sessions_take(struct http_sessions *s)
{
	free(s->entries);
	s->missing = roll_missing(s->roll);
	s->count = roll_merge(s->roll, &s->entries, &s->total);
	roll_release(s->roll);
	s->roll = NULL;
	s->answered_ms = clock_now_ms();
}

static void
sessions_tick(void *arg)
{
	struct http_sessions *s = arg;

	if (s->roll == NULL)
		return;
	if (roll_missing(s->roll) > 0 &&
	    clock_now_ms() < s->asked_ms + PATIENCE_MS) {
		(void)ticker_once(&s->ticker, LOOK_MS);
		return;
	}
	sessions_take(s);
	sessions_reply_all(s);
}

bool
http_sessions_start(struct http_sessions *s, struct daemon *d,
		    struct event_base *base)
{
	s->daemon = d;
	return ticker_open(&s->ticker, base, sessions_tick, s);
}

bool
http_sessions_ask(struct http_sessions *s, struct evhttp_request *r,
		  uint32_t limit)
{
	const struct http_sessions_request q = {r, limit};

	if (s->answered_ms != 0 && s->missing == 0 &&
	    clock_now_ms() < s->answered_ms + FRESH_MS) {
		sessions_reply(s, &q);
		return true;
	}
	if (s->waiting_count == HTTP_CONNECTIONS_MAX)
		return false;
	if (s->roll == NULL) {
		s->roll = roll_call(s->daemon);
		s->asked_ms = clock_now_ms();
		if (s->roll == NULL || !ticker_once(&s->ticker, LOOK_MS))
			return false;
	}
	s->waiting[s->waiting_count++] = q;
	return true;
}

void
http_sessions_stop(struct http_sessions *s)
{
	if (s->daemon == NULL)
		return;
	if (s->roll != NULL)
		sessions_take(s);
	sessions_reply_all(s);
	free(s->entries);
	ticker_close(&s->ticker);
}
