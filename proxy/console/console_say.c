/*
 * console_say.c - what a console answers.
 */
#include <stdio.h>

#include "policy/sql/statement.h"
#include "protocol/authentication.h"
#include "protocol/backend.h"
#include "proxy/console/console_state.h"

void
console_say(struct console *c, struct writer *w)
{
	if (w->failed)
		pair_close(c->pair, CLOSE_MEMORY, NULL);
	else if (w->len > 0)
		(void)pair_to_client(c->pair, w->data, w->len);
	writer_clear(w);
}

void
console_say_bare(struct console *c, enum backend_type type)
{
	struct writer w = {0};

	writer_begin(&w, (uint8_t)type);
	writer_end(&w);
	console_say(c, &w);
}

void
console_say_ready(struct console *c)
{
	struct writer w = {0};

	ready_for_query_write(&w, c->status);
	console_say(c, &w);
}

void
console_complete(struct console *c, enum console_verb verb)
{
	struct writer w = {0};

	writer_begin(&w, BACKEND_COMMAND_COMPLETE);
	write_string(&w, console_tag(verb));
	writer_end(&w);
	console_say(c, &w);
}

void
console_fail(struct console *c, const struct console_mistake *m)
{
	const struct error_report report = {
	    .severity = "ERROR",
	    .sqlstate = m->sqlstate,
	    .message = m->message,
	    .detail = m->detail,
	    .hint = m->hint,
	};

	(void)pair_report(c->pair, &report);
	if (c->in_query)
		buffer_clear(&c->text);
	else
		c->skips_to_sync = true;
	c->has_run = true;
}

void
console_note(struct console *c, const char *severity, const char *sqlstate,
	     const char *message)
{
	const struct error_report report = {
	    .severity = severity,
	    .sqlstate = sqlstate,
	    .message = message,
	};

	(void)pair_report(c->pair, &report);
}

void
console_fail_saying(struct console *c, const char *sqlstate,
		    const char *message, const char *hint)
{
	const struct console_mistake m = {
	    .sqlstate = sqlstate, .message = message, .hint = hint};

	console_fail(c, &m);
}

static void
write_parameter(struct writer *w, const char *name, const char *value)
{
	writer_begin(w, BACKEND_PARAMETER_STATUS);
	write_string(w, name);
	write_string(w, value);
	writer_end(w);
}

static void
write_key(struct writer *w, uint32_t pid, struct span secret)
{
	writer_begin(w, BACKEND_KEY_DATA);
	write_u32(w, pid);
	write_bytes(w, secret.data, secret.len);
	writer_end(w);
}

void
console_welcome(struct console *c, uint32_t pid, struct span secret)
{
	struct writer w = {0};
	char version[64];

	/* Drivers take the number in front for the dialect that they speak. */
	snprintf(version, sizeof(version), "%s (Lockstep %s)",
		 statement_grammar(), LOCKSTEP_VERSION);
	authentication_write(&w, AUTHENTICATION_OK, span_of(NULL, 0));
	write_parameter(&w, "server_version", version);
	write_parameter(&w, "server_encoding", "UTF8");
	write_parameter(&w, "client_encoding", "UTF8");
	write_parameter(&w, "DateStyle", "ISO, MDY");
	write_parameter(&w, "IntervalStyle", "postgres");
	write_parameter(&w, "TimeZone", "UTC");
	write_parameter(&w, "integer_datetimes", "on");
	write_parameter(&w, "standard_conforming_strings", "on");
	write_parameter(&w, "is_superuser", "off");
	write_parameter(&w, "session_authorization", c->pair->user);
	if (secret.len > 0)
		write_key(&w, pid, secret);
	ready_for_query_write(&w, c->status);
	console_say(c, &w);
}
