/*
 * console_set.c - SET: a setting of the running process gets another value.
 *
 * A value by itself is judged here, by the same table that judges the file;
 * what it goes together with, in the main thread, where a generation of
 * settings is made with it.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/console/console_state.h"

enum {
	WORDS_BYTES = 128, /* around names of settings */
};

/* The setting of that name, in whatever case.  NULL: there is none. */
static const struct setting *
set_find(const char *name)
{
	char lower[PAIR_NAME_BYTES];
	size_t i;

	for (i = 0; i < sizeof(lower) - 1 && name[i] != '\0'; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	lower[i] = '\0';
	return setting_find(lower);
}

static void
set_refuse_unknown(struct console *c, const char *name)
{
	char hint[WORDS_BYTES];

	snprintf(hint, sizeof(hint),
		 "The nearest is %s. SHOW CONFIG lists the settings.",
		 setting_nearest(name));
	console_fail_saying(c, "42704", "there is no such setting", hint);
}

/* True if the setting can be changed while the process runs, from here. */
static bool
set_can_change(struct console *c, const struct setting *s)
{
	char message[WORDS_BYTES];

	if (s->needs_restart) {
		snprintf(message, sizeof(message),
			 "parameter \"%s\" cannot be changed without "
			 "restarting",
			 s->name);
		console_fail_saying(c, "55P02", message,
				    "Change the configuration file, and "
				    "restart.");
	} else if (s->is_of_file) {
		snprintf(message, sizeof(message),
			 "parameter \"%s\" cannot be changed by SET", s->name);
		console_fail_saying(
		    c, "55P02", message,
		    "It says whom Lockstep trusts. Change the configuration "
		    "file, and RELOAD.");
	}
	return !s->needs_restart && !s->is_of_file;
}

/* True if the text is a value of the setting. */
static bool
set_is_value(const struct setting *s, const char *text,
	     struct value_error *error)
{
	struct config *scratch = calloc(1, sizeof(*scratch));
	bool is_good;

	if (scratch == NULL)
		return value_fail_memory(error);
	is_good = *text == '\0' ? value_fail(error, "the value is missing")
				: setting_store(scratch, s, text, error);
	config_free(scratch);
	return is_good;
}

static void
set_refuse_value(struct console *c, const struct setting *s,
		 const struct value_error *error)
{
	char message[sizeof(error->text) + WORDS_BYTES];

	snprintf(message, sizeof(message), "%s: %s", s->name, error->text);
	console_fail_saying(c, error->is_no_memory ? "53200" : "22023", message,
			    "Nothing has changed.");
}

static void
set_begin(struct console *c, const struct setting *s,
	  const struct console_command *command)
{
	struct console_task *t = console_new_task(c, TASK_SET);

	if (t == NULL)
		return;
	t->setting = s;
	if (!command->is_default) {
		t->value = strdup(command->text);
		if (t->value == NULL) {
			console_task_free(t);
			pair_close(c->pair, CLOSE_MEMORY, NULL);
			return;
		}
	}
	c->verb = CONSOLE_CHANGE;
	console_send(c, t, 0);
}

void
console_set(struct console *c, const struct console_command *command)
{
	const struct setting *s = set_find(command->name);
	struct value_error error;

	if (s == NULL)
		set_refuse_unknown(c, command->name);
	else if (!set_can_change(c, s))
		return;
	else if (!command->is_default &&
		 !set_is_value(s, command->text, &error))
		set_refuse_value(c, s, &error);
	else
		set_begin(c, s, command);
}

void
console_set_refused(struct console *c, const struct console_task *t)
{
	char message[WORDS_BYTES];
	const struct console_mistake m = {
	    .sqlstate = "22023",
	    .message = message,
	    .detail = t->reload.mistakes == NULL ? "Out of memory."
						 : t->reload.mistakes,
	    .hint = "Nothing has changed.",
	};

	snprintf(message, sizeof(message),
		 "%s: the value does not go with the other settings",
		 t->setting->name);
	console_fail(c, &m);
}
