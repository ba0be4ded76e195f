/*
 * session_view.h - whether a client of a session_world.h has seen what the
 * server would have shown it without a proxy: another scripted server is told
 * all that the client has said, statement for statement, and what it answers is
 * compared with what has come.
 *
 * An error of the proxy's may stand in place of a statement's answer, which
 * then has not run.  The proxy may add notices, and notifications and
 * parameters come whenever they come.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_SESSION_VIEW_H
#define LOCKSTEP_TESTS_SUPPORT_SESSION_VIEW_H

#include "tests/support/session_world.h"

struct view {
	struct scripted_server model;
	struct ledger ledger;
	struct span rest; /* that has come, and is not compared */
	bool is_over;     /* nothing more has come */
	bool is_farewell; /* the last was a FATAL error */
	bool is_short;    /* something that is owed has not come */
	uint16_t asyncs;
	uint16_t replaced; /* answers that were the proxy's errors */
	uint16_t answered; /* those that were the server's */
};

/* The value of an error's field.  "": it has none. */
static inline const char *
view_field(const struct frame *f, char field)
{
	const char *at = (const char *)f->body.data;

	for (; *at != '\0'; at += strlen(at) + 1)
		if (*at == field)
			return at + 1;
	return "";
}

static inline bool
view_is_report(const struct frame *f)
{
	return f->type == BACKEND_ERROR_RESPONSE ||
	       f->type == BACKEND_NOTICE_RESPONSE;
}

/* True if the client is to see it, but for the errors in an answer's place. */
static inline bool
view_counts(struct view *v, const struct frame *f)
{
	if (f->type == BACKEND_PARAMETER_STATUS ||
	    f->type == BACKEND_NOTIFICATION_RESPONSE) {
		v->asyncs++;
		return false;
	}
	if (f->type != BACKEND_NOTICE_RESPONSE)
		return true;
	assert_string_not_equal(view_field(f, 'C'), ATTEMPT_SQLSTATE);
	return strcmp(view_field(f, 'M'), "hello") == 0;
}

/* The next message that has come, and counts, stays.  False: there is none. */
static inline bool
view_peek(struct view *v, struct frame *f)
{
	struct span behind = v->rest;

	while (frame_next(f, &behind, FRAME_LENGTH_MAX) == FRAME_OK) {
		if (view_counts(v, f))
			return true;
		v->rest = behind;
	}
	v->is_over = true;
	return false;
}

/* An error that the server has not answered the client's statement with. */
static inline bool
view_is_replaced(struct view *v, char sqlstate[6])
{
	struct frame f;

	if (!view_peek(v, &f) || f.type != BACKEND_ERROR_RESPONSE ||
	    strcmp(view_field(&f, 'M'), "failed") == 0)
		return false;
	snprintf(sqlstate, 6, "%s", view_field(&f, 'C'));
	v->is_farewell = strcmp(view_field(&f, 'S'), "FATAL") == 0;
	return true;
}

static inline void
view_fail(const struct view *v, const struct frame *shown,
	  const struct frame *came)
{
	fail_msg("'%c' (%.*s) came instead of '%c' (%.*s), %zu bytes before "
		 "the end",
		 came->type, (int)came->body.len, (const char *)came->body.data,
		 shown->type, (int)shown->body.len,
		 (const char *)shown->body.data, v->rest.len);
}

static inline bool
view_equals(const struct frame *shown, const struct frame *came)
{
	if (shown->type != came->type)
		return false;
	if (view_is_report(shown))
		return strcmp(view_field(shown, 'C'), view_field(came, 'C')) ==
		       0;
	return shown->body.len == came->body.len &&
	       memcmp(shown->body.data, came->body.data, came->body.len) == 0;
}

/* The model shows this: it must have come, if anything has. */
static inline void
view_compare(struct view *v, const struct frame *shown)
{
	struct frame came;
	uint16_t asyncs = v->asyncs;

	if (!view_counts(v, shown)) {
		v->asyncs = asyncs;
		return;
	}
	if (v->is_farewell)
		return;
	if (!view_peek(v, &came)) {
		v->is_short = true;
		return;
	}
	if (came.type == BACKEND_ERROR_RESPONSE &&
	    strcmp(view_field(&came, 'S'), "FATAL") == 0)
		v->is_farewell = true;
	else if (!view_equals(shown, &came))
		view_fail(v, shown, &came);
	(void)frame_next(&came, &v->rest, FRAME_LENGTH_MAX);
}

static inline void
view_compare_all(struct view *v)
{
	struct span in = span_of(v->model.out, v->model.out_len);
	struct frame f;

	while (frame_next(&f, &in, FRAME_LENGTH_MAX) == FRAME_OK)
		view_compare(v, &f);
	v->model.out_len = 0;
}

static inline void
view_before(void *arg, const struct server_entry *e,
	    char answer[SCRIPT_ANSWER_MAX])
{
	struct view *v = arg;
	char sqlstate[6];

	view_compare_all(v);
	v->ledger.status = v->model.status;
	if (!view_is_replaced(v, sqlstate)) {
		v->answered++;
		snprintf(answer, SCRIPT_ANSWER_MAX, "%s",
			 world_outcome(e->verb));
		return;
	}
	v->replaced++;
	snprintf(answer, SCRIPT_ANSWER_MAX, "error %s", sqlstate);
}

/* Where the proxy's COMMIT fails, its error stands instead of the tag. */
static inline void
view_replace_tag(struct view *v)
{
	struct scripted_server *m = &v->model;
	struct span in = span_of(m->out, m->out_len);
	struct frame f;
	size_t at = 0;
	char sqlstate[6];

	while (frame_next(&f, &in, FRAME_LENGTH_MAX) == FRAME_OK &&
	       f.type != BACKEND_COMMAND_COMPLETE) {
		at = (size_t)(in.data - m->out);
		view_compare(v, &f);
	}
	memmove(m->out, m->out + at, m->out_len - at);
	m->out_len -= at;
	if (m->has_failed || v->is_over || !view_is_replaced(v, sqlstate))
		return;
	v->replaced++;
	m->out_len = 0;
	server_fails(m, "ERROR", sqlstate);
}

static inline void
view_after(void *arg, const struct server_entry *e)
{
	struct view *v = arg;

	view_replace_tag(v);
	ledger_note(&v->ledger, &v->model, e->verb);
}

/* A message is refused before it comes to a statement. */
static inline bool
view_refuses_message(struct view *v, uint8_t type)
{
	char sqlstate[6];

	if (v->model.skips || v->model.in_copy ||
	    memchr("PBDC", type, 4) == NULL || !view_is_replaced(v, sqlstate))
		return false;
	v->replaced++;
	server_fails(&v->model, "ERROR", sqlstate);
	ledger_note_error(&v->ledger, &v->model);
	v->model.skips = true;
	return true;
}

static inline void
view_begin(struct view *v, const struct world_client *c)
{
	memset(v, 0, sizeof(*v));
	v->rest = span_of(c->saw, c->saw_len);
	server_start(&v->model, NULL);
	v->model.before = view_before;
	v->model.after = view_after;
	v->model.arg = v;
}

/* The login, whose end is the first ReadyForQuery. */
static inline void
view_skip_login(struct view *v)
{
	struct frame f = {0};

	while (frame_next(&f, &v->rest, FRAME_LENGTH_MAX) == FRAME_OK &&
	       f.type != BACKEND_READY_FOR_QUERY)
		v->is_farewell |= f.type == BACKEND_ERROR_RESPONSE;
	v->is_short = v->rest.len == 0 && f.type != BACKEND_READY_FOR_QUERY;
	v->asyncs = 0;
}

/* The server gets a message.  A Query that the proxy refuses does not come to
 * it: the unnamed statement and portal stay. */
static inline void
view_reads(struct view *v, const struct frame *f)
{
	struct server_entry *unnamed[] = {
	    server_find(v->model.statements, span_of(NULL, 0)),
	    server_find(v->model.portals, span_of(NULL, 0)),
	};
	uint16_t replaced = v->replaced;
	uint16_t answered = v->answered;
	size_t i;

	server_reads(&v->model, f);
	if (f->type != FRONTEND_QUERY || v->replaced == replaced ||
	    v->answered != answered)
		return;
	for (i = 0; i < sizeof(unnamed) / sizeof(unnamed[0]); i++)
		if (unnamed[i] != NULL)
			unnamed[i]->is_open = true;
}

/* Compare what the client has seen with what it has said. */
static inline void
view_check(struct view *v, const struct world_client *c)
{
	struct span said = span_of(c->said, c->delivered);
	struct frame f;

	view_begin(v, c);
	view_skip_login(v);
	v->is_over = false;
	while (!v->is_short && !v->is_farewell && !v->model.is_gone &&
	       frame_next(&f, &said, FRAME_LENGTH_MAX) == FRAME_OK) {
		v->model.trace[0] = '\0';
		if (!view_refuses_message(v, f.type))
			view_reads(v, &f);
		view_compare_all(v);
		ledger_note_message(&v->ledger, &v->model, f.type);
	}
	if (view_peek(v, &f) && f.type == BACKEND_ERROR_RESPONSE &&
	    strcmp(view_field(&f, 'S'), "FATAL") == 0)
		v->is_farewell = true;
	else if (!v->is_over && !v->is_farewell)
		fail_msg("'%c' came, and answers nothing", f.type);
}

#endif
