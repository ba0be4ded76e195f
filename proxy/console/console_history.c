#include "proxy/console/console_history.h"

#include <stdio.h>

#include "proxy/history/history.h"
#include "proxy/history/history_time.h"

enum {
	PAGE_BYTES = 16 * 1024,
	HOLDER_BYTES = 256,
};

/* The lock that was found in its way last.  NULL: none was. */
static const struct history_step *
last_in_the_way(const struct history_entry *e)
{
	size_t i;

	for (i = e->step_count; i > 0; i--)
		if (e->steps[i - 1].kind == HISTORY_IN_THE_WAY)
			return &e->steps[i - 1];
	return NULL;
}

static void
show_holder(struct console_rows *r, const struct history_step *s)
{
	char text[HOLDER_BYTES];

	if (s == NULL) {
		console_row_null(r);
		console_row_null(r);
		return;
	}
	snprintf(text, sizeof(text), "%s, %s", s->who, s->what);
	console_row_number(r, s->pid);
	console_row_text(r, text);
}

static void
show_entry(struct console_rows *r, const struct history_entry *e)
{
	const struct history_facts *f = &e->facts;
	char begun[HISTORY_TIME_BYTES];

	history_time_text(begun, e->begun_at_ms, ' ');
	console_row_begin(r);
	console_row_number(r, e->id);
	console_row_text(r, history_state_name(e->state));
	console_row_number(r, e->who.session);
	console_row_text(r, e->who.user);
	console_row_text(r, e->who.database);
	console_row_text(r, e->who.application_name);
	console_row_text(r, e->statement);
	console_row_text(r, e->text);
	console_row_text(r, f->tables);
	console_row_text(r, f->policy);
	console_row_text(r, f->outcome);
	console_row_text(r, begun);
	console_row_number(r, e->held_ms);
	console_row_number(r, e->run_ms);
	console_row_number(r, f->attempts);
	console_row_number(r, f->windows);
	console_row_number(r, f->gate_ms);
	console_row_number(r, e->delayed_count);
	console_row_number(r, e->delayed_ms);
	show_holder(r, last_in_the_way(e));
	console_row_text(r, e->result);
	console_row_end(r);
}

bool
console_show_guarded(struct console_rows *r, struct history *history,
		     uint64_t *below)
{
	struct history_entry e;

	while (r->out->len < PAGE_BYTES) {
		if (history == NULL || !history_next(history, *below, &e))
			return true;
		*below = e.id;
		show_entry(r, &e);
	}
	return false;
}
