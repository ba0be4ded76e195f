/*
 * catalog_server.h - a server, in a thread, for one client that asks catalogs
 * by libpq.  Each question has an answer, which the test may change before the
 * client comes; what is no question succeeds.
 *
 * Rows are lines, with '|' between values; values that a line lacks, and those
 * that are "~", are NULL.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_CATALOG_SERVER_H
#define LOCKSTEP_TESTS_SUPPORT_CATALOG_SERVER_H

#include <pthread.h>
#include <stdio.h>

#include "policy/catalog/drop_keys.h"
#include "policy/catalog/holders.h"
#include "policy/catalog/session_facts.h"
#include "policy/catalog/small_set.h"
#include "policy/guard/overrides.h"
#include "policy/guard/recollection.h"
#include "protocol/frame.h"
#include "protocol/types.h"
#include "protocol/writer.h"
#include "tests/support/local.h"

#define CATALOG_FACTS "off|f|read committed|f|notice|0|0|1s|0|0|t|f\n"

enum catalog_question {
	CATALOG_PARSE,
	CATALOG_FACTS_OF_SESSION,
	CATALOG_SETTINGS,
	CATALOG_MISSING,
	CATALOG_SMALL_SET,
	CATALOG_LARGE_SET,
	CATALOG_HOLDERS,
	CATALOG_USERS,
	CATALOG_KEYS,
	CATALOG_QUESTIONS,
};

struct catalog_answer {
	const char *rows;
	const char *error; /* instead; NULL: none */
	bool hangs_up;     /* instead of any answer */
};

struct catalog_server {
	struct catalog_answer answers[CATALOG_QUESTIONS];
	const char *plain_strings; /* standard_conforming_strings */
	const char *remembers;     /* relation, for a recollection, or NULL */
	int listener;
	uint16_t port;
	pthread_t thread;
	int fd;
	char sql[64 * 1024]; /* of the Parse before */
	bool is_named;       /* likewise */
	struct writer out;
	char trace[1024];
};

static const struct {
	const char *name;
	const char *words; /* the first that stands in a text tells it */
	uint16_t columns;
} catalog_questions[CATALOG_QUESTIONS] = {
    [CATALOG_PARSE] = {"parse", ";SELECT 1;SELECT 1", 0},
    [CATALOG_FACTS_OF_SESSION] = {"facts", "strong_locks",
				  SESSION_FACTS_COLUMNS},
    [CATALOG_SETTINGS] = {"settings", "lockstep.", OVERRIDES_COLUMNS},
    [CATALOG_MISSING] = {"missing", "is_missing", 1},
    [CATALOG_SMALL_SET] = {"small", "is_simple", SMALL_SET_COLUMNS},
    [CATALOG_LARGE_SET] = {"large", "is_lockable", LOCK_SET_COLUMNS},
    [CATALOG_HOLDERS] = {"holders", "gives_way", HOLDERS_COLUMNS},
    [CATALOG_USERS] = {"users", "past_of", 4},
    [CATALOG_KEYS] = {"keys", "restore", DROP_KEYS_COLUMNS},
};

/* Messages to the client */

static inline void
catalog_text(struct writer *w, uint8_t type, const char *a, const char *b)
{
	writer_begin(w, type);
	write_string(w, a);
	if (b != NULL)
		write_string(w, b);
	writer_end(w);
}

static inline void
catalog_ready(struct writer *w)
{
	writer_begin(w, BACKEND_READY_FOR_QUERY);
	write_u8(w, 'I');
	writer_end(w);
}

static inline void
catalog_empty(struct writer *w, uint8_t type)
{
	writer_begin(w, type);
	writer_end(w);
}

static inline void
catalog_field(struct writer *w, char code, const char *text)
{
	write_u8(w, (uint8_t)code);
	write_string(w, text);
}

static inline void
catalog_report(struct writer *w, uint8_t type, const char *sqlstate,
	       const char *message, const char *raised_by)
{
	writer_begin(w, type);
	catalog_field(w, 'S', "ERROR");
	catalog_field(w, 'C', sqlstate);
	catalog_field(w, 'M', message);
	catalog_field(w, 'R', raised_by);
	write_u8(w, 0);
	writer_end(w);
}

static inline void
catalog_describe(struct writer *w, uint16_t columns)
{
	writer_begin(w, 'T');
	write_u16(w, columns);
	for (uint16_t i = 0; i < columns; i++) {
		write_string(w, "column");
		write_u32(w, 0);
		write_u16(w, 0);
		write_u32(w, 25); /* text */
		write_u16(w, UINT16_MAX);
		write_u32(w, UINT32_MAX);
		write_u16(w, 0);
	}
	writer_end(w);
}

/* The value at *line, and on to the next one. */
static inline void
catalog_value(struct writer *w, const char **line)
{
	size_t len = strcspn(*line, "|\n");

	if (**line == '\n' || (len == 1 && **line == '~')) {
		write_u32(w, UINT32_MAX);
	} else {
		write_u32(w, (uint32_t)len);
		write_bytes(w, *line, len);
	}
	*line += len + ((*line)[len] == '|');
}

static inline unsigned
catalog_rows(struct writer *w, const char *rows, uint16_t columns)
{
	unsigned count = 0;

	for (; *rows != '\0'; rows++, count++) {
		writer_begin(w, BACKEND_DATA_ROW);
		write_u16(w, columns);
		for (uint16_t i = 0; i < columns; i++)
			catalog_value(w, &rows);
		writer_end(w);
	}
	return count;
}

static inline void
catalog_note(struct catalog_server *s, const char *word)
{
	size_t len = strlen(s->trace);

	snprintf(s->trace + len, sizeof(s->trace) - len, "%s%s",
		 len > 0 ? " " : "", word);
}

static inline void
catalog_tell(struct catalog_server *s)
{
	const struct recollection r = {.relation = s->remembers,
				       .mode = LOCK_ACCESS_EXCLUSIVE,
				       .age_ms = 61000};
	char *detail = recollection_detail(&r);

	writer_begin(&s->out, BACKEND_NOTICE_RESPONSE);
	catalog_field(&s->out, 'S', "NOTICE");
	catalog_field(&s->out, 'C', RECOLLECTION_SQLSTATE);
	catalog_field(&s->out, 'M', "remembered");
	catalog_field(&s->out, 'D', detail != NULL ? detail : "");
	catalog_field(&s->out, 'H', "flyway");
	write_u8(&s->out, 0);
	writer_end(&s->out);
	free(detail);
}

/* A cycle that was no question: a Parse, mostly. */
static inline void
catalog_prepared(struct catalog_server *s)
{
	catalog_note(s, s->is_named ? "recollection" : "?");
	catalog_empty(&s->out, BACKEND_PARSE_COMPLETE);
	if (s->remembers != NULL)
		catalog_tell(s);
	catalog_ready(&s->out);
}

static inline void
catalog_rows_of(struct catalog_server *s, const char *rows, uint16_t columns)
{
	char tag[32];

	catalog_empty(&s->out, BACKEND_PARSE_COMPLETE);
	catalog_empty(&s->out, BACKEND_BIND_COMPLETE);
	catalog_describe(&s->out, columns);
	snprintf(tag, sizeof(tag), "SELECT %u",
		 catalog_rows(&s->out, rows, columns));
	catalog_text(&s->out, BACKEND_COMMAND_COMPLETE, tag, NULL);
	catalog_ready(&s->out);
}

/* False: it hangs up. */
static inline bool
catalog_sync(struct catalog_server *s)
{
	size_t q = 0;

	while (q < CATALOG_QUESTIONS &&
	       strstr(s->sql, catalog_questions[q].words) == NULL)
		q++;
	if (q == CATALOG_QUESTIONS) {
		catalog_prepared(s);
		return true;
	}
	catalog_note(s, catalog_questions[q].name);
	if (s->answers[q].error != NULL) {
		catalog_report(&s->out, BACKEND_ERROR_RESPONSE, "42601",
			       s->answers[q].error,
			       q == CATALOG_PARSE ? s->answers[q].rows : "x");
		catalog_ready(&s->out);
	} else if (!s->answers[q].hangs_up) {
		catalog_rows_of(s, s->answers[q].rows,
				catalog_questions[q].columns);
	}
	return !s->answers[q].hangs_up;
}

/* By its first word. */
static inline void
catalog_command(struct catalog_server *s, const char *sql)
{
	char word[32];

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(sql, " ;"), sql);
	catalog_note(s, word);
	catalog_text(&s->out, BACKEND_COMMAND_COMPLETE, word, NULL);
	if (strcmp(word, "BEGIN") == 0 && strchr(sql, ';') != NULL)
		catalog_text(&s->out, BACKEND_COMMAND_COMPLETE, "SET", NULL);
	catalog_ready(&s->out);
}

/* Messages of the client */

static inline bool
catalog_read(const struct catalog_server *s, void *data, size_t len)
{
	return len == 0 || recv(s->fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

static inline uint32_t
catalog_length(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

static inline bool
catalog_send(struct catalog_server *s)
{
	bool is_sent = s->out.len == 0 ||
		       send(s->fd, s->out.data, s->out.len, MSG_NOSIGNAL) ==
			   (ssize_t)s->out.len;

	writer_reset(&s->out);
	return is_sent;
}

/* False: it was the last message. */
static inline bool
catalog_message(struct catalog_server *s)
{
	static char body[64 * 1024];
	uint8_t head[5];
	const char *sql;
	uint32_t len;

	if (!catalog_read(s, head, sizeof(head)))
		return false;
	len = catalog_length(head + 1) - 4;
	if (len > sizeof(body) || !catalog_read(s, body, len))
		return false;
	switch (head[0]) {
	case FRONTEND_QUERY:
		catalog_command(s, body);
		return true;
	case FRONTEND_PARSE:
		s->is_named = body[0] != '\0';
		sql = body + strlen(body) + 1;
		memcpy(s->sql, sql, strlen(sql) + 1);
		return true;
	case FRONTEND_SYNC:
		return catalog_sync(s);
	case FRONTEND_TERMINATE:
		return false;
	default:
		return true;
	}
}

static inline bool
catalog_login(struct catalog_server *s)
{
	uint8_t startup[1024];
	uint32_t len;

	if (!catalog_read(s, startup, 4))
		return false;
	len = catalog_length(startup) - 4;
	if (len > sizeof(startup) || !catalog_read(s, startup, len))
		return false;
	writer_begin(&s->out, BACKEND_AUTHENTICATION);
	write_u32(&s->out, 0);
	writer_end(&s->out);
	catalog_text(&s->out, BACKEND_PARAMETER_STATUS,
		     "standard_conforming_strings", s->plain_strings);
	catalog_text(&s->out, BACKEND_PARAMETER_STATUS, "client_encoding",
		     "UTF8");
	catalog_ready(&s->out);
	return true;
}

static inline void *
catalog_server_run(void *arg)
{
	struct catalog_server *s = arg;
	struct pollfd p = {.fd = s->listener, .events = POLLIN};

	(void)poll(&p, 1, -1);
	s->fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	if (s->fd < 0)
		return NULL;
	if (catalog_login(s))
		while (catalog_send(s) && catalog_message(s))
			;
	(void)catalog_send(s);
	close(s->fd);
	writer_clear(&s->out);
	return NULL;
}

/* Two tables, nobody in their way, and no settings of the session's. */
static inline void
catalog_server_begin(struct catalog_server *s)
{
	memset(s, 0, sizeof(*s));
	s->plain_strings = "on";
	s->answers[CATALOG_PARSE] = (struct catalog_answer){
	    .rows = "exec_parse_message", .error = "several commands"};
	s->answers[CATALOG_FACTS_OF_SESSION].rows = CATALOG_FACTS;
	s->answers[CATALOG_SETTINGS].rows = "\n";
	s->answers[CATALOG_MISSING].rows = "f\n";
	s->answers[CATALOG_SMALL_SET].rows = "10|r|public.t|8|t|{}|1||t\n"
					     "11|r|public.u|8|t|{}|2||t\n";
	s->answers[CATALOG_LARGE_SET].rows = "10|r|public.t|8|t|{}|1||\n"
					     "11|r|public.u|8|t|{}|2||\n"
					     "12|r|public.w|8|t|{}|2||\n";
	s->answers[CATALOG_HOLDERS].rows = "";
	s->answers[CATALOG_USERS].rows = "0|0|0\n";
	s->answers[CATALOG_KEYS].rows = "";
	s->listener = listen_locally(&s->port);
	assert_int_equal(
	    pthread_create(&s->thread, NULL, catalog_server_run, s), 0);
}

/* For libpq, as an ordinary client. */
static inline void
catalog_server_conninfo(const struct catalog_server *s, char *text, size_t size)
{
	snprintf(text, size,
		 "host=127.0.0.1 port=%u user=joe dbname=db sslmode=disable "
		 "gssencmode=disable",
		 s->port);
}

static inline void
catalog_server_end(struct catalog_server *s)
{
	(void)shutdown(s->listener, SHUT_RDWR); /* if nobody has come */
	pthread_join(s->thread, NULL);
	close(s->listener);
}

#endif
