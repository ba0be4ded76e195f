/*
 * console_state.h - what the files of a console's conversation share.
 *
 *   console.c           the client's messages, and a Query's commands in turn
 *   console_extended.c  Parse to Sync
 *   console_command.c   what a command does
 *   console_pause.c     PAUSE and RESUME
 *   console_set.c       SET
 *   console_say.c       answers
 */
#ifndef LOCKSTEP_PROXY_CONSOLE_CONSOLE_STATE_H
#define LOCKSTEP_PROXY_CONSOLE_CONSOLE_STATE_H

#include "protocol/frame.h"
#include "protocol/types.h"
#include "protocol/writer.h"
#include "proxy/console/console.h"
#include "proxy/console/console_parse.h"
#include "proxy/console/console_prepared.h"
#include "proxy/console/console_task.h"

/* The result of a SHOW that is under way. */
struct console_result {
	bool is_open;
	enum console_table table;
	uint32_t binary;
	uint32_t worker; /* whose sessions come next */
	uint64_t below;  /* only those with lesser ids */
};

/* A PAUSE that waits for sessions. */
struct console_pause {
	bool is_under_way;
	bool is_canceled;
	uint32_t worker; /* the next one that has to be idle */
	uint64_t since_ms;
	char database[PAIR_NAME_BYTES]; /* "": all */
};

struct console {
	struct pair *pair;
	const struct gate *gate;
	uint32_t worker;
	enum console_rights rights;
	enum transaction_status status; /* as drivers want to see it */
	bool skips_to_sync;             /* after an error in a cycle */
	bool awaits;                    /* a task is out */
	bool in_query;                  /* a Query is under way */
	bool has_run;                   /* a command of that */
	struct buffer text;             /* the rest of that */
	enum console_verb verb;         /* the task out is for it */
	struct console_result result;
	struct console_pause pause;
	enum console_table described; /* last */
	struct console_names names;
};

/* console_say.c */

/* Send what was written, and free it.  The pair may be closing, here and
 * below. */
void console_say(struct console *c, struct writer *w);

/* Send a message without a body. */
void console_say_bare(struct console *c, enum backend_type type);

/* Send a ReadyForQuery. */
void console_say_ready(struct console *c);

/* Send the CommandComplete of such a command. */
void console_complete(struct console *c, enum console_verb verb);

/* Send an error: the rest of the Query, or of the cycle, is not run. */
void console_fail(struct console *c, const struct console_mistake *m);

/* Send a notice of that severity. */
void console_note(struct console *c, const char *severity, const char *sqlstate,
		  const char *message);

/* Send an error without a detail. */
void console_fail_saying(struct console *c, const char *sqlstate,
			 const char *message, const char *hint);

/* console_command.c */

/* Run a command, or begin to; binary: the columns that are wanted so. */
void console_run(struct console *c, const struct console_command *command,
		 uint32_t binary);

/* Send a task, which is taken, to a worker, or to the main thread if it is
 * that's.  The pair may be closing. */
void console_send(struct console *c, struct console_task *t, uint32_t worker);

/* A task of this console's.  NULL: out of memory, and the pair is closing. */
struct console_task *console_new_task(struct console *c,
				      enum console_task_kind kind);

/* Go on with the result that is open. */
void console_show_more(struct console *c);

/* console_pause.c */

/* Pause a database, or all for "", and wait until nothing is under way. */
void console_pause(struct console *c, const char *database);

/* A TASK_SETTLE has come back. */
void console_pause_told(struct console *c, const struct console_task *t);

/* Resume a database, or all. */
void console_resume(struct console *c, const char *database);

/* The console ends: a PAUSE of it that still waits ends, too. */
void console_pause_leave(struct console *c);

/* console_set.c */

/* Give one of Lockstep's settings another value, or its own. */
void console_set(struct console *c, const struct console_command *command);

/* A TASK_SET has come back, and could not be done. */
void console_set_refused(struct console *c, const struct console_task *t);

/* console_extended.c */

/* Take a message of an extended cycle: Parse, Bind, Describe, Close, Execute or
 * Sync. */
void console_handle_cycle(struct console *c, struct frame f);

#endif
