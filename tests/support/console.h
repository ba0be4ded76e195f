/*
 * console.h - a console and its client; the test has the other end of the
 * client's socket, and carries out the tasks.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_CONSOLE_H
#define LOCKSTEP_TESTS_SUPPORT_CONSOLE_H

#include <stdio.h>

#include "protocol/backend.h"
#include "protocol/frame.h"
#include "protocol/frontend.h"
#include "proxy/console/console.h"
#include "proxy/console/console_rows.h"
#include "proxy/gate/pause.h"
#include "proxy/pair/counts.h"
#include "tests/support/pair.h"

enum {
	CONSOLE_FIXTURE_WORKERS = 2,
	CONSOLE_FIXTURE_ID = 7,
};

struct console_fixture {
	struct pair_fixture pair;
	struct gate gate;
	struct mailbox mailbox; /* of all workers, and of the main thread */
	struct mailbox *mailboxes[CONSOLE_FIXTURE_WORKERS];
	struct counts *counts;
	struct console *console;
	/* The end of each task, by the test. */
	enum console_task_end end;
	bool is_last;              /* each page is */
	struct console_task *kept; /* the last task, if the test keeps it */
	bool keeps;
	struct console_reload reload; /* its mistakes are constant */
	uint32_t tasks;
	uint32_t kinds[TASK_STOP + 1];
	uint64_t id; /* of the last task */
};

static inline void
console_fixture_answer(struct console_fixture *f, struct console_task *t)
{
	struct console_rows rows = {
	    .out = &t->rows, .table = t->table, .binary = t->binary};

	if (t->kind == TASK_PAGE && t->table == CONSOLE_HELD)
		t->is_last = true;
	else if (t->kind == TASK_PAGE) {
		size_t count;
		const struct console_column *c =
		    console_table_columns(t->table, &count);

		console_row_begin(&rows);
		for (size_t i = 0; i < count; i++) {
			if (c[i].type == CONSOLE_TEXT)
				console_row_text(&rows, "x");
			else
				console_row_number(&rows, 1);
		}
		console_row_end(&rows);
		t->is_last = f->is_last || t->id != UINT64_MAX;
		t->id = 100;
	}
	t->reload = f->reload;
	if (f->reload.mistakes != NULL)
		t->reload.mistakes = strdup(f->reload.mistakes);
	console_task_return(&f->pair.daemon, t, f->end);
}

static inline void
console_fixture_mail(void *arg, const struct mail *mail)
{
	struct console_fixture *f = arg;
	struct console_task *t = mail->data;

	if (mail->kind == MAIL_SHUT) {
		gate_add(&f->gate, mail->data);
		return;
	}
	if (mail->kind == MAIL_OPEN) {
		gate_remove(&f->gate, mail->data);
		return;
	}
	if (mail->kind == MAIL_TASK_DONE) {
		console_task_returned(f->console, t);
		console_go_on(f->console);
		return;
	}
	f->tasks++;
	f->kinds[t->kind]++;
	f->id = t->id;
	if (f->keeps)
		f->kept = t;
	else
		console_fixture_answer(f, t);
}

static inline void
console_fixture_begin(struct console_fixture *f, enum console_rights rights)
{
	struct daemon *d = &f->pair.daemon;

	memset(f, 0, sizeof(*f));
	pair_fixture_begin(&f->pair);
	f->pair.config.tls.min_version = TLS_VERSION_1_2;
	f->pair.pair.id = CONSOLE_FIXTURE_ID;
	f->end = TASK_DONE;
	assert_true(
	    mailbox_open(&f->mailbox, f->pair.base, console_fixture_mail, f));
	f->counts = aligned_alloc(_Alignof(struct counts),
				  CONSOLE_FIXTURE_WORKERS * sizeof(*f->counts));
	assert_non_null(f->counts);
	memset(f->counts, 0, CONSOLE_FIXTURE_WORKERS * sizeof(*f->counts));
	for (int i = 0; i < CONSOLE_FIXTURE_WORKERS; i++)
		f->mailboxes[i] = &f->mailbox;
	d->mailboxes = f->mailboxes;
	d->worker_count = CONSOLE_FIXTURE_WORKERS;
	d->main = &f->mailbox;
	d->counts = f->counts;
	d->pauses = pauses_new();
	assert_non_null(d->pauses);
	gate_init(&f->gate, f->pair.base);
	f->console = console_new(&f->pair.pair, &f->gate, 0, rights);
	assert_non_null(f->console);
}

static inline void
console_fixture_end(struct console_fixture *f)
{
	if (f->kept != NULL)
		console_task_free(f->kept);
	console_free(f->console);
	mailbox_close(&f->mailbox);
	gate_clear(&f->gate);
	pauses_free(f->pair.daemon.pauses);
	free(f->counts);
	pair_fixture_end(&f->pair);
}

/* The client has said what was written; the console and who has its tasks do
 * what they can. */
static inline void
console_fixture_says(struct console_fixture *f, struct writer *w)
{
	assert_false(w->failed);
	assert_true(
	    buffer_append(&f->pair.pair.from_client.buffer, w->data, w->len));
	writer_clear(w);
	console_go_on(f->console);
	for (int i = 0; i < 20; i++)
		event_base_loop(f->pair.base, EVLOOP_NONBLOCK);
}

/* The types of the messages that have come, and the last error's SQLSTATE. */
struct heard {
	char types[256];
	char sqlstate[6];
	char status; /* of the last ReadyForQuery */
};

static inline struct heard
console_fixture_hear(struct console_fixture *f)
{
	struct span in = pair_fixture_read(&f->pair, f->pair.client);
	struct heard h = {.types = ""};
	struct error_fields e;
	struct frame m;
	size_t n = 0;

	while (frame_next(&m, &in, sizeof(f->pair.read)) == FRAME_OK) {
		assert_true(n < sizeof(h.types) - 1);
		h.types[n++] = (char)m.type;
		if (m.type == BACKEND_READY_FOR_QUERY)
			h.status = (char)m.body.data[0];
		if (m.type != BACKEND_ERROR_RESPONSE)
			continue;
		assert_true(error_fields_decode(&e, m.body));
		snprintf(h.sqlstate, sizeof(h.sqlstate), "%.*s",
			 (int)e.sqlstate.len, (const char *)e.sqlstate.data);
	}
	assert_int_equal(in.len, 0);
	return h;
}

/* The answer to a Query. */
static inline struct heard
console_fixture_query(struct console_fixture *f, const char *text)
{
	struct writer w = {0};

	query_write(&w, text, strlen(text));
	console_fixture_says(f, &w);
	return console_fixture_hear(f);
}

#endif
