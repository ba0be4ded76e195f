/*
 * scripted_server.h - a server that the test plays by a script: it reads
 * messages, notes them in a trace, and answers as PostgreSQL would, as far as
 * the guard can tell.  No allocation is made here, so that the nth one of the
 * code under test can be made to fail.
 *
 * The trace has a word for each statement of ours, named by what it is:
 *
 *     facts(f) settings plan{c} / BEGIN attempt(abc) plan{c} /
 *     Query(*drop table c) COMMIT /
 *
 * '/' is a Sync, '|' a Flush, and '*' says that the locks of an attempt are
 * held.  "attempt(abc,waits)" queues for locks, "attempt(aB,turn)" asks
 * for the advisory lock of a view.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_SCRIPTED_SERVER_H
#define LOCKSTEP_TESTS_SUPPORT_SCRIPTED_SERVER_H

#include <ctype.h>
#include <stdio.h>

#include "policy/catalog/attempt.h"
#include "policy/catalog/drop_keys.h"
#include "policy/catalog/gate_names.h"
#include "policy/catalog/glance.h"
#include "policy/catalog/holders.h"
#include "policy/catalog/plain_settings.h"
#include "policy/catalog/repeatable.h"
#include "policy/catalog/session_facts.h"
#include "policy/catalog/small_set.h"
#include "policy/catalog/snapshot.h"
#include "policy/guard/as_before.h"
#include "policy/guard/overrides.h"
#include "protocol/frame.h"
#include "protocol/frontend.h"
#include "protocol/types.h"
#include "tests/support/server_script.h"

/* Our bound on waits for locks strikes; and as log_duration has it. */
#define SERVER_BOUND "SERROR\0C55P03\0Mtimeout\0RProcessInterrupts\0"
#define SERVER_LOG "SLOG\0C00000\0Mduration\0Rexec_execute_message\0"

/* How questions of ours begin. */
#define SERVER_GLANCE "SELECT pg_catalog.current_setting('lock_timeout') "
#define SERVER_SET_CONFIG "SELECT pg_catalog.set_config("

enum {
	SERVER_NAMES = 64,
	SERVER_VERB_MAX = 160,
};

/* A prepared statement, or a portal. */
struct server_entry {
	char name[24];
	char verb[SERVER_VERB_MAX]; /* of ours: a word; else the SQL */
	bool is_ours;
	bool is_small; /* the small question, of a plan */
	bool is_open;
	size_t attempt_count; /* of an attempt: the number that grants all */
};

struct scripted_server {
	struct server_script script;
	/* Something in an answer that is not the server's to do. */
	void (*on_event)(void *arg, const char *word, char **values);
	/* Instead of the script: the words of the answer; and behind it.  Both
	 * may be NULL. */
	void (*before)(void *arg, const struct server_entry *e,
		       char answer[SCRIPT_ANSWER_MAX]);
	void (*after)(void *arg, const struct server_entry *e);
	void *arg;
	uint8_t out[64 * 1024];
	size_t out_len;
	bool is_flushed; /* what was said of a cycle is on its way */
	char trace[8192];
	char status; /* as in ReadyForQuery */
	bool skips;  /* to the next Sync */
	bool in_copy;
	bool copies_in_cycle; /* of extended messages */
	bool is_gone;
	bool has_failed; /* the statement that it is at */
	bool is_at_ours; /* and whose that is */
	bool has_savepoint;
	size_t savepoints; /* of the client's, below ours */
	bool has_renewed;
	bool has_own_settings; /* else what sets them aside is not traced */
	bool holds_outer;      /* locks of an attempt, below the savepoint */
	bool holds_inner;
	char set[16]; /* tables of the plan; capitals are views */
	struct server_entry statements[SERVER_NAMES];
	struct server_entry portals[SERVER_NAMES];
};

/* What it says */

static inline void
server_bytes(struct scripted_server *s, const void *data, size_t len)
{
	assert_true(s->out_len + len <= sizeof(s->out));
	memcpy(s->out + s->out_len, data, len);
	s->out_len += len;
}

static inline void
server_number(struct scripted_server *s, uint32_t n, size_t bytes)
{
	while (bytes-- > 0) {
		uint8_t byte = (uint8_t)(n >> 8 * bytes);

		server_bytes(s, &byte, 1);
	}
}

/* The length is filled in by server_end. */
static inline size_t
server_begin(struct scripted_server *s, uint8_t type)
{
	server_bytes(s, &type, 1);
	server_number(s, 0, 4);
	return s->out_len - 4;
}

static inline void
server_end(struct scripted_server *s, size_t length_at)
{
	size_t end = s->out_len;

	s->out_len = length_at;
	server_number(s, (uint32_t)(end - length_at), 4);
	s->out_len = end;
}

static inline void
server_says(struct scripted_server *s, uint8_t type, const void *body,
	    size_t len)
{
	size_t at = server_begin(s, type);

	server_bytes(s, body, len);
	server_end(s, at);
}

static inline void
server_text(struct scripted_server *s, uint8_t type, const char *text)
{
	server_says(s, type, text, strlen(text) + 1);
}

/* An ErrorResponse or a NoticeResponse, at the first character. */
static inline void
server_report(struct scripted_server *s, uint8_t type, const char *severity,
	      const char *sqlstate, const char *message)
{
	char body[256];
	int len = snprintf(body, sizeof(body), "S%s%cC%s%cM%s%cP1%c", severity,
			   0, sqlstate, 0, message, 0, 0);

	server_says(s, type, body, (size_t)len + 1);
}

static inline void
server_row(struct scripted_server *s, const char *const *values, size_t count)
{
	size_t at = server_begin(s, BACKEND_DATA_ROW);
	size_t i;

	server_number(s, (uint32_t)count, 2);
	for (i = 0; i < count; i++) {
		if (values[i] == NULL) {
			server_number(s, UINT32_MAX, 4);
			continue;
		}
		server_number(s, (uint32_t)strlen(values[i]), 4);
		server_bytes(s, values[i], strlen(values[i]));
	}
	server_end(s, at);
}

static inline void
server_tag(struct scripted_server *s, const char *tag)
{
	server_text(s, BACKEND_COMMAND_COMPLETE, tag);
}

/* Portals end with their transaction. */
static inline void
server_ready(struct scripted_server *s)
{
	size_t i;

	for (i = 0; s->status == TRANSACTION_IDLE && i < SERVER_NAMES; i++)
		s->portals[i].is_open = false;
	server_says(s, BACKEND_READY_FOR_QUERY, &s->status, 1);
}

static inline void
server_note(struct scripted_server *s, const char *word)
{
	size_t len = strlen(s->trace);

	snprintf(s->trace + len, sizeof(s->trace) - len, "%s%s",
		 len > 0 ? " " : "", word);
	assert_true(strlen(s->trace) < sizeof(s->trace) - 1);
}

/* Transactions */

static inline void
server_drop_locks(struct scripted_server *s)
{
	s->holds_outer = false;
	s->holds_inner = false;
	s->has_savepoint = false;
	s->savepoints = 0;
}

static inline bool
server_holds(const struct scripted_server *s)
{
	return s->holds_outer || s->holds_inner;
}

static inline void
server_breaks(struct scripted_server *s)
{
	s->has_failed = true;
	s->is_flushed = true;
	s->holds_inner = false;
	if (!s->has_savepoint)
		s->holds_outer = false;
	if (s->status == TRANSACTION_BLOCK)
		s->status = TRANSACTION_FAILED;
	s->in_copy = false;
}

static inline void
server_fails(struct scripted_server *s, const char *severity,
	     const char *sqlstate)
{
	server_report(s, BACKEND_ERROR_RESPONSE, severity, sqlstate,
		      s->is_at_ours ? "ours failed" : "failed");
	server_breaks(s);
	s->is_gone = strcmp(severity, "FATAL") == 0;
}

static inline bool
server_begins(const char *sql, const char *prefix)
{
	return strncasecmp(sql, prefix, strlen(prefix)) == 0;
}

/* "drop table" -> "DROP TABLE". */
static inline void
server_tag_of(struct scripted_server *s, const char *sql)
{
	char tag[32];
	size_t spaces = 0;
	size_t i;

	for (i = 0; i < sizeof(tag) - 1 && sql[i] != '\0'; i++) {
		spaces += sql[i] == ' ';
		if (spaces == 2)
			break;
		tag[i] = (char)toupper((unsigned char)sql[i]);
	}
	tag[i] = '\0';
	server_tag(s, tag);
}

/* True: it was one, and has been carried out. */
static inline bool
server_ends_transaction(struct scripted_server *s, const char *sql)
{
	bool commits = server_begins(sql, "commit");

	if (!commits && (!server_begins(sql, "rollback") ||
			 server_begins(sql, "rollback to")))
		return false;
	server_tag(s, commits && s->status == TRANSACTION_BLOCK ? "COMMIT"
								: "ROLLBACK");
	if (strstr(sql, "and chain") == NULL)
		s->status = TRANSACTION_IDLE;
	server_drop_locks(s);
	return true;
}

static inline void
server_controls_savepoint(struct scripted_server *s, const char *sql)
{
	bool begins = server_begins(sql, "savepoint");

	if (begins == s->has_savepoint ||
	    (!begins && s->status == TRANSACTION_IDLE)) {
		server_fails(s, "ERROR", "3B001");
		return;
	}
	if (server_begins(sql, "release"))
		s->holds_outer |= s->holds_inner;
	s->holds_inner = false;
	s->has_savepoint = !server_begins(sql, "release");
	if (s->status == TRANSACTION_FAILED)
		s->status = TRANSACTION_BLOCK;
	server_tag(s, begins ? "SAVEPOINT" : "RELEASE");
}

/* True: it was about a savepoint of the client's, and has been carried out. All
 * of them have one name, and ours is the innermost. */
static inline bool
server_client_savepoint(struct scripted_server *s, const char *sql)
{
	bool begins = server_begins(sql, "savepoint ");
	bool goes_back = server_begins(sql, "rollback to ");

	if (!begins && !goes_back && !server_begins(sql, "release "))
		return false;
	if (s->status == TRANSACTION_FAILED && !goes_back)
		server_fails(s, "ERROR", "25P02");
	else if (s->status == TRANSACTION_IDLE)
		server_fails(s, "ERROR", "25P01");
	else if (!begins && s->savepoints == 0)
		server_fails(s, "ERROR", "3B001");
	if (s->has_failed)
		return true;
	s->holds_outer |= s->holds_inner && !goes_back;
	s->holds_inner = false;
	s->has_savepoint = s->has_savepoint && begins;
	s->savepoints += begins;
	s->savepoints -= !begins && !goes_back;
	s->status = TRANSACTION_BLOCK;
	server_tag(s, begins      ? "SAVEPOINT"
		      : goes_back ? "ROLLBACK"
				  : "RELEASE");
	return true;
}

static inline void
server_forget_all(struct scripted_server *s, const char *tag)
{
	size_t i;

	for (i = 0; i < SERVER_NAMES; i++)
		s->statements[i].is_open = false;
	server_tag(s, tag);
}

/* DEALLOCATE of one name. */
static inline void
server_deallocate(struct scripted_server *s, const char *name)
{
	size_t len = strcspn(name, " ;");
	size_t i;

	for (i = 0; i < SERVER_NAMES; i++) {
		struct server_entry *e = &s->statements[i];

		if (!e->is_open || strlen(e->name) != len ||
		    memcmp(e->name, name, len) != 0)
			continue;
		e->is_open = false;
		server_tag(s, "DEALLOCATE");
		return;
	}
	server_fails(s, "ERROR", "26000");
}

static inline void
server_copy_begins(struct scripted_server *s)
{
	s->in_copy = true;
	s->is_flushed = true;
	server_says(s, BACKEND_COPY_IN_RESPONSE, "\0\0\0", 3);
}

/* A statement of the client's, or a command of ours. */
static inline void
server_command(struct scripted_server *s, const char *sql)
{
	if (server_ends_transaction(s, sql))
		return;
	if (strstr(sql, "_lockstep") != NULL &&
	    (s->status == TRANSACTION_BLOCK || server_begins(sql, "rollback")))
		server_controls_savepoint(s, sql);
	else if (server_client_savepoint(s, sql))
		return;
	else if (s->status == TRANSACTION_FAILED)
		server_fails(s, "ERROR", "25P02");
	else if (server_begins(sql, "begin")) {
		s->status = TRANSACTION_BLOCK;
		server_tag(s, "BEGIN");
	} else if (server_begins(sql, "copy")) {
		server_copy_begins(s);
	} else if (server_begins(sql, "deallocate all")) {
		server_forget_all(s, "DEALLOCATE ALL");
	} else if (server_begins(sql, "deallocate ")) {
		server_deallocate(s, sql + strlen("deallocate "));
	} else if (server_begins(sql, "discard all")) {
		if (s->status == TRANSACTION_IDLE)
			server_forget_all(s, "DISCARD ALL");
		else
			server_fails(s, "ERROR", "25001");
	} else if (server_begins(sql, "select")) {
		static const char *const row[] = {"1"};

		server_row(s, row, 1);
		server_tag(s, "SELECT 1");
	} else {
		server_tag_of(s, sql);
	}
}

/* What ours are */

static inline void
server_verb_of_attempt(char out[SERVER_VERB_MAX], const char *sql)
{
	char tables[16] = "";
	size_t n = 0;
	const char *at = sql;

	while ((at = strstr(at, "LOCK TABLE ONLY public.")) != NULL) {
		at += strlen("LOCK TABLE ONLY public.");
		tables[n++] = *at;
		assert_true(n < sizeof(tables));
	}
	if (strstr(sql, "advisory") == NULL &&
	    strstr(sql, "RAISE lock_not_available;\nEXCEPTION WHEN OTHERS") !=
		NULL)
		snprintf(out, SERVER_VERB_MAX, "coax(%s)", tables);
	else
		snprintf(out, SERVER_VERB_MAX, "attempt(%s%s%s)", tables,
			 strstr(sql, "'lock_timeout'") != NULL ? ",waits" : "",
			 strstr(sql, "advisory") != NULL ? ",turn" : "");
}

static inline void
server_verb(char out[SERVER_VERB_MAX], const char *sql)
{
	const char *word = sql;

	if (strcmp(sql, session_facts_query(false)) == 0 ||
	    strcmp(sql, session_facts_query(true)) == 0)
		word = "facts";
	else if (strcmp(sql, session_isolation_query()) == 0)
		word = "isolation";
	else if (strcmp(sql, session_keeps_query()) == 0)
		word = "keeps";
	else if (strcmp(sql, overrides_query()) == 0)
		word = "settings";
	else if (server_begins(sql, SERVER_GLANCE))
		word = "glance";
	else if (strcmp(sql, as_before_query()) == 0)
		word = "as-before";
	else if (strcmp(sql, as_before_unset_query()) == 0)
		word = "unset";
	else if (strstr(sql, "AS names") != NULL)
		word = "plain-names";
	else if (server_begins(sql, SERVER_SET_CONFIG)) {
		snprintf(out, SERVER_VERB_MAX, "set_config(%s",
			 sql + strlen(SERVER_SET_CONFIG));
		return;
	} else if (strcmp(sql, holders_renew_sql()) == 0)
		word = "renew";
	else if (strstr(sql, holders_query()) != NULL)
		word = "look";
	else if (strcmp(sql, gate_names_query()) == 0)
		word = "names";
	else if (strcmp(sql, gate_names_own_query()) == 0)
		word = "names-own";
	else if (strcmp(sql, snapshot_query()) == 0)
		word = "snapshot";
	else if (strcmp(sql, attempt_refusal_sql(false)) == 0)
		word = "refuse";
	else if (strcmp(sql, attempt_refusal_sql(true)) == 0)
		word = "refuse-deadlock";
	else if (strcmp(sql, attempt_abort_sql()) == 0)
		word = "abort";
	else if (server_begins(sql, "EXECUTE _lockstep"))
		word = "plain";
	else if (strcmp(sql, plain_settings_query()) == 0)
		word = "prepared";
	else if (strstr(sql, plain_settings_restore()) != NULL)
		word = "restore";
	else if (strcmp(sql, repeatable_query()) == 0)
		word = "repeatable";
	else if (strcmp(sql, drop_keys_query()) == 0)
		word = "keys";
	else if (server_begins(sql, "WITH RECURSIVE") ||
		 strstr(sql, "AS is_simple") != NULL)
		word = "plan";
	else if (server_begins(sql, "DO $lockstep")) {
		server_verb_of_attempt(out, sql);
		return;
	}
	assert_true(strlen(word) < SERVER_VERB_MAX);
	memcpy(out, word, strlen(word) + 1);
}

/* Relations are 100 for a, 101 for b: told apart by letters. */
static inline void
server_verb_letters(char out[16], const char *literal)
{
	size_t n = 0;

	for (; *literal != '\0'; literal += strcspn(literal, ",")) {
		literal += *literal == '{' || *literal == ',';
		if (isdigit((unsigned char)*literal) && n < 15)
			out[n++] = (char)('a' + atoi(literal) - 100);
	}
	out[n] = '\0';
}

/* Without the quotes of its elements, and of the names in them. */
static inline void
server_verb_names(char out[SERVER_VERB_MAX], const char *verb,
		  const char *literal)
{
	size_t len = strlen(verb);

	memcpy(out, verb, len);
	for (; *literal != '\0'; literal++)
		if (*literal != '"' && *literal != '\\')
			out[len++] = *literal;
	assert_true(len < SERVER_VERB_MAX);
	out[len] = '\0';
}

/* Behind the word, the parameter that matters. */
static inline void
server_verb_bound(char out[SERVER_VERB_MAX], const char *verb,
		  const char *const *params, size_t count)
{
	char letters[16];

	snprintf(out, SERVER_VERB_MAX, "%s", verb);
	if (strcmp(verb, "facts") == 0)
		snprintf(out, SERVER_VERB_MAX, "facts(%s)", params[0]);
	else if (strcmp(verb, "plan") == 0 || strcmp(verb, "keys") == 0)
		server_verb_names(out, verb, params[2]);
	else if (count == 1 && strcmp(verb, "unset") != 0) {
		server_verb_letters(letters, params[0]);
		snprintf(out, SERVER_VERB_MAX, "%.32s(%s)", verb, letters);
	}
}

/* Rows of ours */

static inline void
server_answer_facts(struct scripted_server *s, char *words)
{
#define X(id, name) [id] = #name,
	static const char *const names[] = {SESSION_FACTS_COLUMN_TABLE(X)};
#undef X
	const char *row[SESSION_FACTS_COLUMNS] = {
	    "off", "f",      "read committed",
	    "f",   "notice", "0",
	    "0",   "1s",     "0",
	    "0",   "t",      "f",
	    "",    "",
	};
	char *word;
	size_t i;

	while ((word = server_script_word(&words)) != NULL) {
		size_t len = strcspn(word, "=");

		for (i = 0; i < SESSION_FACTS_COLUMNS; i++)
			if (strlen(names[i]) == len &&
			    memcmp(names[i], word, len) == 0)
				row[i] = word + len + 1;
	}
	server_row(s, row, SESSION_FACTS_COLUMNS);
}

/* The script's words, or 7:7: without any. */
static inline void
server_answer_snapshot(struct scripted_server *s, const char *words)
{
	const char *row[] = {*words != '\0' ? words : "7:7:"};

	server_row(s, row, 1);
}

/* The script's word is whether it is plain: t, or f; or "children", where it is
 * and some relations have such. */
static inline void
server_answer_glance(struct scripted_server *s, const char *words)
{
	bool is_flat = strcmp(words, "children") != 0;
	const char *row[] = {"7s",
			     "notice",
			     "1s",
			     "100000",
			     is_flat ? "t" : "f",
			     *words != '\0' && is_flat ? words : "t"};

	_Static_assert(sizeof(row) / sizeof(row[0]) == GLANCE_COLUMNS, "");
	server_row(s, row, GLANCE_COLUMNS);
}

static inline void
server_answer_settings(struct scripted_server *s, char *words)
{
	const char *row[OVERRIDES_COLUMNS];
	char *word;
	size_t i;

	for (i = 0; i < OVERRIDES_COLUMNS; i++)
		row[i] = i == OVERRIDES_APPLICATION_NAME ? "psql" : "";
	while ((word = server_script_word(&words)) != NULL) {
		char *value = strchr(word, '=');

		assert_non_null(value);
		*value++ = '\0';
		for (i = 0; i < GUARD_SETTING_COUNT; i++)
			if (strcmp(settings_name((enum guard_setting)i),
				   word) == 0)
				row[i] = value;
	}
	server_row(s, row, OVERRIDES_COLUMNS);
}

/* The small question gets a column more, which says that it may do. */
static inline void
server_answer_plan(struct scripted_server *s, bool is_small, const char *tables)
{
	for (; *tables != '\0'; tables++) {
		bool is_view = isupper((unsigned char)*tables) != 0;
		char letter = (char)tolower((unsigned char)*tables);
		char relid[16];
		char name[16];
		const char *row[SMALL_SET_COLUMNS] = {
		    relid,
		    is_view ? "v" : "r",
		    name,
		    "8",
		    is_view ? "f" : "t",
		    "{}",
		    "1",
		    "",
		    "t",
		};

		snprintf(relid, sizeof(relid), "%d", 100 + letter - 'a');
		snprintf(name, sizeof(name), "public.%c", letter);
		server_row(s, row,
			   is_small ? SMALL_SET_COLUMNS : LOCK_SET_COLUMNS);
	}
}

/* "young", "old", "autovacuum" and "cycle" hold table a; "cycle" waits for us,
 * and so does "waiter", who holds nothing. */
static inline void
server_answer_look(struct scripted_server *s, const char *who)
{
	static const char *const waiter[HOLDERS_COLUMNS] = {
	    [HOLDERS_PID] = "4711",
	    [HOLDERS_MODE] = "ShareLock",
	    [HOLDERS_AUTOVACUUM] = "f",
	    [HOLDERS_BLOCKER] = "12",
	    [HOLDERS_WAITS_ON] = "transaction 733",
	    [HOLDERS_DIRECT] = "t",
	    [HOLDERS_STALLED] = "t",
	    [HOLDERS_GIVES_WAY] = "f",
	};
	bool is_autovacuum = strcmp(who, "autovacuum") == 0;
	bool is_cycle = strcmp(who, "cycle") == 0;
	const char *row[HOLDERS_COLUMNS] = {
	    "4711",
	    "100",
	    is_autovacuum ? "ShareUpdateExclusiveLock" : "AccessShareLock",
	    "joe",
	    "shop",
	    "active",
	    strcmp(who, "young") == 0 ? "5" : "100000",
	    is_autovacuum ? "t" : "f",
	    "3/7",
	    is_cycle ? "12" : NULL,
	    is_cycle ? "transaction 733" : NULL,
	};

	if (*who != '\0' && strcmp(who, "waiter") != 0)
		server_row(s, row, HOLDERS_COLUMNS);
	if (is_cycle || strcmp(who, "waiter") == 0)
		server_row(s, waiter, HOLDERS_COLUMNS);
}

static inline void
server_answer_names(struct scripted_server *s)
{
	static const char *const a[GATE_NAMES_COLUMNS] = {"a", "public", "a",
							  ""};
	static const char *const b[GATE_NAMES_COLUMNS] = {"b", "public", "a",
							  ""};

	server_row(s, a, GATE_NAMES_COLUMNS);
	server_row(s, b, GATE_NAMES_COLUMNS);
}

/* A key of table c for each letter: c_a references table a. */
static inline void
server_answer_keys(struct scripted_server *s, const char *letters)
{
	char name[] = "c_?";
	char restore[] = "ADD c_?";
	const char *row[DROP_KEYS_COLUMNS] = {"public.c", name, restore};

	for (; isalpha((unsigned char)*letters); letters++) {
		name[2] = *letters;
		restore[6] = *letters;
		server_row(s, row, DROP_KEYS_COLUMNS);
	}
}

/* "snapshot" for the isolation, else why not; nothing: why ever not. */
static inline void
server_answer_repeatable(struct scripted_server *s, const char *words)
{
	bool has_snapshot = strcmp(words, "snapshot") == 0;
	const char *row[REPEATABLE_COLUMNS] = {
	    has_snapshot ? "" : words,
	    has_snapshot ? "repeatable read" : "read committed",
	};

	server_row(s, row, REPEATABLE_COLUMNS);
}

static inline void
server_answer_attempt(struct scripted_server *s, const char *verb,
		      const char *number, size_t all)
{
	char text[16];
	bool is_granted;

	snprintf(text, sizeof(text), "%zu", all);
	if (*number == '\0' || strcmp(number, "granted") == 0)
		number = text;
	is_granted = strcmp(number, text) == 0 && *verb == 'a';
	if (is_granted && s->has_savepoint)
		s->holds_inner = true;
	else if (is_granted)
		s->holds_outer = true;
	if (strcmp(number, "silent") != 0)
		server_report(s, BACKEND_NOTICE_RESPONSE, "INFO",
			      ATTEMPT_SQLSTATE, number);
	server_tag(s, "DO");
}

static inline bool
server_is_about_settings(const struct server_entry *e)
{
	return e->is_ours && (strcmp(e->verb, "plain") == 0 ||
			      strcmp(e->verb, "restore") == 0);
}

static inline void
server_answer_plain(struct scripted_server *s)
{
	const char *row[PLAIN_SETTINGS_COLUMNS] = {
	    s->has_own_settings ? "1" : "0", ""};

	server_row(s, row, PLAIN_SETTINGS_COLUMNS);
	server_tag(s, "EXECUTE");
}

/* A statement of ours; words is what the script says of it. */
static inline void
server_answer_ours(struct scripted_server *s, const struct server_entry *e,
		   char *words)
{
	const char *verb = e->verb;

	if (server_is_about_settings(e)) {
		server_answer_plain(s);
		return;
	}
	if (server_begins(verb, "attempt(") || server_begins(verb, "coax(")) {
		server_answer_attempt(s, verb, words, e->attempt_count);
		return;
	}
	if (strcmp(verb, "isolation") == 0)
		server_row(
		    s,
		    &(const char *){*words != '\0' ? words : "read committed"},
		    1);
	else if (strcmp(verb, "keeps") == 0)
		server_row(s, &(const char *){*words != '\0' ? words : "f"}, 1);
	else if (server_begins(verb, "facts"))
		server_answer_facts(s, words);
	else if (server_begins(verb, "settings"))
		server_answer_settings(s, words);
	else if (strcmp(verb, "glance") == 0)
		server_answer_glance(s, words);
	else if (strcmp(verb, "as-before") == 0 ||
		 strcmp(verb, "plain-names") == 0 || strcmp(verb, "unset") == 0)
		server_row(s, &(const char *){"0"}, 1);
	else if (e->is_small && strcmp(words, "large") == 0)
		server_row(s, (const char *[SMALL_SET_COLUMNS]){NULL},
			   SMALL_SET_COLUMNS);
	else if (server_begins(verb, "plan"))
		server_answer_plan(s, e->is_small,
				   server_begins(words, "set=") ? words + 4
								: s->set);
	else if (server_begins(verb, "keys"))
		server_answer_keys(s, words);
	else if (server_begins(verb, "look"))
		server_answer_look(s, words);
	else if (server_begins(verb, "names"))
		server_answer_names(s);
	else if (strcmp(verb, "snapshot") == 0)
		server_answer_snapshot(s, words);
	else if (server_begins(verb, "repeatable"))
		server_answer_repeatable(s, words);
	else if (strcmp(verb, "abort") == 0) {
		server_fails(s, "ERROR", "25P02");
		return;
	} else if (server_begins(verb, "refuse")) {
		server_fails(s, "ERROR", verb[6] == '\0' ? "55P03" : "40P01");
		return;
	} else if (strcmp(verb, "renew") == 0) {
		server_tag(s, "SELECT 0");
		return;
	} else {
		server_command(s, verb);
		return;
	}
	server_tag(s, "SELECT 1");
}

/* Statements */

/* True: the next word has been dealt with, and is gone. */
static inline bool
server_word(struct scripted_server *s, char **rest)
{
	static const char *const odd[] = {"odd"};
	char *behind = *rest;
	char copy[SCRIPT_ANSWER_MAX];
	const char *word;
	char *at = copy;

	memcpy(copy, *rest, strlen(*rest) + 1);
	word = server_script_word(&at);
	if (word == NULL)
		return false;
	if (strcmp(word, "notice") == 0)
		server_report(s, BACKEND_NOTICE_RESPONSE, "NOTICE", "00000",
			      s->is_at_ours ? "ours" : "hello");
	else if (strcmp(word, "huge") == 0)
		server_report(s, BACKEND_NOTICE_RESPONSE, "NOTICE", "54000",
			      "huge");
	else if (strcmp(word, "log") == 0)
		server_says(s, BACKEND_NOTICE_RESPONSE, SERVER_LOG,
			    sizeof(SERVER_LOG));
	else if (strcmp(word, "notification") == 0)
		server_says(s, BACKEND_NOTIFICATION_RESPONSE, "\0\0\0\1a\0b",
			    8);
	else if (strcmp(word, "parameter") == 0)
		server_says(s, BACKEND_PARAMETER_STATUS, "a\0b", 4);
	else if (strcmp(word, "odd") == 0)
		server_row(s, odd, 1);
	else if (strcmp(word, "error") == 0)
		server_fails(s, "ERROR", server_script_word(&at));
	else if (strcmp(word, "bound") == 0) {
		server_says(s, BACKEND_ERROR_RESPONSE, SERVER_BOUND,
			    sizeof(SERVER_BOUND));
		server_breaks(s);
	} else if (strcmp(word, "fatal") == 0)
		server_fails(s, "FATAL", server_script_word(&at));
	else if (*word == '!')
		s->on_event(s->arg, word + 1, &at);
	else
		return false;
	*rest = behind + (at - copy);
	return true;
}

/* False: it ended in an error. */
static inline bool
server_run(struct scripted_server *s, const struct server_entry *e)
{
	char answer[SCRIPT_ANSWER_MAX];
	char *rest = answer;

	answer[0] = '\0';
	if (s->before != NULL)
		s->before(s->arg, e, answer);
	else
		server_script_take(&s->script, e->verb, answer);
	s->has_failed = false;
	s->is_at_ours = e->is_ours;
	while (!s->has_failed && server_word(s, &rest))
		;
	if (s->has_failed && server_begins(e->verb, "commit")) {
		s->status = TRANSACTION_IDLE; /* with a failed COMMIT it ends */
		server_drop_locks(s);
	}
	if (s->has_failed)
		return false;
	if (e->is_ours)
		server_answer_ours(s, e, rest);
	else
		server_command(s, e->verb);
	return !s->has_failed;
}

static inline bool
server_execute(struct scripted_server *s, const struct server_entry *e)
{
	(void)server_run(s, e);
	if (s->after != NULL)
		s->after(s->arg, e);
	s->is_at_ours = false;
	return !s->has_failed;
}

/* A simple Query destroys the unnamed statement and portal. */
static inline void
server_forget_unnamed(struct server_entry *entries)
{
	size_t i;

	for (i = 0; i < SERVER_NAMES; i++)
		if (entries[i].name[0] == '\0')
			entries[i].is_open = false;
}

/* Nothing, or one comment. */
static inline bool
server_is_empty(const char *sql)
{
	const char *end = server_begins(sql, "/*") ? strstr(sql, "*/") : NULL;

	return *sql == '\0' || (end != NULL && end[2] == '\0');
}

static inline void
server_query(struct scripted_server *s, const char *sql)
{
	struct server_entry e = {.is_ours = false};
	bool goes_on = true;
	char word[SERVER_VERB_MAX + 16];

	snprintf(word, sizeof(word), "Query(%s%s)", server_holds(s) ? "*" : "",
		 sql);
	server_note(s, word);
	server_forget_unnamed(s->statements);
	server_forget_unnamed(s->portals);
	if (server_is_empty(sql)) {
		server_says(s, BACKEND_EMPTY_QUERY_RESPONSE, "", 0);
		goes_on = false;
	}
	while (goes_on && *sql != '\0') {
		size_t len = strcspn(sql, ";");

		snprintf(e.verb, sizeof(e.verb), "%.*s", (int)len, sql);
		sql += len;
		sql += strspn(sql, "; ");
		goes_on = server_execute(s, &e) && !s->in_copy;
	}
	s->copies_in_cycle = false;
	s->is_flushed = true;
	if (!s->in_copy && !s->is_gone)
		server_ready(s);
}

/* Extended messages */

static inline struct server_entry *
server_find(struct server_entry *entries, struct span name)
{
	size_t i;

	for (i = 0; i < SERVER_NAMES; i++)
		if (entries[i].is_open && span_equals(name, entries[i].name))
			return &entries[i];
	return NULL;
}

static inline struct server_entry *
server_define(struct server_entry *entries, struct span name)
{
	struct server_entry *e = server_find(entries, name);
	size_t i;

	for (i = 0; e == NULL; i++) {
		assert_true(i < SERVER_NAMES);
		if (!entries[i].is_open)
			e = &entries[i];
	}
	memset(e, 0, sizeof(*e));
	assert_true(name.len < sizeof(e->name));
	memcpy(e->name, name.data, name.len);
	e->is_ours = server_begins(e->name, "_lockstep");
	e->is_open = true;
	return e;
}

/* A Parse of ours of the client's own text, which begins in lower case: whether
 * it has a fault, as the script says. */
static inline bool
server_finds_fault(struct scripted_server *s, const char *sql)
{
	char answer[SCRIPT_ANSWER_MAX] = "";
	char word[SERVER_VERB_MAX + 16];
	char *rest = answer;

	if (!islower((unsigned char)*sql))
		return false;
	snprintf(word, sizeof(word), "probe(%.*s)", SERVER_VERB_MAX, sql);
	server_note(s, word);
	if (s->before == NULL)
		server_script_take(&s->script, "probe", answer);
	s->has_failed = false;
	s->is_at_ours = true;
	while (!s->has_failed && server_word(s, &rest))
		;
	s->is_at_ours = false;
	s->skips |= s->has_failed;
	return s->has_failed;
}

static inline void
server_parse(struct scripted_server *s, struct span body)
{
	struct parse_message p;
	struct server_entry *e;
	const char *number;

	assert_true(parse_decode(&p, body));
	if (p.statement.len > 0 && server_find(s->statements, p.statement)) {
		server_fails(s, "ERROR", "42P05");
		s->skips = true;
		return;
	}
	e = server_define(s->statements, p.statement);
	if (!e->is_ours) {
		server_note(s, "Parse");
		snprintf(e->verb, sizeof(e->verb), "%s",
			 (const char *)p.sql.data);
	} else if (server_finds_fault(s, (const char *)p.sql.data)) {
		e->is_open = false;
		return;
	} else {
		server_verb(e->verb, (const char *)p.sql.data);
		e->is_small =
		    strstr((const char *)p.sql.data, "AS is_simple") != NULL;
		number = strstr((const char *)p.sql.data, "MESSAGE = '");
		if (number != NULL)
			e->attempt_count =
			    (size_t)atoi(number + strlen("MESSAGE = '"));
	}
	server_says(s, BACKEND_PARSE_COMPLETE, "", 0);
}

/* Text parameters, each as if followed by a NUL. */
static inline size_t
server_params(struct span body, const char *out[8], char *room, size_t size)
{
	const uint8_t *at = body.data;
	size_t count;
	size_t used = 0;
	size_t i;

	at += strlen((const char *)at) + 1;
	at += strlen((const char *)at) + 1;
	count = (size_t)at[2] << 8 | at[3];
	assert_true(count <= 8);
	at += 4;
	for (i = 0; i < count; i++) {
		size_t len = (size_t)at[2] << 8 | at[3];

		assert_true(used + len < size);
		memcpy(room + used, at + 4, len);
		room[used + len] = '\0';
		out[i] = room + used;
		used += len + 1;
		at += 4 + len;
	}
	return count;
}

static inline void
server_bind(struct scripted_server *s, struct span body)
{
	struct bind_message b;
	const struct server_entry *from;
	struct server_entry *to;
	const char *params[8] = {NULL};
	char room[8192];
	size_t count;

	assert_true(bind_decode(&b, body));
	from = server_find(s->statements, b.statement);
	if (from == NULL) {
		server_fails(s, "ERROR", "26000");
		s->skips = true;
		return;
	}
	to = server_define(s->portals, b.portal);
	assert_int_equal(to->is_ours, from->is_ours);
	to->attempt_count = from->attempt_count;
	to->is_small = from->is_small;
	count = server_params(body, params, room, sizeof(room));
	if (to->is_ours) {
		server_verb_bound(to->verb, from->verb, params, count);
	} else {
		server_note(s, "Bind");
		memcpy(to->verb, from->verb, sizeof(to->verb));
	}
	server_says(s, BACKEND_BIND_COMPLETE, "", 0);
}

/* In a block each look forgets what the one before it saw of the sessions. */
static inline void
server_check_look(struct scripted_server *s, const char *verb)
{
	if (server_begins(verb, "look") && s->status == TRANSACTION_BLOCK)
		assert_true(s->has_renewed);
	s->has_renewed = strcmp(verb, "renew") == 0;
}

static inline void
server_executes(struct scripted_server *s, struct span body)
{
	struct execute_message m;
	const struct server_entry *e;
	char word[SERVER_VERB_MAX + 16];

	assert_true(execute_decode(&m, body));
	e = server_find(s->portals, m.portal);
	if (e == NULL) {
		server_fails(s, "ERROR", "34000");
		s->skips = true;
		return;
	}
	snprintf(word, sizeof(word), e->is_ours ? "%s%s" : "Execute(%s%s)",
		 !e->is_ours && server_holds(s) ? "*" : "", e->verb);
	if (strcmp(e->verb, "renew") != 0 &&
	    (s->has_own_settings || !server_is_about_settings(e)))
		server_note(s, word);
	if (e->is_ours)
		server_check_look(s, e->verb);
	s->copies_in_cycle = true;
	if (!server_execute(s, e))
		s->skips = !s->is_gone;
}

static inline void
server_closes(struct scripted_server *s, struct span body)
{
	struct target_message t;
	struct server_entry *e;

	assert_true(target_decode(&t, body));
	e = server_find(t.kind == 'S' ? s->statements : s->portals, t.name);
	if (!server_begins((const char *)t.name.data, "_lockstep"))
		server_note(s, "Close");
	if (e != NULL)
		e->is_open = false;
	server_says(s, BACKEND_CLOSE_COMPLETE, "", 0);
}

static inline void
server_sync(struct scripted_server *s)
{
	server_note(s, "/");
	s->skips = false;
	s->is_flushed = true;
	if (s->status == TRANSACTION_IDLE)
		server_drop_locks(s);
	server_ready(s);
}

static inline void
server_describes(struct scripted_server *s)
{
	server_note(s, "Describe");
	server_says(s, BACKEND_NO_DATA, "", 0);
}

/* While it wants copy data. */
static inline void
server_copies(struct scripted_server *s, uint8_t type)
{
	if (type == FRONTEND_COPY_DATA || type == FRONTEND_SYNC ||
	    type == FRONTEND_FLUSH)
		return;
	if (type == FRONTEND_COPY_DONE) {
		s->in_copy = false;
		server_tag(s, "COPY 1");
	} else {
		server_fails(s, "ERROR", "08P01");
		s->skips = s->copies_in_cycle;
	}
	s->is_flushed = true;
	if (!s->copies_in_cycle)
		server_ready(s);
}

/* Read the next message, and answer it. */
static inline void
server_reads(struct scripted_server *s, const struct frame *f)
{
	if (s->in_copy) {
		server_copies(s, f->type);
		return;
	}
	if (s->skips && f->type != FRONTEND_SYNC)
		return;
	switch (f->type) {
	case FRONTEND_COPY_DATA:
	case FRONTEND_COPY_DONE:
	case FRONTEND_COPY_FAIL:
		break; /* of a COPY that has failed */
	case FRONTEND_QUERY:
		server_query(s, (const char *)f->body.data);
		break;
	case FRONTEND_PARSE:
		server_parse(s, f->body);
		break;
	case FRONTEND_BIND:
		server_bind(s, f->body);
		break;
	case FRONTEND_DESCRIBE:
		server_describes(s);
		break;
	case FRONTEND_EXECUTE:
		server_executes(s, f->body);
		break;
	case FRONTEND_CLOSE:
		server_closes(s, f->body);
		break;
	case FRONTEND_SYNC:
		server_sync(s);
		break;
	case FRONTEND_FLUSH:
		server_note(s, "|");
		s->is_flushed = true;
		break;
	case FRONTEND_TERMINATE:
		server_note(s, "Terminate");
		break;
	default:
		fail_msg("a message of type %c", f->type);
	}
}

static inline void
server_start(struct scripted_server *s, const char *script)
{
	s->script.text = script;
	s->has_own_settings =
	    script != NULL && strstr(script, "plain:") != NULL;
	s->status = TRANSACTION_IDLE;
	memcpy(s->set, "abc", 4);
}

#endif
