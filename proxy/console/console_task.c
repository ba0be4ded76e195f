#include "proxy/console/console_task.h"

#include <stdlib.h>

struct console_task *
console_task_new(enum console_task_kind kind, uint32_t worker, uint64_t asker)
{
	struct console_task *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->kind = kind;
	e->worker = worker;
	e->asker = asker;
	return e;
}

void
console_task_free(void *task)
{
	struct console_task *e = task;

	if (e == NULL)
		return;
	writer_clear(&e->rows);
	free(e->reload.mistakes);
	free(e->value);
	free(e);
}

static struct mail
task_mail(enum mail_kind kind, struct console_task *e)
{
	return (struct mail){
	    .kind = kind,
	    .data = e,
	    .discard = console_task_free,
	};
}

bool
console_task_send(struct daemon *d, uint32_t worker, struct console_task *e)
{
	return worker < d->worker_count &&
	       daemon_post(d, worker, task_mail(MAIL_TASK, e));
}

bool
console_task_send_main(struct daemon *d, struct console_task *e)
{
	return d->main != NULL &&
	       mailbox_post(d->main, task_mail(MAIL_TASK, e));
}

void
console_task_return(struct daemon *d, struct console_task *e,
		    enum console_task_end end)
{
	e->end = end;
	if (!daemon_post(d, e->worker, task_mail(MAIL_TASK_DONE, e)))
		console_task_free(e);
}
