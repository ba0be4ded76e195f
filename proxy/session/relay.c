/*
 * relay.c - move frames one way, whole runs of them at a time.
 *
 * What one read brought is walked frame by frame; as long as frames just pass,
 * the run of them grows, and one write moves it.  Bytes are copied only when
 * they must wait: the front of a frame that has to be seen whole, or what the
 * other side does not take yet.
 *
 * A client's frame is judged (judge.c) before any byte of it is forwarded.
 * Those of a cycle that prepares a guarded statement are kept back up to its
 * Execute: until then nothing has begun in the server, so that waiting there
 * costs nobody anything.
 */
#include "proxy/session/relay.h"

#include <string.h>

#include "protocol/backend.h"
#include "protocol/frame.h"
#include "proxy/guard/exchange.h"
#include "proxy/guard/guard_log.h"
#include "proxy/guard/judge.h"
#include "proxy/base/log.h"
#include "proxy/session/login.h"
#include "proxy/session/session.h"

enum {
	/* A server's message that must be seen whole; a larger one streams. */
	WHOLE_MAX_BYTES = 1024 * 1024,
};

/* What one read brought: runs of it go to the other side. */
struct walk {
	struct session *s;
	struct inlet *inlet;
	bool (*send)(struct session *s, const void *data, size_t len);
	const uint8_t *run; /* what passed and was not sent yet starts here */
	struct span rest;   /* and ends here */
};

static void
flush(struct walk *w)
{
	size_t len = (size_t)(w->rest.data - w->run);

	if (len > 0)
		(void)w->send(w->s, w->run, len);
	w->run = w->rest.data;
}

static void
advance(struct walk *w, size_t len)
{
	w->rest.data += len;
	w->rest.len -= len;
}

/* Bytes were dealt with otherwise: they do not belong to the run. */
static void
skip(struct walk *w, size_t len)
{
	flush(w);
	advance(w, len);
	w->run = w->rest.data;
}

/* Go over len bytes, as many as are there; the rest is told to the inlet. */
static void
stream_through(struct walk *w, size_t len, bool drops)
{
	size_t now = len < w->rest.len ? len : w->rest.len;

	if (drops)
		skip(w, now);
	else
		advance(w, now);
	w->inlet->pass_left = len - now;
	w->inlet->drops_rest = drops;
}

/*
 * Whole frames of data: what there is most of, and nothing in it changes
 * anything.  False: none is there.
 */
static bool
pass_data(struct walk *w, uint8_t type)
{
	size_t len = frame_run(w->rest, type);

	advance(w, len);
	return len > 0;
}

/* The client's side */

static void
note_sent(struct session *s, const struct frame_header *h, struct span in)
{
	pipeline_sent(&s->pipeline, h->type, PIPELINE_CLIENT);
	gate_note_sent(s, h, in);
}

void
relay_release_kept(struct session *s)
{
	struct buffer kept = s->kept;
	struct span rest = buffer_span(&kept);
	struct frame_header h;

	memset(&s->kept, 0, sizeof(s->kept));
	s->kept_count = 0;
	(void)session_to_server(s, rest.data, rest.len);
	while (frame_peek(&h, rest) == FRAME_OK) {
		note_sent(s, &h, rest);
		rest.data += frame_len(&h);
		rest.len -= frame_len(&h);
	}
	gate_note_touch(s, false);
	buffer_clear(&kept);
}

static void
keep(struct walk *w, const struct frame_header *h)
{
	if (!buffer_append(&w->s->kept, w->rest.data, frame_len(h))) {
		session_close(w->s, CLOSE_MEMORY, NULL);
		return;
	}
	w->s->kept_count++;
	skip(w, frame_len(h));
}

static void
pass(struct walk *w, const struct frame_header *h)
{
	if (w->s->state == SESSION_READY)
		note_sent(w->s, h, w->rest);
	stream_through(w, frame_len(h), false);
}

static void
guard_query(struct walk *w, const struct frame_header *h,
	    struct finding *finding)
{
	flush(w);
	if (exchange_begin_query(w->s, finding->sql, &finding->list)) {
		skip(w, frame_len(h));
		return;
	}
	statement_list_clear(&finding->list);
	guard_log_unjudged(w->s, "out of memory");
	pass(w, h);
}

static void
guard_execute(struct walk *w, const struct frame_header *h,
	      struct finding *finding)
{
	keep(w, h);
	if (w->s->state == SESSION_CLOSING ||
	    exchange_begin_execute(w->s, finding->facts))
		return;
	guard_log_unjudged(w->s, "out of memory");
	relay_release_kept(w->s);
}

static void
carry_out(struct walk *w, enum judgement j, const struct frame_header *h,
	  struct finding *finding)
{
	switch (j) {
	case JUDGE_WAIT:
		break;
	case JUDGE_RELEASE:
		flush(w);
		relay_release_kept(w->s);
		break;
	case JUDGE_PASS:
		pass(w, h);
		break;
	case JUDGE_DROP:
		stream_through(w, frame_len(h), true);
		break;
	case JUDGE_KEEP:
		keep(w, h);
		break;
	case JUDGE_GUARD_QUERY:
		guard_query(w, h, finding);
		break;
	case JUDGE_GUARD_EXECUTE:
		guard_execute(w, h, finding);
		break;
	}
}

static bool
is_blocked(const struct session *s)
{
	return stream_pending(&s->server) > 0 ||
	       pipeline_is_full(&s->pipeline) ||
	       (s->exchange != NULL && exchange_blocks_client(s->exchange));
}

static void
bad_client_frame(struct walk *w)
{
	flush(w);
	session_close(w->s, CLOSE_CLIENT_BAD, "invalid message length");
}

/* One at a time: the answer to the last one's Execute is still to come. */
static void
wait_for_exchange(struct walk *w, struct finding *finding)
{
	statement_list_clear(&finding->list);
	flush(w);
	exchange_hurry(w->s->exchange);
}

/* CopyData that would be passed whatever else it was. */
static bool
is_copying(const struct session *s)
{
	return s->pipeline.in_copy && s->state == SESSION_READY &&
	       s->exchange == NULL && s->kept_count == 0 && !s->skips_to_sync;
}

/* True: go on with the next frame. */
static bool
step_client(struct walk *w)
{
	struct finding finding = {0};
	struct frame_header h;
	enum judgement j;

	if (w->inlet->pass_left > 0) {
		stream_through(w, w->inlet->pass_left, w->inlet->drops_rest);
		return true;
	}
	session_end_exchange(w->s);
	if (is_blocked(w->s))
		return false;
	if (is_copying(w->s) && pass_data(w, FRONTEND_COPY_DATA))
		return true;
	switch (frame_peek(&h, w->rest)) {
	case FRAME_MORE:
		return false;
	case FRAME_BAD:
		bad_client_frame(w);
		return false;
	case FRAME_OK:
		break;
	}
	j = judge(w->s, &h, w->rest, &finding);
	if (judge_is_guarded(j) && w->s->exchange != NULL) {
		wait_for_exchange(w, &finding);
		return false;
	}
	if (j == JUDGE_PASS && !gate_is_open(&w->s->worker->gate) &&
	    gate_stops_now(w->s, &h, w->rest))
		return false;
	carry_out(w, j, &h, &finding);
	return j != JUDGE_WAIT;
}

/* Returns how many bytes were dealt with. */
static size_t
walk_client(struct session *s, struct span in)
{
	struct walk w = {
	    .s = s,
	    .inlet = &s->from_client,
	    .send = session_to_server,
	    .run = in.data,
	    .rest = in,
	};

	if (s->is_blind && s->state == SESSION_READY) {
		advance(&w, in.len);
	} else {
		while (w.rest.len > 0 && s->state != SESSION_CLOSING &&
		       step_client(&w))
			;
	}
	flush(&w);
	return (size_t)(w.rest.data - in.data);
}

/* The server's side */

static void
note_parameter(struct session *s, struct span body)
{
	struct parameter_status p;

	if (!parameter_status_decode(&p, body))
		return;
	if (span_equals(p.name, "standard_conforming_strings"))
		s->sends_plain_backslashes = span_equals(p.value, "off");
	if (span_equals(p.name, "client_encoding"))
		s->is_utf8 = span_equals(p.value, "UTF8");
}

static void
note_key(struct session *s, struct span body)
{
	struct key_data key;

	if (key_data_decode(&key, body))
		session_has_key(s, key.backend_pid, key.secret);
}

/* True if the frame is not to be forwarded. */
static bool
auth_answer(struct walk *w, struct frame f)
{
	struct session *s = w->s;
	enum transaction_status status;

	/* What is said of it comes behind what came before it. */
	if (f.type == BACKEND_AUTHENTICATION)
		flush(w);
	if (s->state == SESSION_CLOSING || login_answer(s, f) != LOGIN_PASS)
		return true;
	switch (f.type) {
	case BACKEND_KEY_DATA:
		note_key(s, f.body);
		break;
	case BACKEND_PARAMETER_STATUS:
		note_parameter(s, f.body);
		break;
	case BACKEND_READY_FOR_QUERY:
		if (ready_for_query_decode(&status, f.body)) {
			session_logged_in(s, status);
			break;
		}
		flush(w);
		session_close(s, CLOSE_SERVER_BAD, "ReadyForQuery");
		break;
	default:
		break;
	}
	return false;
}

static void
log_mismatch(const struct session *s, uint8_t type)
{
	const struct pipeline *p = &s->pipeline;
	const char name[2] = {(char)type, '\0'};
	struct log_event e;

	log_begin(&e, LOG_ERROR, "server message out of step");
	log_number(&e, "session", s->id);
	log_text(&e, "type", name);
	log_number(&e, "outstanding", p->count);
	log_number(&e, "sent", p->sent_seq);
	log_number(&e, "done", p->done_seq);
	log_end(&e);
}

/* Where no transaction is open, nothing is locked. */
static void
note_status(struct session *s, enum pipeline_owner owner)
{
	if (s->pipeline.status == TRANSACTION_IDLE)
		gate_note_idle(s);
	if (s->pipeline.status != TRANSACTION_BLOCK && owner == PIPELINE_CLIENT)
		lease_end(s);
}

/* AND CHAIN leaves no ReadyForQuery that says so.  ROLLBACK may be TO. */
static void
note_end(struct session *s, struct span body)
{
	struct span tag;

	if (command_complete_decode(&tag, body) && span_equals(tag, "COMMIT"))
		lease_end(s);
}

/* What came of the statements that are leaving. */
static void
note_fate(struct session *s, struct frame f)
{
	struct span tag;

	switch (f.type) {
	case BACKEND_READY_FOR_QUERY:
		prepared_settle(&s->prepared);
		break;
	case BACKEND_ERROR_RESPONSE:
		prepared_restore(&s->prepared);
		break;
	case BACKEND_COMMAND_COMPLETE:
		if (!command_complete_decode(&tag, f.body))
			break;
		if (span_equals(tag, "DEALLOCATE ALL") ||
		    span_equals(tag, "DISCARD ALL"))
			prepared_clear_statements(&s->prepared);
		else if (span_equals(tag, "DEALLOCATE"))
			prepared_doubt(&s->prepared);
		break;
	default:
		break;
	}
}

static void
note_answer(struct session *s, struct frame f, enum pipeline_owner owner)
{
	if (f.type == BACKEND_PARAMETER_STATUS)
		note_parameter(s, f.body);
	if (f.type == BACKEND_READY_FOR_QUERY)
		note_status(s, owner);
	if (f.type == BACKEND_COMMAND_COMPLETE && lease_is_held(s) &&
	    owner == PIPELINE_CLIENT)
		note_end(s, f.body);
	if (judge_knows_guarded(s))
		note_fate(s, f);
}

/* True if the frame was taken by the exchange. */
static bool
ready_answer(struct walk *w, struct frame f)
{
	struct session *s = w->s;
	uint8_t status = f.body.len > 0 ? f.body.data[0] : 0;
	struct pipeline_event event =
	    pipeline_received(&s->pipeline, f.type, status);

	if (event.verdict == PIPELINE_MISMATCH) {
		flush(w);
		log_mismatch(s, f.type);
		session_close(s, CLOSE_MISMATCH, NULL);
		return false;
	}
	note_answer(s, f, event.owner);
	if (s->exchange == NULL)
		return false;
	flush(w);
	if (f.body.data == NULL && event.owner == PIPELINE_PROXY) {
		session_close(s, CLOSE_SERVER_BAD, "message too large");
		return false;
	}
	return exchange_answer(
	    s->exchange, &event, f,
	    span_of(w->rest.data, FRAME_HEADER_BYTES + f.body.len));
}

/* Messages that are looked into; the others only by their type. */
static bool
must_be_whole(const struct session *s, const struct frame_header *h)
{
	if (h->body_len > WHOLE_MAX_BYTES)
		return false;
	return s->exchange != NULL || s->state == SESSION_AUTH ||
	       (h->type == BACKEND_COMMAND_COMPLETE &&
		(judge_knows_guarded(s) || lease_is_held(s))) ||
	       h->type == BACKEND_READY_FOR_QUERY ||
	       h->type == BACKEND_PARAMETER_STATUS;
}

static void
bad_server_frame(struct walk *w)
{
	flush(w);
	session_close(w->s, CLOSE_SERVER_BAD, "invalid message length");
}

static void
answer(struct walk *w, const struct frame_header *h)
{
	struct session *s = w->s;
	struct frame f = {.type = h->type};
	bool is_taken = false;

	if (frame_is_whole(h, w->rest))
		f.body = frame_body(h, w->rest);
	s->last_server_type = h->type;
	if (s->state == SESSION_AUTH)
		is_taken = auth_answer(w, f);
	else
		is_taken = ready_answer(w, f);
	if (s->state == SESSION_CLOSING)
		return;
	if (s->state == SESSION_DIALING)
		skip(w, w->rest.len); /* of a server that has been left */
	else if (is_taken)
		skip(w, frame_len(h));
	else
		stream_through(w, frame_len(h), false);
	if (s->exchange != NULL) {
		flush(w);
		exchange_step(s->exchange);
	}
}

static bool
is_data(uint8_t type)
{
	return type == BACKEND_DATA_ROW || type == BACKEND_COPY_DATA;
}

/* True: go on with the next frame. */
static bool
step_server(struct walk *w)
{
	struct session *s = w->s;
	struct frame_header h;
	bool is_plain_data;

	if (w->inlet->pass_left > 0) {
		stream_through(w, w->inlet->pass_left, false);
		return true;
	}
	is_plain_data = is_data(w->rest.data[0]) && s->exchange == NULL &&
			s->state == SESSION_READY;
	if (is_plain_data && pass_data(w, w->rest.data[0]))
		return true;
	switch (frame_peek(&h, w->rest)) {
	case FRAME_MORE:
		return false;
	case FRAME_BAD:
		bad_server_frame(w);
		return false;
	case FRAME_OK:
		break;
	}
	if (is_plain_data) {
		stream_through(w, frame_len(&h), false);
		return true;
	}
	if (must_be_whole(s, &h) && !frame_is_whole(&h, w->rest))
		return false;
	answer(w, &h);
	return true;
}

static size_t
walk_server(struct session *s, struct span in)
{
	struct walk w = {
	    .s = s,
	    .inlet = &s->from_server,
	    .send = session_to_client,
	    .run = in.data,
	    .rest = in,
	};

	while (w.rest.len > 0 && s->state != SESSION_CLOSING) {
		if (s->is_blind && s->state == SESSION_READY)
			advance(&w, w.rest.len);
		else if (!step_server(&w))
			break;
	}
	flush(&w);
	return (size_t)(w.rest.data - in.data);
}

/* Reading */

typedef size_t walk_fn(struct session *s, struct span in);

static void
walk_buffer(struct session *s, struct inlet *in, walk_fn *walk)
{
	bool is_secret = s->state == SESSION_AUTH;
	size_t used = walk(s, buffer_span(&in->buffer));

	if (is_secret)
		buffer_consume_secret(&in->buffer, used);
	else
		buffer_consume(&in->buffer, used);
}

/* Nothing waits: read into the worker's scratch, and copy only what stays. */
static ssize_t
read_fresh(struct session *s, struct stream *from, struct inlet *in,
	   walk_fn *walk)
{
	uint8_t *scratch = s->worker->scratch;
	bool is_secret = s->state == SESSION_AUTH;
	ssize_t n = stream_read(from, scratch, WORKER_SCRATCH_BYTES);
	size_t used;

	if (n <= 0)
		return n;
	used = walk(s, span_of(scratch, (size_t)n));
	if (!buffer_append(&in->buffer, scratch + used, (size_t)n - used))
		session_close(s, CLOSE_MEMORY, NULL);
	if (is_secret)
		explicit_bzero(scratch, (size_t)n);
	return n;
}

static ssize_t
read_more(struct session *s, struct stream *from, struct inlet *in,
	  walk_fn *walk)
{
	uint8_t *room = buffer_reserve(&in->buffer, WORKER_SCRATCH_BYTES);
	ssize_t n;

	if (room == NULL) {
		session_close(s, CLOSE_MEMORY, NULL);
		return STREAM_AGAIN;
	}
	n = stream_read(from, room, WORKER_SCRATCH_BYTES);
	if (n <= 0)
		return n;
	buffer_commit(&in->buffer, (size_t)n);
	walk_buffer(s, in, walk);
	return n;
}

static ssize_t
relay_from(struct session *s, struct stream *from, struct inlet *in,
	   walk_fn *walk)
{
	ssize_t n = in->buffer.len == 0 ? read_fresh(s, from, in, walk)
					: read_more(s, from, in, walk);

	/* A reset is an end, too: nobody is left to say anything. */
	if (n == STREAM_EOF || n == STREAM_ERROR)
		in->is_eof = true;
	return n;
}

void
relay_from_client(struct session *s)
{
	ssize_t n = relay_from(s, &s->client, &s->from_client, walk_client);

	/* He may never read what waits for him. */
	if (n == STREAM_ERROR && stream_tls_error(&s->client) != NULL)
		session_close(s, CLOSE_TLS_FAILED,
			      stream_tls_error(&s->client));
}

void
relay_from_server(struct session *s)
{
	(void)relay_from(s, &s->server, &s->from_server, walk_server);
}

void
relay_resume(struct session *s)
{
	if (s->from_client.buffer.len > 0)
		walk_buffer(s, &s->from_client, walk_client);
}
