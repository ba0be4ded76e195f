/*
 * exchange.h - scenes of the guard on the wire: the test plays the client by
 * lines of text, a scripted server (scripted_server.h) answers, and what either
 * gets is compared as text.  No session is needed, and no PostgreSQL.
 *
 * A line of the client's: its message type, then the text of it.
 *
 *     Q drop table c      P drop table c      P:name drop table c
 *     B                   B:name              E      D      S      H
 *
 * "--" waits for all answers before the next line is sent, and behind that
 * "~ 150" lets so many ms go by, as a session's timer tells.  The client's side
 * of the trace has "1 2 3 n T D" for messages without a text, "[DROP TABLE]"
 * for a CommandComplete, "ready-I", "error 55P03" and "notice 00000".
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_EXCHANGE_H
#define LOCKSTEP_TESTS_SUPPORT_EXCHANGE_H

#include <stdio.h>

#include "protocol/backend.h"
#include "proxy/base/clock.h"
#include "proxy/gate/turns.h"
#include "proxy/guard/exchange.h"
#include "proxy/guard/habits.h"
#include "proxy/guard/judge.h"
#include "proxy/pair/cancel.h"
#include "tests/support/allocation.h"
#include "tests/support/guarded.h"
#include "tests/support/moved_clock.h"
#include "tests/support/scripted_server.h"

enum {
	SCENE_PID = 4712,
	SCENE_STEPS_MAX = 100000,
	TIMER_ERROR_MS = 5, /* timers go by the true clock */
};

struct scene {
	struct guarded_fixture guarded;
	struct scripted_server server;
	struct mailbox mailbox;
	struct mailbox *mailboxes[1];
	const char *lines; /* the client's that are still to be sent */
	uint8_t inbox[16 * 1024];
	size_t inbox_len; /* sent, and not read by the proxy */
	uint8_t requests[128 * 1024];
	size_t requests_len; /* not read by the server */
	char sees[4096];     /* what the client got */
	char report[2048];   /* its last error or notice, a field a line */
	bool locks_before;   /* the client's transaction had such already */
	bool has_left;
	/* So many allocations succeed once a statement is guarded, then none:
	 * not before, as libpg_query does not bear it.  0: all of them. */
	unsigned int allocations;
	struct lookout_watch other; /* another held statement */
	unsigned int company;       /* such as are under way besides */
	size_t sees_company;        /* those that got its answer */
	bool never_waits;           /* stop where it would wait */
	int64_t timer_ms;           /* how long the timer had to go at !note */
};

static const char secret[4] = "abcd";

static inline struct pair *
scene_pair(struct scene *s)
{
	return &s->guarded.pair.pair;
}

static inline struct exchange *
scene_exchange(struct scene *s)
{
	return s->guarded.guarded.exchange;
}

/* The mail about windows is read. */
static inline bool
scene_gate_is_open(struct scene *s)
{
	loop_for(s->guarded.pair.base, 0);
	return gate_is_open(&s->guarded.gate);
}

/* Another session, 99, takes the turn for all.  False: it is not free. */
static inline bool
scene_take_turn(struct scene *s)
{
	struct daemon *d = &s->guarded.pair.daemon;
	struct lock_item items['z' - 'a' + 1] = {0};
	const struct lock_set all = {items, 'z' - 'a' + 1};
	const struct turn_claim claim = {.who.session = 99, .set = &all};
	struct rival rival;
	uint32_t allowance_ms;

	for (size_t i = 0; i < all.count; i++) {
		items[i].relid = 100 + (uint32_t)i;
		items[i].mode = LOCK_ACCESS_EXCLUSIVE;
	}
	return turns_take(d->turns, "db", &claim, clock_now_ms(), &allowance_ms,
			  &rival);
}

static inline void
scene_give_turn(struct scene *s)
{
	turns_give(s->guarded.pair.daemon.turns, "db", 99);
}

static inline bool
scene_turn_is_free(struct scene *s)
{
	bool is_free = scene_take_turn(s);

	scene_give_turn(s);
	return is_free;
}

/* How long its timer waits, rounded up; negative: it is not set. */
static inline int64_t
scene_timer_ms(struct scene *s)
{
	struct timeval due;
	struct timeval now;

	if (!event_pending(&scene_pair(s)->timer, EV_TIMEOUT, &due))
		return -1;
	evutil_gettimeofday(&now, NULL);
	if (evutil_timercmp(&due, &now, <))
		return 0;
	evutil_timersub(&due, &now, &due);
	return due.tv_sec * 1000 + (due.tv_usec + 999) / 1000;
}

/* What the client gets */

static inline void
scene_see(struct scene *s, const char *format, const char *text)
{
	size_t len = strlen(s->sees);
	size_t room = sizeof(s->sees) - len;

	if (len > 0)
		len += (size_t)snprintf(s->sees + len, room, " ");
	snprintf(s->sees + len, sizeof(s->sees) - len, format, text);
	assert_true(strlen(s->sees) < sizeof(s->sees) - 1);
}

/* The fields of an error or a notice, those without a letter left out. */
static inline void
scene_see_report(struct scene *s, const struct frame *f)
{
	const char *field = (const char *)f->body.data;
	const char *kind =
	    f->type == BACKEND_NOTICE_RESPONSE ? "notice %s" : "error %s";
	const char *sqlstate = "";

	s->report[0] = '\0';
	for (; *field != '\0'; field += strlen(field) + 1) {
		if (strcmp(field, "SFATAL") == 0)
			kind = "fatal %s";
		if (strcmp(field, "SWARNING") == 0)
			kind = "warning %s";
		if (*field == 'C')
			sqlstate = field + 1;
		assert_true(strlen(s->report) + strlen(field) + 2 <
			    sizeof(s->report));
		strcat(s->report, field);
		strcat(s->report, "\n");
	}
	scene_see(s, kind, sqlstate);
}

static inline void
scene_see_frame(struct scene *s, const struct frame *f)
{
	char type[2] = {(char)f->type, '\0'};

	switch (f->type) {
	case BACKEND_COMMAND_COMPLETE:
		scene_see(s, "[%s]", (const char *)f->body.data);
		break;
	case BACKEND_READY_FOR_QUERY:
		type[0] = (char)f->body.data[0];
		scene_see(s, "ready-%s", type);
		break;
	case BACKEND_ERROR_RESPONSE:
	case BACKEND_NOTICE_RESPONSE:
		scene_see_report(s, f);
		break;
	case BACKEND_NOTIFICATION_RESPONSE:
		scene_see(s, "%s", "notification");
		break;
	case BACKEND_PARAMETER_STATUS:
		scene_see(s, "%s", "parameter");
		break;
	default:
		scene_see(s, "%s", type);
		break;
	}
}

static inline void
scene_client_reads(struct scene *s)
{
	struct pair_fixture *p = &s->guarded.pair;
	struct span in = pair_fixture_read(p, p->client);
	struct frame f;

	while (frame_next(&f, &in, FRAME_LENGTH_MAX) == FRAME_OK)
		scene_see_frame(s, &f);
	assert_int_equal(in.len, 0);
}

/* The server's answers, as relay_server.c has it */

/* A report with SQLSTATE 54000 stands for one that is too large to be there
 * whole: all that is seen of it is its front, which is all of it here. */
static inline bool
scene_is_large(const struct frame *f)
{
	struct error_fields fields;

	return (f->type == BACKEND_NOTICE_RESPONSE ||
		f->type == BACKEND_ERROR_RESPONSE) &&
	       error_fields_decode(&fields, f->body) &&
	       span_equals(fields.sqlstate, "54000");
}

static inline void
scene_answer(struct scene *s, const struct frame *f, struct span raw)
{
	struct guarded *g = &s->guarded.guarded;
	struct pair *p = scene_pair(s);
	uint8_t status = f->body.len > 0 ? f->body.data[0] : 0;
	struct pipeline_event event =
	    pipeline_received(&p->pipeline, f->type, status);

	assert_int_not_equal(event.verdict, PIPELINE_MISMATCH);
	if (f->type == BACKEND_PARAMETER_STATUS)
		pair_note_parameter(p, f->body);
	guarded_note_answer(g, f, event.owner);
	if (g->exchange == NULL ||
	    !exchange_answer(g->exchange, &event, *f, raw))
		(void)pair_to_client(p, raw.data, raw.len);
	if (g->exchange != NULL && !pair_is_closing(p))
		exchange_step(g->exchange);
	exchange_end_done(g);
}

static inline void
scene_deliver(struct scene *s)
{
	uint8_t copy[sizeof(s->server.out)];
	struct span in;
	struct span raw;
	struct frame f;

	if (!s->server.is_flushed)
		return;
	s->server.is_flushed = false;
	memcpy(copy, s->server.out, s->server.out_len);
	in = span_of(copy, s->server.out_len);
	raw = in;
	s->server.out_len = 0;
	while (!pair_is_closing(scene_pair(s)) &&
	       frame_next(&f, &in, FRAME_LENGTH_MAX) == FRAME_OK) {
		raw.len = (size_t)(in.data - raw.data);
		if (scene_is_large(&f))
			f.body = (struct span){.data = NULL};
		scene_answer(s, &f, raw);
		raw = in;
	}
	scene_client_reads(s);
}

/* Of another held statement: it "asks" for all, "sees" nobody,
 * or "quits"; or the holder, 4711, is "done".  False: it is none of these. */
static inline bool
scene_event_of_other(struct scene *s, const char *word)
{
	if (strcmp(word, "asks") == 0) {
		static const struct lock_set none;
		struct lookout_watch *w = &s->other;

		lookout_watch_init(w, &s->guarded.lookout, scene_pair(s), NULL,
				   NULL);
		free(lookout_ask(w, &none, clock_now_ms()));
	} else if (strcmp(word, "sees") == 0) {
		s->sees_company = lookout_answer(&s->other);
	} else if (strcmp(word, "quits") == 0) {
		lookout_leave(&s->other);
	} else if (strcmp(word, "done") == 0) {
		static struct pair holder = {.server_pid = 4711};

		lookout_rouse(&s->guarded.lookout, &holder);
	} else {
		return false;
	}
	return true;
}

/* Events of a script: what others than the server do, and what must hold. */
static inline void
scene_event(void *arg, const char *word, char **values)
{
	struct scene *s = arg;
	struct exchange *x = scene_exchange(s);

	scene_deliver(s);
	if (scene_event_of_other(s, word))
		return;
	if (strcmp(word, "release") == 0) {
		scene_see(s, "%s",
			  x != NULL && exchange_release(x) ? "release"
							   : "release-fails");
	} else if (strcmp(word, "abort") == 0) {
		scene_see(s, "%s",
			  x != NULL && exchange_abort(x) ? "abort"
							 : "abort-fails");
	} else if (strcmp(word, "cancel") == 0) {
		scene_see(s, "%s",
			  x != NULL && exchange_cancel(x) ? "cancel"
							  : "cancel-passes");
	} else if (strcmp(word, "late") == 0) {
		clock_advance((uint64_t)atoi(server_script_word(values)));
	} else if (strcmp(word, "timer") == 0) {
		exchange_timer(x);
	} else if (strcmp(word, "note") == 0) {
		s->timer_ms = scene_timer_ms(s);
	} else if (strcmp(word, "taken") == 0) {
		assert_true(scene_take_turn(s));
	} else if (strcmp(word, "given") == 0) {
		scene_give_turn(s);
	} else if (strcmp(word, "eof") == 0) {
		scene_pair(s)->from_client.is_eof = true;
	} else if (strcmp(word, "shut") == 0) {
		assert_false(scene_gate_is_open(s));
	} else if (strcmp(word, "open") == 0) {
		assert_true(scene_gate_is_open(s));
	} else if (strcmp(word, "turn") == 0) {
		assert_false(scene_turn_is_free(s));
	} else if (strcmp(word, "free") == 0) {
		assert_true(scene_turn_is_free(s));
	} else if (strcmp(word, "kept") == 0) {
		assert_null(s->guarded.guarded.lease.window);
		assert_non_null(s->guarded.guarded.lease.transaction);
	} else {
		assert_string_equal(word, "left");
		shutdown(s->guarded.pair.client, SHUT_RDWR);
		s->has_left = true;
	}
}

/* True: it has read a message. */
static inline bool
scene_server_reads(struct scene *s)
{
	struct span in;
	struct frame f;
	ssize_t n = read(s->guarded.pair.server, s->requests + s->requests_len,
			 sizeof(s->requests) - s->requests_len);

	s->requests_len += n > 0 ? (size_t)n : 0;
	in = span_of(s->requests, s->requests_len);
	if (s->server.is_gone ||
	    frame_next(&f, &in, FRAME_LENGTH_MAX) != FRAME_OK)
		return false;
	server_reads(&s->server, &f);
	memmove(s->requests, in.data, in.len);
	s->requests_len = in.len;
	scene_deliver(s);
	return true;
}

/* The client's messages, as relay_client.c has it */

static inline void
scene_pass(struct scene *s, const struct frame_header *h, struct span in)
{
	guarded_note_sent(&s->guarded.guarded, h, in);
	(void)pair_to_server(scene_pair(s), in.data, frame_len(h));
}

static inline void
scene_guard_query(struct scene *s, const struct frame_header *h, struct span in,
		  struct finding *finding)
{
	if (exchange_begin_query(&s->guarded.guarded, finding->sql,
				 &finding->list))
		return;
	statement_list_clear(&finding->list);
	scene_pass(s, h, in);
}

static inline void
scene_note(struct scene *s, const struct frame_header *h, struct span in,
	   const struct finding *finding)
{
	uint64_t sent_before = scene_pair(s)->pipeline.sent_seq;

	scene_pass(s, h, in);
	judge_note(&s->guarded.guarded, finding, sent_before);
}

static inline void
scene_keep(struct scene *s, const struct frame_header *h, struct span in,
	   const struct finding *finding)
{
	if (!judge_keep(&s->guarded.guarded, finding, in.data, frame_len(h)))
		pair_close(scene_pair(s), CLOSE_MEMORY, NULL);
}

static inline void
scene_guard_execute(struct scene *s, const struct frame_header *h,
		    struct span in, struct finding *finding)
{
	struct guarded *g = &s->guarded.guarded;

	scene_keep(s, h, in, finding);
	if (!pair_is_closing(scene_pair(s)) &&
	    exchange_begin_execute(g, finding->facts))
		return;
	prepared_facts_rest(finding->facts);
	if (!pair_is_closing(scene_pair(s)))
		guarded_release_kept(g);
}

/* False: the message is not dealt with, and stays. */
static inline bool
scene_carry_out(struct scene *s, enum judgement j, const struct frame_header *h,
		struct span in, struct finding *finding)
{
	switch (j) {
	case JUDGE_WAIT:
		return false;
	case JUDGE_RELEASE:
		guarded_release_kept(&s->guarded.guarded);
		return false;
	case JUDGE_PASS:
		scene_pass(s, h, in);
		break;
	case JUDGE_NOTE:
		scene_note(s, h, in, finding);
		break;
	case JUDGE_DROP:
		break;
	case JUDGE_KEEP:
		scene_keep(s, h, in, finding);
		break;
	case JUDGE_GUARD_QUERY:
		scene_guard_query(s, h, in, finding);
		break;
	case JUDGE_GUARD_EXECUTE:
		scene_guard_execute(s, h, in, finding);
		break;
	}
	return true;
}

/* True: something has been done. */
static inline bool
scene_client_step(struct scene *s)
{
	struct guarded *g = &s->guarded.guarded;
	struct span in = span_of(s->inbox, s->inbox_len);
	struct finding finding = {0};
	struct frame_header h;
	enum judgement j;

	exchange_end_done(g);
	if (pair_is_closing(scene_pair(s)) ||
	    (g->exchange != NULL && exchange_blocks_client(g->exchange)) ||
	    frame_peek(&h, in) != FRAME_OK)
		return false;
	j = judge(g, &h, in, &finding);
	if (judge_is_guarded(j) && g->exchange != NULL) {
		statement_list_clear(&finding.list);
		prepared_facts_rest(finding.facts);
		exchange_hurry(g->exchange);
		return false;
	}
	s->locks_before = server_holds(&s->server);
	if (judge_is_guarded(j) && s->allocations > 0)
		allocation_fail_after(s->allocations);
	if (scene_carry_out(s, j, &h, in, &finding)) {
		s->inbox_len -= frame_len(&h);
		memmove(s->inbox, in.data + frame_len(&h), s->inbox_len);
	}
	return j != JUDGE_WAIT;
}

/* What the client says */

static inline void
scene_send(struct scene *s, uint8_t type, const void *body, size_t len)
{
	uint32_t n = (uint32_t)len + 4;
	uint8_t header[FRAME_HEADER_BYTES] = {
	    type,
	    (uint8_t)(n >> 24),
	    (uint8_t)(n >> 16),
	    (uint8_t)(n >> 8),
	    (uint8_t)n,
	};

	assert_true(s->inbox_len + sizeof(header) + len <= sizeof(s->inbox));
	memcpy(s->inbox + s->inbox_len, header, sizeof(header));
	if (len > 0)
		memcpy(s->inbox + s->inbox_len + sizeof(header), body, len);
	s->inbox_len += sizeof(header) + len;
}

/* "P:name sql": type, name and text, the latter two possibly empty. */
static inline void
scene_send_line(struct scene *s, const char *line, size_t len)
{
	char type = *line;
	char name[16] = "";
	char text[512] = "";
	char body[600];
	size_t at = 1;
	int n = 0;

	if (line[at] == ':') {
		size_t name_len = strcspn(line + 2, " \n");

		assert_true(name_len < sizeof(name));
		memcpy(name, line + 2, name_len);
		at += 1 + name_len;
	}
	assert_true(len < sizeof(text));
	if (len > at)
		memcpy(text, line + at + 1, len - at - 1);
	if (type == FRONTEND_QUERY)
		n = snprintf(body, sizeof(body), "%s%c", text, 0);
	else if (type == FRONTEND_PARSE)
		n = snprintf(body, sizeof(body), "%s%c%s%c%c%c", name, 0, text,
			     0, 0, 0);
	else if (type == FRONTEND_BIND)
		n = snprintf(body, sizeof(body), "%c%s%c%c%c%c%c%c%c", 0, name,
			     0, 0, 0, 0, 0, 0, 0);
	else if (type == FRONTEND_EXECUTE)
		n = snprintf(body, sizeof(body), "%c%c%c%c%c", 0, 0, 0, 0, 0);
	else if (type == FRONTEND_DESCRIBE)
		n = snprintf(body, sizeof(body), "P%c", 0);
	else if (type == FRONTEND_CLOSE)
		n = snprintf(body, sizeof(body), "S%s%c", name, 0);
	else if (type == FRONTEND_COPY_DATA)
		n = snprintf(body, sizeof(body), "%s", text);
	scene_send(s, (uint8_t)type, body, (size_t)n);
}

/* The client thinks for so many ms. */
static inline void
scene_think(struct scene *s, const char *line)
{
	struct guarded *g = &s->guarded.guarded;
	int64_t ms = strtol(line + 1, NULL, 10);
	int64_t timer_ms = scene_timer_ms(s);

	clock_advance((uint64_t)ms);
	if (g->exchange == NULL && timer_ms >= 0 &&
	    timer_ms <= ms + TIMER_ERROR_MS)
		exchange_begin_shut(g);
}

/* Up to the next "--".  False: there was nothing left. */
static inline bool
scene_send_lines(struct scene *s)
{
	bool has_sent = false;

	while (*s->lines != '\0') {
		size_t len = strcspn(s->lines, "\n");
		const char *line = s->lines;

		s->lines += len + (line[len] == '\n');
		if (strncmp(line, "--", 2) == 0)
			break;
		if (*line == '~')
			scene_think(s, line);
		else
			scene_send_line(s, line, len);
		has_sent = true;
	}
	return has_sent;
}

/* Time */

static inline bool
scene_is_held(struct scene *s)
{
	struct cancel_target target;

	assert_true(cancel_find(scene_pair(s)->daemon->cancels, SCENE_PID,
				span_of(secret, sizeof(secret)), &target));
	return target.is_held;
}

/* Nothing else is to be done: time goes by.  False: it would not help. */
static inline bool
scene_wait(struct scene *s)
{
	char answer[SCRIPT_ANSWER_MAX];
	char *rest = answer;
	int64_t ms = scene_timer_ms(s);
	uint64_t before_ms = clock_now_ms();

	if (scene_exchange(s) == NULL || s->never_waits || ms < 0 ||
	    exchange_is_running(scene_exchange(s)))
		return false;
	/* What an attempt took was given back, and a cancel would be ours. */
	if (server_holds(&s->server))
		assert_true(s->locks_before);
	assert_true(scene_is_held(s));
	server_script_take(&s->server.script, "wait", answer);
	while (server_word(&s->server, &rest))
		;
	/* A process that was not run may find its timer due by the true clock,
	 * ahead of the moved one. */
	if (clock_now_ms() == before_ms)
		clock_advance(ms > 0 ? (uint64_t)ms : 1);
	if (scene_exchange(s) != NULL && !exchange_is_done(scene_exchange(s)) &&
	    s->requests_len == 0)
		exchange_timer(scene_exchange(s));
	scene_client_reads(s);
	return !s->has_left;
}

static inline bool
scene_step(struct scene *s)
{
	if (scene_pair(s)->pipeline.failed)
		pair_close(scene_pair(s), CLOSE_MEMORY, NULL);
	return !s->server.is_gone &&
	       (scene_client_step(s) || scene_server_reads(s) ||
		scene_send_lines(s) || scene_wait(s));
}

/* A FATAL error that answered a statement of ours is the client's. */
static inline void
scene_server_ends(struct scene *s)
{
	struct span words = {0};

	if (scene_exchange(s) != NULL)
		words = exchange_error(scene_exchange(s));
	if (words.len > 0)
		(void)pair_to_client(scene_pair(s), words.data, words.len);
	pair_close(scene_pair(s), CLOSE_SERVER_LEFT, NULL);
}

/* Until nothing more happens, or the pair is to close. */
static inline void
scene_run(struct scene *s)
{
	unsigned int steps = 0;

	while (!pair_is_closing(scene_pair(s)) && scene_step(s))
		assert_true(++steps < SCENE_STEPS_MAX);
	if (s->server.is_gone)
		scene_server_ends(s);
	scene_client_reads(s);
}

/* Begin and end */

static inline void
scene_mail(void *arg, const struct mail *mail)
{
	struct gate *gate = arg;

	if (mail->kind == MAIL_SHUT)
		gate_add(gate, mail->data);
	if (mail->kind == MAIL_OPEN)
		gate_remove(gate, mail->data);
}

static inline void
scene_configure(struct config *c)
{
	c->query_limit_bytes = 64 * 1024;
	c->parse_limit_bytes = STATEMENT_PARSE_BYTES_DEFAULT;
	c->detect = GUARD_SCOPE_DDL;
	c->guard.scope = GUARD_SCOPE_DROPS;
	c->guard.attempt_timeout_ms = 200;
	c->guard.hold_timeout_ms = 300000;
	c->guard.in_transaction_timeout_ms = 2000;
	c->guard.gate_window_ms = 300;
	c->guard.gate_transaction_ms = 5000;
	c->guard.has_memory = true;
	c->guard.unparsed = GUARD_UNPARSED_HOLD;
}

static inline struct scene *
scene_begin(const char *script, const char *lines)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct cancel_target target = {.session = 1};
	struct daemon *d;

	assert_non_null(s);
	log_init(LOG_ERROR, LOG_TEXT);
	clock_reset();
	guarded_fixture_begin(&s->guarded);
	scene_configure(&s->guarded.pair.config);
	d = &s->guarded.pair.daemon;
	d->turns = turns_new();
	d->memory = memory_new();
	d->habits = habits_new();
	d->cancels = cancel_registry_new();
	s->mailboxes[0] = &s->mailbox;
	d->mailboxes = s->mailboxes;
	d->worker_count = 1;
	assert_true(mailbox_open(&s->mailbox, s->guarded.pair.base, scene_mail,
				 &s->guarded.gate));
	scene_pair(s)->cancel_entry = cancel_remember(
	    d->cancels, SCENE_PID, span_of(secret, sizeof(secret)), &target);
	assert_non_null(scene_pair(s)->cancel_entry);
	server_start(&s->server, script);
	s->server.on_event = scene_event;
	s->server.arg = s;
	s->lines = lines;
	return s;
}

/* No statement, no lock and no other session is kept waiting. */
static inline void
assert_nothing_is_kept(struct scene *s)
{
	assert_false(lease_is_held(&s->guarded.guarded.lease));
	assert_true(scene_gate_is_open(s));
	assert_true(scene_turn_is_free(s));
	if (scene_pair(s)->cancel_entry != NULL)
		assert_false(scene_is_held(s));
}

/* As a session that closes has it, and one that is freed. */
static inline void
scene_close(struct scene *s)
{
	guarded_leave(&s->guarded.guarded);
	exchange_free(s->guarded.guarded.exchange);
	s->guarded.guarded.exchange = NULL;
	pair_set_held(scene_pair(s), false);
	assert_nothing_is_kept(s);
	lookout_leave(&s->other);
	assert_int_equal(atomic_load(&s->guarded.pair.daemon.exchanges),
			 s->company);
}

static inline void
scene_end(struct scene *s)
{
	struct daemon *d = &s->guarded.pair.daemon;
	struct turns *turns = d->turns;
	struct memory *memory = d->memory;
	struct habits *habits = d->habits;
	struct cancel_registry *cancels = d->cancels;

	scene_close(s);
	cancel_forget(cancels, scene_pair(s)->cancel_entry);
	scene_pair(s)->cancel_entry = NULL;
	mailbox_close(&s->mailbox);
	guarded_fixture_end(&s->guarded);
	turns_free(turns);
	memory_free(memory);
	habits_free(habits);
	cancel_registry_free(cancels);
	free(s);
}

/* Tables */

struct scene_row {
	const char *name;
	const char *client; /* lines */
	const char *script; /* NULL: the server does as it is told */
	const char *server_gets;
	const char *client_gets;
};

static inline void
assert_trace(const char *name, const char *side, const char *actual,
	     const char *expected)
{
	if (strcmp(actual, expected) == 0)
		return;
	/* cmocka cuts what is longer than a kilobyte. */
	fprintf(stderr, "%s: the %s gets\n%s\ninstead of\n%s\n", name, side,
		actual, expected);
	fail();
}

/* Play the row, and end the scene. */
static inline void
scene_play(struct scene *s, const struct scene_row *row)
{
	scene_run(s);
	assert_trace(row->name, "server", s->server.trace, row->server_gets);
	assert_trace(row->name, "client", s->sees, row->client_gets);
	assert_script_is_used(&s->server.script);
	if (s->server.status != TRANSACTION_BLOCK &&
	    !pair_is_closing(scene_pair(s)) && !s->has_left) {
		assert_null(scene_exchange(s));
		assert_false(server_holds(&s->server));
		assert_nothing_is_kept(s);
	}
	if (!pair_is_closing(scene_pair(s)))
		assert_false(s->server.has_savepoint);
	scene_end(s);
}

/* A test of its own for each row: *state is the row. */
static inline void
scene_plays_row(void **state)
{
	const struct scene_row *row = *state;

	scene_play(scene_begin(row->script, row->client), row);
}

/* Run a test for each row, whose state it is, then the tests; for main. */
static inline int
scene_run_rows(const char *group, const struct scene_row *rows,
	       size_t row_count, CMUnitTestFunction plays_row,
	       const struct CMUnitTest *tests, size_t test_count)
{
	struct CMUnitTest all[128] = {{0}};
	size_t i;

	assert_true(row_count + test_count <= 128);
	for (i = 0; i < row_count; i++) {
		all[i].name = rows[i].name;
		all[i].test_func = plays_row;
		all[i].initial_state = (void *)(uintptr_t)&rows[i];
	}
	if (test_count > 0)
		memcpy(all + row_count, tests, test_count * sizeof(*tests));
	return _cmocka_run_group_tests(group, all, row_count + test_count, NULL,
				       NULL);
}

/* Likewise, with nothing but the row to be played. */
static inline int
scene_run_tests(const char *group, const struct scene_row *rows,
		size_t row_count, const struct CMUnitTest *tests,
		size_t test_count)
{
	return scene_run_rows(group, rows, row_count, scene_plays_row, tests,
			      test_count);
}

#endif
