/*
 * relay_server.c - a server's messages: those that tell of the session are
 * noted, answers to statements of ours are taken, all else passes.
 */
#include "protocol/backend.h"
#include "proxy/base/log.h"
#include "proxy/guard/deadlock.h"
#include "proxy/guard/exchange.h"
#include "proxy/session/login.h"
#include "proxy/session/relay_walk.h"

enum {
	/* A server's message that must be seen whole; a larger one streams. */
	WHOLE_MAX_BYTES = 1024 * 1024,
	/* The front of that, which is looked at: severities and SQLSTATE come
	 * first in a report. */
	FRONT_BYTES = 256,
};

static void
relay_server_note_key(struct session *s, struct span body)
{
	struct key_data key;

	if (key_data_decode(&key, body))
		session_has_key(s, key.backend_pid, key.secret);
}

/* The bytes that are there behind a frame that is; none behind another. */
static struct span
relay_server_ahead(const struct walk *w, const struct frame *f)
{
	size_t len = FRAME_HEADER_BYTES + f->body.len;

	if (f->body.data == NULL)
		return span_of(NULL, 0);
	return span_of(w->rest.data + len, w->rest.len - len);
}

static enum login_verdict
relay_server_answer_login(struct walk *w, const struct frame *f)
{
	struct session *s = w->s;
	enum transaction_status status;
	enum login_verdict verdict;

	/* Send the messages before this one first: login may answer the client
	 * itself. */
	if (f->type == BACKEND_AUTHENTICATION)
		walk_flush(w);
	if (pair_is_closing(w->p))
		return LOGIN_TAKE;
	verdict = login_answer(s, *f, relay_server_ahead(w, f));
	if (verdict != LOGIN_PASS)
		return verdict;
	switch (f->type) {
	case BACKEND_KEY_DATA:
		relay_server_note_key(s, f->body);
		break;
	case BACKEND_PARAMETER_STATUS:
		pair_note_parameter(w->p, f->body);
		break;
	case BACKEND_READY_FOR_QUERY:
		if (ready_for_query_decode(&status, f->body)) {
			session_logged_in(s, status);
			break;
		}
		walk_flush(w);
		pair_close(w->p, CLOSE_SERVER_BAD, "ReadyForQuery");
		break;
	default:
		break;
	}
	return LOGIN_PASS;
}

static void
relay_server_log_mismatch(const struct pair *p, uint8_t type)
{
	const char name[2] = {(char)type, '\0'};
	struct log_event e;

	log_begin(&e, LOG_ERROR, "server message out of step");
	log_number(&e, "session", p->id);
	log_text(&e, "type", name);
	log_number(&e, "outstanding", p->pipeline.count);
	log_number(&e, "sent", p->pipeline.sent_seq);
	log_number(&e, "done", p->pipeline.done_seq);
	log_end(&e);
}

/*
 * Note whose answer the message is.  False: it answers nothing that was sent.
 */
static bool
relay_server_note_answer(struct walk *w, const struct frame *f,
			 struct pipeline_event *event)
{
	uint8_t status = f->body.len > 0 ? f->body.data[0] : 0;

	*event = pipeline_received(&w->p->pipeline, f->type, status);
	if (event->verdict == PIPELINE_MISMATCH)
		return false;
	if (f->type == BACKEND_PARAMETER_STATUS) {
		pair_note_parameter(w->p, f->body);
		login_note_report(w->s, f->body);
	}
	guarded_note_answer(w->g, f, event->owner);
	return true;
}

/* True if the frame was taken. */
static bool
relay_server_answer_exchange(struct walk *w, const struct frame *f,
			     const struct pipeline_event *event)
{
	walk_flush(w);
	return exchange_answer(
	    w->g->exchange, event, *f,
	    span_of(w->rest.data, f->body.data != NULL
				      ? FRAME_HEADER_BYTES + f->body.len
				      : FRONT_BYTES));
}

/* True if the frame was taken by the exchange. */
static bool
relay_server_answer_ready(struct walk *w, const struct frame *f)
{
	struct pipeline_event event;

	if (!relay_server_note_answer(w, f, &event)) {
		walk_flush(w);
		relay_server_log_mismatch(w->p, f->type);
		pair_close(w->p, CLOSE_MISMATCH, NULL);
		return false;
	}
	return w->g->exchange != NULL &&
	       relay_server_answer_exchange(w, f, &event);
}

/* True if the body counts; for most messages the type is enough. */
static bool
relay_server_looks_into(const struct walk *w, const struct frame_header *h)
{
	return w->g->exchange != NULL || w->s->state == SESSION_AUTH ||
	       h->type == BACKEND_READY_FOR_QUERY ||
	       h->type == BACKEND_PARAMETER_STATUS ||
	       guarded_looks_into(w->g, h->type);
}

/* The bytes of the frame that must be there before it is dealt with. */
static size_t
relay_server_bytes_wanted(const struct walk *w, const struct frame_header *h)
{
	if (!relay_server_looks_into(w, h))
		return FRAME_HEADER_BYTES;
	if (h->body_len <= WHOLE_MAX_BYTES)
		return frame_len(h);
	return w->g->exchange != NULL ? FRONT_BYTES : FRAME_HEADER_BYTES;
}

static void
relay_server_refuse(struct walk *w)
{
	walk_flush(w);
	pair_close(w->p, CLOSE_SERVER_BAD, "invalid message length");
}

/* The client gets this error.  The walk's address is not to leave the walk: the
 * ordinary path keeps it in registers. */
static PAIR_COLD void
relay_server_note_error(struct session *s, struct span body)
{
	pair_count_error(&s->pair, body);
	if (s->state == SESSION_READY)
		deadlock_note(&s->guarded, body);
}

/* Deal with a message.  False: what is behind it must be there, too. */
static bool
relay_server_answer(struct walk *w, const struct frame_header *h)
{
	struct session *s = w->s;
	struct frame f = {.type = h->type};
	enum login_verdict verdict;
	bool is_taken = false;

	if (frame_is_whole(h, w->rest))
		f.body = frame_body(h, w->rest);
	s->last_server_type = h->type;
	if (s->state == SESSION_AUTH) {
		verdict = relay_server_answer_login(w, &f);
		if (verdict == LOGIN_WAIT)
			return false;
		is_taken = verdict == LOGIN_TAKE;
	} else {
		is_taken = relay_server_answer_ready(w, &f);
	}
	if (pair_is_closing(w->p))
		return true;
	if (h->type == BACKEND_ERROR_RESPONSE && !is_taken)
		relay_server_note_error(s, f.body);
	if (s->state == SESSION_DIALING)
		walk_skip(w, w->rest.len); /* that server has been left */
	else
		walk_through(w, frame_len(h), is_taken);
	if (w->g->exchange != NULL) {
		walk_flush(w);
		exchange_step(w->g->exchange);
	}
	return true;
}

/* Pass or drop more of a frame that was not whole when it was looked at. */
static void
relay_server_go_on(struct walk *w)
{
	walk_through(w, w->inlet->pass_left, w->inlet->drops_rest);
	if (w->p->aside.len == 0 || w->inlet->pass_left > 0)
		return;
	walk_flush(w);
	pair_end_message(w->p);
}

static bool
relay_server_is_data(uint8_t type)
{
	return type == BACKEND_DATA_ROW || type == BACKEND_COPY_DATA;
}

/* Deal with one frame.  True: go on with the next. */
static bool
relay_server_step(struct walk *w)
{
	struct frame_header h;
	bool is_plain_data;

	if (w->inlet->pass_left > 0) {
		relay_server_go_on(w);
		return true;
	}
	is_plain_data = relay_server_is_data(w->rest.data[0]) &&
			w->g->exchange == NULL &&
			w->s->state == SESSION_READY &&
			!recording_is_open(&w->g->recording);
	if (is_plain_data && walk_pass_data(w, w->rest.data[0]))
		return true;
	switch (frame_peek(&h, w->rest)) {
	case FRAME_MORE:
		return false;
	case FRAME_BAD:
		relay_server_refuse(w);
		return false;
	case FRAME_OK:
		break;
	}
	if (is_plain_data) {
		walk_through(w, frame_len(&h), false);
		return true;
	}
	if (!frame_is_whole(&h, w->rest) &&
	    w->rest.len < relay_server_bytes_wanted(w, &h))
		return false;
	return relay_server_answer(w, &h);
}

size_t
relay_walk_server(struct session *s, struct span in)
{
	struct walk w = {
	    .s = s,
	    .p = &s->pair,
	    .g = &s->guarded,
	    .inlet = &s->pair.from_server,
	    .send = pair_relay_to_client,
	    .run = in.data,
	    .rest = in,
	};

	while (w.rest.len > 0 && !pair_is_closing(w.p)) {
		if (s->is_blind && s->state == SESSION_READY)
			walk_advance(&w, w.rest.len);
		else if (!relay_server_step(&w))
			break;
	}
	walk_flush(&w);
	return (size_t)(w.rest.data - in.data);
}
