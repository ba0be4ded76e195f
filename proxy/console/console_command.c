/*
 * console_command.c - what a command of the console does: it is answered here,
 * or is a task of other threads.
 */
#include <inttypes.h>
#include <stdio.h>

#include "proxy/base/log.h"
#include "proxy/console/console_history.h"
#include "proxy/console/console_rows.h"
#include "proxy/console/console_show.h"
#include "proxy/console/console_state.h"

enum {
	WORKER_SHIFT = 48, /* a session's id has its worker there */
	WORDS_BYTES = 128, /* around names of settings */
};

/* Tasks */

void
console_send(struct console *c, struct console_task *t, uint32_t worker)
{
	bool is_main = t->kind >= TASK_RELOAD;

	c->awaits = is_main ? console_task_send_main(c->pair->daemon, t)
			    : console_task_send(c->pair->daemon, worker, t);
	if (c->awaits)
		return;
	console_task_free(t);
	pair_close(c->pair, CLOSE_MEMORY, NULL);
}

struct console_task *
console_new_task(struct console *c, enum console_task_kind kind)
{
	struct console_task *t = console_task_new(kind, c->worker, c->pair->id);

	if (t == NULL)
		pair_close(c->pair, CLOSE_MEMORY, NULL);
	return t;
}

/* Have something done to a session, or by the main thread if id is 0. */
static void
console_have_done(struct console *c, const struct console_command *command,
		  enum console_task_kind kind)
{
	uint64_t place = command->id >> WORKER_SHIFT;
	bool is_main = kind >= TASK_RELOAD;
	struct console_task *t;

	if (!is_main && (place < 1 || place > c->pair->daemon->worker_count)) {
		console_fail_saying(c, "22023", "there is no such session",
				    "SHOW CLIENTS has the ids.");
		return;
	}
	t = console_new_task(c, kind);
	if (t == NULL)
		return;
	t->id = command->id;
	c->verb = command->verb;
	console_send(c, t, is_main ? 0 : (uint32_t)place - 1);
}

static void
console_ask_page(struct console *c)
{
	const struct console_result *r = &c->result;
	struct console_task *t = console_new_task(c, TASK_PAGE);

	if (t == NULL)
		return;
	t->id = r->below;
	t->table = r->table;
	t->binary = r->binary;
	console_send(c, t, r->worker);
}

/* A page has come: pass it on, and know what comes next. */
static void
console_take_page(struct console *c, struct console_task *t)
{
	struct console_result *r = &c->result;

	r->below = t->id;
	if (t->is_last) {
		r->worker++;
		r->below = UINT64_MAX;
	}
	console_say(c, &t->rows);
}

static void
console_refuse_reload(struct console *c, const struct console_reload *r)
{
	const struct console_mistake m = {
	    .sqlstate = "F0000",
	    .message = "the configuration is not reloaded",
	    .detail = r->mistakes == NULL ? "Out of memory." : r->mistakes,
	    .hint = "Nothing has changed.",
	};

	console_fail(c, &m);
}

/* Tell which settings go on as SET has them, whatever the file says. */
static void
console_tell_overridden(struct console *c, const struct config_change *change)
{
	char message[WORDS_BYTES];
	const char *name;
	size_t n = 0;

	while ((name = config_change_of_console(change, n++)) != NULL) {
		snprintf(message, sizeof(message),
			 "parameter \"%s\" keeps the value that SET gave it",
			 name);
		console_note(c, "NOTICE", "00000", message);
	}
}

/* Tell what a reload has changed, and what it could not. */
static void
console_tell_reload(struct console *c, const struct console_reload *r)
{
	char names[CONFIG_CHANGE_BYTES];
	char message[CONFIG_CHANGE_BYTES + WORDS_BYTES];
	const char *kept;
	size_t n = 0;

	while ((kept = config_change_kept(&r->change, n++)) != NULL) {
		snprintf(message, sizeof(message),
			 "parameter \"%s\" cannot be changed without "
			 "restarting",
			 kept);
		console_note(c, "WARNING", "55P02", message);
	}
	console_tell_overridden(c, &r->change);
	if (config_change_is_empty(&r->change))
		return;
	config_change_describe(names, &r->change);
	snprintf(message, sizeof(message),
		 "configuration reloaded (generation %" PRIu64 "): changed %s",
		 r->generation, names);
	console_note(c, "NOTICE", "00000", message);
}

static void
console_take_end(struct console *c, const struct console_task *t)
{
	switch (t->end) {
	case TASK_DONE:
		if (t->kind == TASK_RELOAD)
			console_tell_reload(c, &t->reload);
		console_complete(c, c->verb);
		break;
	case TASK_NO_SESSION:
		console_fail_saying(c, "22023", "there is no such session",
				    "SHOW CLIENTS has the ids.");
		break;
	case TASK_NOT_HELD:
		console_fail_saying(c, "55000",
				    "nothing is held in this session",
				    "SHOW HELD tells what is.");
		break;
	case TASK_UNDONE:
	case TASK_UNSETTLED:
	case TASK_NOT_PAUSED:
	case TASK_FAILED:
		if (t->kind == TASK_SET)
			console_set_refused(c, t);
		else
			console_refuse_reload(c, &t->reload);
		break;
	}
}

void
console_task_returned(struct console *c, struct console_task *t)
{
	c->awaits = false;
	if (t->kind == TASK_PAGE)
		console_take_page(c, t);
	else if (t->kind == TASK_SETTLE)
		console_pause_told(c, t);
	else
		console_take_end(c, t);
	console_task_free(t);
}

/* Commands */

/* Send the next rows of what is known here.  True: they were the last. */
static bool
console_show_page(struct console *c)
{
	struct console_result *r = &c->result;
	struct writer w = {0};
	struct console_rows rows = {
	    .out = &w, .table = r->table, .binary = r->binary};
	bool is_last =
	    console_show_guarded(&rows, c->pair->daemon->history, &r->below);

	console_say(c, &w);
	return is_last;
}

void
console_show_more(struct console *c)
{
	struct console_result *r = &c->result;

	switch (console_table_source(r->table)) {
	case CONSOLE_WORKERS:
		if (r->worker == c->pair->daemon->worker_count)
			break;
		console_ask_page(c);
		return;
	case CONSOLE_PAGES:
		if (console_show_page(c))
			break;
		return;
	case CONSOLE_HERE:
		break;
	}
	r->is_open = false;
	console_complete(c, CONSOLE_SHOW);
}

static void
console_show(struct console *c, enum console_table table, uint32_t binary)
{
	const struct console_sources from = {c->pair->daemon, c->gate,
					     c->described};
	struct writer w = {0};
	struct console_rows rows = {
	    .out = &w, .table = table, .binary = binary};

	if (c->in_query)
		console_describe_table(&w, table, binary);
	if (console_table_source(table) == CONSOLE_HERE)
		console_show_here(&rows, &from);
	c->result = (struct console_result){
	    .is_open = true,
	    .table = table,
	    .binary = binary,
	    .below = UINT64_MAX,
	};
	console_say(c, &w);
}

static void
console_switch_guard(struct console *c, bool is_on)
{
	atomic_store(&c->pair->daemon->is_guard_off, !is_on);
	console_complete(c, CONSOLE_GUARD);
}

static void
console_log_command(const struct console *c,
		    const struct console_command *command)
{
	struct log_event e;

	log_begin(&e, LOG_INFO, "console");
	log_number(&e, "session", c->pair->id);
	log_text(&e, "user", c->pair->user);
	log_text(&e, "command", console_tag(command->verb));
	if (command->id != 0)
		log_number(&e, "id", command->id);
	if (command->verb == CONSOLE_CHANGE)
		log_text(&e, "setting", command->name);
	else if (command->text[0] != '\0')
		log_text(&e, "database", command->text);
	if (command->verb == CONSOLE_GUARD)
		log_text(&e, "to", command->is_on ? "on" : "off");
	log_end(&e);
}

/* True if the client may have that done; it is told that it may not. */
static bool
console_allows(struct console *c, const struct console_command *command)
{
	if (!console_needs_admin(command->verb))
		return true;
	if (c->rights == CONSOLE_MAY_ALL) {
		console_log_command(c, command);
		return true;
	}
	console_fail_saying(c, "42501", "permission denied",
			    "Only admin_users may do this.");
	return false;
}

static void
console_note_transaction(struct console *c, enum console_verb verb)
{
	c->status =
	    verb == CONSOLE_BEGIN ? TRANSACTION_BLOCK : TRANSACTION_IDLE;
	console_complete(c, verb);
}

void
console_run(struct console *c, const struct console_command *command,
	    uint32_t binary)
{
	if (!console_allows(c, command))
		return;
	switch (command->verb) {
	case CONSOLE_SHOW:
		console_show(c, command->table, binary);
		break;
	case CONSOLE_KILL:
		console_have_done(c, command, TASK_KILL);
		break;
	case CONSOLE_RELEASE:
		console_have_done(c, command, TASK_RELEASE);
		break;
	case CONSOLE_ABORT:
		console_have_done(c, command, TASK_ABORT);
		break;
	case CONSOLE_RELOAD:
		console_have_done(c, command, TASK_RELOAD);
		break;
	case CONSOLE_SHUTDOWN:
		console_have_done(c, command,
				  command->waits ? TASK_DRAIN : TASK_STOP);
		break;
	case CONSOLE_PAUSE:
		console_pause(c, command->text);
		break;
	case CONSOLE_RESUME:
		console_resume(c, command->text);
		break;
	case CONSOLE_GUARD:
		console_switch_guard(c, command->is_on);
		break;
	case CONSOLE_BEGIN:
	case CONSOLE_COMMIT:
	case CONSOLE_ROLLBACK:
		console_note_transaction(c, command->verb);
		break;
	case CONSOLE_CHANGE:
		console_set(c, command);
		break;
	case CONSOLE_SET:
	case CONSOLE_DEALLOCATE:
		console_complete(c, command->verb);
		break;
	case CONSOLE_VERBS:
		break;
	}
}
