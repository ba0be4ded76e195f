/*
 * console_task.h - something that a console wants of another thread: a page
 * of its sessions, or that something is done.
 *
 * A task goes there by mail, is carried out and comes back with the answer.
 * Both are found by their numbers: the console may be gone by then, and so may
 * the session that the task is about.
 */
#ifndef LOCKSTEP_PROXY_CONSOLE_CONSOLE_TASK_H
#define LOCKSTEP_PROXY_CONSOLE_CONSOLE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/writer.h"
#include "proxy/config/config_change.h"
#include "proxy/config/setting.h"
#include "proxy/console/console_table.h"
#include "proxy/pair/daemon.h"
#include "proxy/pair/pair.h"

enum console_task_kind {
	TASK_PAGE,    /* rows of a table, of sessions below `id` */
	TASK_KILL,    /* end session `id` */
	TASK_RELEASE, /* send what session `id` holds */
	TASK_ABORT,   /* end what session `id` holds */
	TASK_SETTLE,  /* tell if the asker's PAUSE of `database` waits */
	/* These are the main thread's. */
	TASK_RELOAD,
	TASK_SET,   /* give a setting a value, or take that away */
	TASK_DRAIN, /* stop once the sessions are between transactions */
	TASK_STOP,  /* stop at once */
};

enum console_task_end {
	TASK_UNDONE, /* still on its way */
	TASK_DONE,
	TASK_NO_SESSION,
	TASK_NOT_HELD,   /* the session holds nothing */
	TASK_UNSETTLED,  /* a transaction is still open, or a login under way */
	TASK_NOT_PAUSED, /* there is no such pause, or not any more */
	TASK_FAILED,     /* `reload` says why */
};

/* The outcome of a reload, or of SET. */
struct console_reload {
	uint64_t generation; /* in force now */
	struct config_change change;
	char *mistakes; /* owned; lines, if it has failed; NULL: no memory */
};

struct console_task {
	enum console_task_kind kind;
	enum console_task_end end;
	uint32_t worker; /* the console's */
	uint64_t asker;  /* the console's session */
	uint64_t id;
	char database[PAIR_NAME_BYTES]; /* "": all */
	/* A page. */
	enum console_table table;
	uint32_t binary;
	bool is_last;       /* no session is left below it */
	struct writer rows; /* owned */
	struct console_reload reload;
	const struct setting *setting; /* SET */
	char *value;                   /* owned; NULL: DEFAULT */
};

/* A zeroed one, from a console, on the heap.  NULL: out of memory. */
struct console_task *console_task_new(enum console_task_kind kind,
				      uint32_t worker, uint64_t asker);
void console_task_free(void *task);

/* Send it to the worker whose number stands in the id of a session.  False:
 * there is no such worker, or memory is out; it is still the caller's. */
bool console_task_send(struct daemon *d, uint32_t worker,
		       struct console_task *e);

/* Send it to the main thread, likewise. */
bool console_task_send_main(struct daemon *d, struct console_task *e);

/* Send back what has been carried out, or free it. */
void console_task_return(struct daemon *d, struct console_task *e,
			 enum console_task_end end);

#endif
