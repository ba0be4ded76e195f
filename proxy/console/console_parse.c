#include "proxy/console/console_parse.h"

#include <string.h>
#include <strings.h>

enum {
	WORDS_MAX = 4, /* words of a statement that count */
};

#define SYNTAX_ERROR "42601"
#define SEE_HELP "SHOW HELP lists the commands."

/* The words of one statement, borrowed from the text. */
struct words {
	struct span items[WORDS_MAX];
	size_t count; /* includes those beyond WORDS_MAX */
};

struct verb_row {
	const char *word;
	const char *tag;
	bool needs_admin;
};

static const struct verb_row verbs[CONSOLE_VERBS] = {
    [CONSOLE_SHOW] = {"show", "SHOW", false},
    [CONSOLE_KILL] = {"kill_client", "KILL_CLIENT", true},
    [CONSOLE_RELEASE] = {"release", "RELEASE", true},
    [CONSOLE_ABORT] = {"abort", "ABORT", true},
    [CONSOLE_GUARD] = {"guard", "GUARD", true},
    [CONSOLE_PAUSE] = {"pause", "PAUSE", true},
    [CONSOLE_RESUME] = {"resume", "RESUME", true},
    [CONSOLE_RELOAD] = {"reload", "RELOAD", true},
    [CONSOLE_SHUTDOWN] = {"shutdown", "SHUTDOWN", true},
    [CONSOLE_SET] = {"set", "SET", false},
    [CONSOLE_CHANGE] = {"", "SET", true},
    [CONSOLE_DEALLOCATE] = {"deallocate", "DEALLOCATE", false},
    [CONSOLE_BEGIN] = {"begin", "BEGIN", false},
    [CONSOLE_COMMIT] = {"commit", "COMMIT", false},
    [CONSOLE_ROLLBACK] = {"rollback", "ROLLBACK", false},
};

/* Settings of a session that drivers set unasked. */
static const char *const of_drivers[] = {
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "extra_float_digits",
    "idle_in_transaction_session_timeout",
    "intervalstyle",
    "lc_messages",
    "lock_timeout",
    "names",
    "search_path",
    "session",
    "standard_conforming_strings",
    "statement_timeout",
    "time",
    "timezone",
};

/* Tokens */

static void
span_skip(struct span *text, size_t len)
{
	if (len > text->len)
		len = text->len;
	text->data += len;
	text->len -= len;
}

static bool
span_begins(struct span text, const char *with)
{
	size_t len = strlen(with);

	return text.len >= len && memcmp(text.data, with, len) == 0;
}

/* Skip what stands up to and with that end; all, if it does not come. */
static void
span_skip_behind(struct span *text, const char *end)
{
	while (text->len > 0 && !span_begins(*text, end))
		span_skip(text, 1);
	span_skip(text, strlen(end));
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
skip_blanks(struct span *text)
{
	while (text->len > 0) {
		if (is_blank(text->data[0]))
			span_skip(text, 1);
		else if (span_begins(*text, "--"))
			span_skip_behind(text, "\n");
		else if (span_begins(*text, "/*"))
			span_skip_behind(text, "*/");
		else
			return;
	}
}

static bool
is_of_word(uint8_t c)
{
	return c == '_' || c == '.' || c == '-' || c == '+' || c >= 0x80 ||
	       (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Take a word, a text in quotes, or any other character off the front. */
static struct span
take_token(struct span *text)
{
	struct span rest = *text;
	const uint8_t quote[2] = {rest.data[0], '\0'};

	if (quote[0] == '\'' || quote[0] == '"') {
		/* Another one right behind it is a quote in the text. */
		do {
			span_skip(&rest, 1);
			span_skip_behind(&rest, (const char *)quote);
		} while (rest.len > 0 && rest.data[0] == quote[0]);
	} else {
		while (rest.len > 0 && is_of_word(rest.data[0]))
			span_skip(&rest, 1);
		if (rest.len == text->len)
			span_skip(&rest, 1);
	}
	return span_of(text->data, text->len - rest.len);
}

/* Take the words up to a semicolon or the end off the front. */
static void
take_statement(struct words *out, struct span *text)
{
	out->count = 0;
	for (;;) {
		struct span token;

		skip_blanks(text);
		if (text->len == 0)
			return;
		token = take_token(text);
		span_skip(text, token.len);
		if (span_equals(token, ";"))
			return;
		if (out->count < WORDS_MAX)
			out->items[out->count] = token;
		out->count++;
	}
}

/* Words */

static bool
is_word(struct span token, const char *word)
{
	return token.len == strlen(word) &&
	       strncasecmp((const char *)token.data, word, token.len) == 0;
}

/* Read a number of at most 63 bits.  False: it is none. */
static bool
read_id(uint64_t *out, struct span token)
{
	size_t i;

	*out = 0;
	for (i = 0; i < token.len; i++) {
		uint8_t digit = (uint8_t)(token.data[i] - '0');

		if (digit > 9 || *out > ((uint64_t)INT64_MAX - digit) / 10)
			return false;
		*out = *out * 10 + digit;
	}
	return token.len > 0;
}

/* Statements */

static enum console_found
parse_fail(struct console_mistake *m, const char *message, const char *hint)
{
	*m = (struct console_mistake){
	    .sqlstate = SYNTAX_ERROR, .message = message, .hint = hint};
	return CONSOLE_MISTAKE;
}

static enum console_found
parse_show(struct console_command *out, const struct words *w,
	   struct console_mistake *m)
{
	if (w->count != 2)
		return parse_fail(m, "SHOW is followed by one word", SEE_HELP);
	for (int t = 0; t < CONSOLE_TABLES; t++) {
		out->table = (enum console_table)t;
		if (is_word(w->items[1], console_table_name(out->table)))
			return CONSOLE_FOUND;
	}
	return parse_fail(m, "there is nothing of this name to be shown",
			  SEE_HELP);
}

static enum console_found
parse_id(struct console_command *out, const struct words *w,
	 struct console_mistake *m)
{
	if (w->count == 2 && read_id(&out->id, w->items[1]))
		return CONSOLE_FOUND;
	return parse_fail(
	    m, "the number of a session is expected",
	    "SHOW CLIENTS and SHOW HELD have it in the column id.");
}

static enum console_found
parse_guard(struct console_command *out, const struct words *w,
	    struct console_mistake *m)
{
	out->is_on = w->count == 2 && is_word(w->items[1], "on");
	if (out->is_on || (w->count == 2 && is_word(w->items[1], "off")))
		return CONSOLE_FOUND;
	return parse_fail(m, "GUARD is followed by ON or OFF", SEE_HELP);
}

static enum console_found
parse_shutdown(struct console_command *out, const struct words *w,
	       struct console_mistake *m)
{
	out->waits = w->count == 2 && is_word(w->items[1], "wait_for_clients");
	if (out->waits || w->count == 1)
		return CONSOLE_FOUND;
	return parse_fail(
	    m, "SHUTDOWN may be followed by WAIT_FOR_CLIENTS only", SEE_HELP);
}

/* Copy a token, without its quotes, of which two within stand for one.  False:
 * it is too long, or its quote does not end. */
static bool
token_unquote(char *out, size_t size, struct span token)
{
	bool is_quoted = token.data[0] == '\'' || token.data[0] == '"';
	size_t end = is_quoted ? token.len - 1 : token.len;
	size_t len = 0;
	size_t i;

	if (is_quoted && (token.len < 2 || token.data[end] != token.data[0]))
		return false;
	for (i = is_quoted; i < end && len < size - 1; i++) {
		out[len++] = (char)token.data[i];
		if (is_quoted && token.data[i] == token.data[0])
			i++;
	}
	out[len] = '\0';
	return i >= end;
}

static enum console_found
parse_database(struct console_command *out, const struct words *w,
	       struct console_mistake *m)
{
	if (w->count == 1)
		return CONSOLE_FOUND;
	if (w->count == 2 &&
	    token_unquote(out->text, PAIR_NAME_BYTES, w->items[1]) &&
	    out->text[0] != '\0')
		return CONSOLE_FOUND;
	return parse_fail(m, "the name of a database, or nothing, is expected",
			  SEE_HELP);
}

static bool
is_of_driver(struct span name)
{
	size_t i;

	for (i = 0; i < sizeof(of_drivers) / sizeof(of_drivers[0]); i++)
		if (is_word(name, of_drivers[i]))
			return true;
	return false;
}

/* SET name = value, or SET name TO value. */
static enum console_found
parse_change(struct console_command *out, const struct words *w,
	     struct console_mistake *m)
{
	if (w->count < 4 ||
	    !(span_equals(w->items[2], "=") || is_word(w->items[2], "to")))
		return parse_fail(
		    m, "SET is followed by a name, =, and a value", SEE_HELP);
	if (w->count > 4)
		return parse_fail(m, "the value is more than one word",
				  "Put it in quotes: SET lock_order = 'a, b'.");
	if (!token_unquote(out->name, sizeof(out->name), w->items[1]))
		return parse_fail(m, "the name is too long", SEE_HELP);
	out->is_default = is_word(w->items[3], "default");
	if (!token_unquote(out->text, sizeof(out->text), w->items[3]))
		return parse_fail(m, "the value is too long", SEE_HELP);
	out->verb = CONSOLE_CHANGE;
	return CONSOLE_FOUND;
}

static enum console_found
parse_set(struct console_command *out, const struct words *w,
	  struct console_mistake *m)
{
	if (w->count < 3)
		return parse_fail(m, "SET is followed by a name and a value",
				  SEE_HELP);
	if (is_of_driver(w->items[1]))
		return CONSOLE_FOUND;
	return parse_change(out, w, m);
}

static enum console_found
parse_alone(const struct words *w, struct console_mistake *m)
{
	if (w->count == 1)
		return CONSOLE_FOUND;
	return parse_fail(m, "nothing may follow this command", SEE_HELP);
}

static enum console_found
parse_arguments(struct console_command *out, const struct words *w,
		struct console_mistake *m)
{
	switch (out->verb) {
	case CONSOLE_SHOW:
		return parse_show(out, w, m);
	case CONSOLE_KILL:
	case CONSOLE_RELEASE:
	case CONSOLE_ABORT:
		return parse_id(out, w, m);
	case CONSOLE_GUARD:
		return parse_guard(out, w, m);
	case CONSOLE_SHUTDOWN:
		return parse_shutdown(out, w, m);
	case CONSOLE_PAUSE:
	case CONSOLE_RESUME:
		return parse_database(out, w, m);
	case CONSOLE_SET:
		return parse_set(out, w, m);
	case CONSOLE_RELOAD:
		return parse_alone(w, m);
	case CONSOLE_CHANGE:
	case CONSOLE_DEALLOCATE: /* whatever: they are few */
	case CONSOLE_BEGIN:
	case CONSOLE_COMMIT:
	case CONSOLE_ROLLBACK:
	case CONSOLE_VERBS:
		break;
	}
	return CONSOLE_FOUND;
}

/* True for the question that psql's \gdesc asks behind a Describe: it begins
 * with SELECT name AS "Column". */
static bool
is_gdesc(const struct words *w)
{
	static const char *const front[WORDS_MAX] = {"select", "name", "as",
						     "\"Column\""};
	size_t i;

	for (i = 0; i < WORDS_MAX; i++)
		if (i >= w->count || !is_word(w->items[i], front[i]))
			return false;
	return true;
}

enum console_found
console_parse(struct console_command *out, struct span *text,
	      struct console_mistake *mistake)
{
	struct words w = {.count = 0};

	while (w.count == 0) {
		if (text->len == 0)
			return CONSOLE_AT_END;
		take_statement(&w, text);
	}
	*out = (struct console_command){.verb = CONSOLE_SHOW,
					.table = CONSOLE_GDESC};
	if (is_gdesc(&w))
		return CONSOLE_FOUND;
	for (int v = 0; v < CONSOLE_VERBS; v++) {
		out->verb = (enum console_verb)v;
		if (is_word(w.items[0], verbs[v].word))
			return parse_arguments(out, &w, mistake);
	}
	return parse_fail(mistake, "this is no command of the console",
			  SEE_HELP);
}

const char *
console_tag(enum console_verb verb)
{
	return verbs[verb].tag;
}

bool
console_needs_admin(enum console_verb verb)
{
	return verbs[verb].needs_admin;
}
