#include "proxy/guard/recording.h"

#include <stdlib.h>
#include <string.h>

#include "policy/sql/fnv.h"
#include "policy/sql/grow.h"
#include "policy/sql/repeat.h"
#include "protocol/backend.h"
#include "protocol/frontend.h"
#include "protocol/writer.h"
#include "proxy/base/clock.h"

enum {
	CYCLES_LEAST = 8,
};

static void
recording_free(struct recording *r)
{
	buffer_clear(&r->frames);
	free(r->cycles);
	repeat_clear(&r->found);
	r->cycles = NULL;
	r->count = 0;
	r->answered = 0;
	r->judged = 0;
}

void
recording_end(struct recording *r, const char *why)
{
	if (r->state == RECORDING_OPEN)
		recording_free(r);
	if (r->state == RECORDING_NONE)
		return;
	r->state = RECORDING_ENDED;
	r->why = why;
}

void
recording_clear(struct recording *r)
{
	recording_free(r);
	memset(r, 0, sizeof(*r));
}

/* The client's messages */

/* Begin a cycle, unless one is under way. */
static bool
recording_open_cycle(struct recording *r)
{
	struct recording_cycle *cycles;
	bool is_begin = r->count == 0;

	if (r->is_amid_cycle)
		return true;
	cycles =
	    r->count < RECORDING_CYCLES_MAX
		? grow_array(r->cycles, r->count, sizeof(*cycles), CYCLES_LEAST)
		: NULL;
	if (cycles == NULL)
		return false;
	r->cycles = cycles;
	r->cycles[r->count++] = (struct recording_cycle){
	    .hash = fnv_hash(NULL, 0),
	    .sent_ms = is_begin ? 0 : clock_now_ms(),
	};
	r->is_amid_cycle = true;
	return true;
}

static void
recording_add(struct recording *r, uint8_t type, const void *data, size_t len)
{
	if (r->frames.len + len > RECORDING_MAX_BYTES ||
	    !recording_open_cycle(r) || !buffer_append(&r->frames, data, len)) {
		recording_end(r, "it is too large");
		return;
	}
	if (type != FRONTEND_QUERY && type != FRONTEND_SYNC)
		return;
	r->is_amid_cycle = false;
	r->cycles[r->count - 1].end = r->frames.len;
	r->cycles[r->count - 1].ready_left = 1;
}

/* Why a text ends the recording; NULL: it does not. */
static const char *
recording_judge_text(struct recording *r, struct span sql,
		     enum guard_replay most)
{
	enum repeat_hint hint = repeat_hint((const char *)sql.data, sql.len);

	r->texts++;
	switch (hint) {
	case REPEAT_NEVER:
	case REPEAT_BEGIN:
		return "a statement cannot be repeated";
	case REPEAT_END:
		return "the transaction ends";
	case REPEAT_DEFINES:
		r->has_definitions = true;
		break;
	case REPEAT_SETS:
	case REPEAT_NOTES:
	case REPEAT_CATALOG:
		break;
	case REPEAT_WRITES:
		if (most == GUARD_REPLAY_DDL && !r->has_definitions)
			return RECORDING_WRITES_FIRST;
		break;
	case REPEAT_SHOWS:
		if (most == GUARD_REPLAY_DDL)
			return "it has shown rows of a table";
		break;
	}
	return NULL;
}

/* A prepared statement outlives a rollback, and one from before is not known.
 */
static const char *
recording_judge_parse(struct recording *r, struct span body,
		      enum guard_replay most)
{
	struct parse_message p;

	if (!parse_decode(&p, body) || p.statement.len > 0)
		return "a statement is prepared by a name";
	r->has_unnamed = true;
	return recording_judge_text(r, p.sql, most);
}

static const char *
recording_judge_bind(const struct recording *r, struct span body)
{
	struct bind_message b;

	return bind_decode(&b, body) && b.statement.len == 0 && r->has_unnamed
		   ? NULL
		   : "a statement was prepared before";
}

static const char *
recording_judge(struct recording *r, uint8_t type, struct span body,
		enum guard_replay most)
{
	switch (type) {
	case FRONTEND_QUERY:
		r->has_unnamed = false;
		return recording_judge_text(r, query_text(body), most);
	case FRONTEND_PARSE:
		return recording_judge_parse(r, body, most);
	case FRONTEND_BIND:
		return recording_judge_bind(r, body);
	case FRONTEND_DESCRIBE:
	case FRONTEND_EXECUTE:
	case FRONTEND_CLOSE:
	case FRONTEND_FLUSH:
	case FRONTEND_SYNC:
		return NULL;
	default:
		return "a message cannot be repeated";
	}
}

/* True if nothing is outstanding but the message, and no cycle was begun before
 * it. */
static bool
is_alone(const struct pipeline *p)
{
	return p->count == 1 && !p->tail_began;
}

/* True for what most transactions begin with, told without much ado. */
static bool
is_plain_begin(struct span sql)
{
	const uint8_t *t = sql.data;
	uint32_t letters;
	uint32_t begi;

	if (sql.len != 5 && (sql.len != 6 || t[5] != ';'))
		return false;
	memcpy(&letters, t, sizeof(letters));
	memcpy(&begi, "begi", sizeof(begi));
	return (letters | 0x20202020) == begi && (t[4] | 0x20) == 'n';
}

/*
 * True for a Query that is no definition, by its first letter: INSERT, UPDATE.
 * Behind BEGIN it shows an ordinary transaction.
 */
static bool
is_ordinary(const struct frame_header *h, struct span in)
{
	uint8_t letter = h->body_len > 0 && in.len > FRAME_HEADER_BYTES
			     ? in.data[FRAME_HEADER_BYTES] | 0x20
			     : 0;

	return h->type == FRONTEND_QUERY && (letter == 'i' || letter == 'u');
}

/* True if the message begins a transaction block. */
static bool
recording_begins(uint8_t type, struct span body)
{
	struct parse_message p = {.sql = query_text(body)};

	if (type == FRONTEND_PARSE &&
	    (!parse_decode(&p, body) || p.statement.len > 0))
		return false;
	return is_plain_begin(p.sql) ||
	       repeat_hint((const char *)p.sql.data, p.sql.len) == REPEAT_BEGIN;
}

/* Nothing has been recorded but a BEGIN. */
static void
recording_reset(struct recording *r, bool has_unnamed)
{
	r->texts = 1;
	r->is_amid_cycle = false;
	r->has_unnamed = has_unnamed;
	r->has_definitions = false;
	r->busy_ms = 0;
}

/*
 * Begin, if the message is a BEGIN.  A Query is merely noted: most transactions
 * show with their next message that they are not recorded.
 */
static void
recording_begin(struct recording *r, const struct frame_header *h,
		struct span in, const struct pipeline *p)
{
	if (!is_alone(p) || p->status != TRANSACTION_IDLE ||
	    !recording_begins(h->type, frame_body(h, in)))
		return;
	if (h->type == FRONTEND_PARSE || frame_len(h) > RECORDING_BEGIN_BYTES) {
		recording_reset(r, h->type == FRONTEND_PARSE);
		r->state = RECORDING_OPEN;
		recording_add(r, h->type, in.data, frame_len(h));
		return;
	}
	r->state = RECORDING_BEGUN;
	r->begin_len = (uint8_t)frame_len(h);
	memcpy(r->begin, in.data, r->begin_len);
}

/* The next message is recorded: so is the BEGIN, which has been answered. */
static void
recording_open(struct recording *r)
{
	r->state = RECORDING_OPEN;
	recording_add(r, FRONTEND_QUERY, r->begin, r->begin_len);
	if (r->state != RECORDING_OPEN)
		return;
	r->cycles[0].is_bare = true;
	r->cycles[0].status = TRANSACTION_BLOCK;
	r->answered = 1;
}

/* Record the message, or end the recording with it.  waited: all that was sent
 * before it had been answered. */
static void
recording_go_on(struct recording *r, const struct frame_header *h,
		struct span in, bool waited, enum guard_replay most)
{
	const char *why = "a message is too large";

	if (r->state == RECORDING_BEGUN)
		recording_reset(r, false);
	if (frame_is_whole(h, in))
		why = recording_judge(r, h->type, frame_body(h, in), most);
	if (why == NULL && r->state == RECORDING_BEGUN && !waited)
		why = "it did not wait for its begin";
	if (why != NULL) {
		recording_end(r, why);
		return;
	}
	if (r->state == RECORDING_BEGUN)
		recording_open(r);
	if (r->state == RECORDING_OPEN)
		recording_add(r, h->type, in.data, frame_len(h));
}

/* As recording_end, in few instructions: nothing is owned yet. */
static void
recording_end_begun(struct recording *r)
{
	r->state = RECORDING_ENDED;
	r->why = RECORDING_WRITES_FIRST;
}

void
recording_note_sent(struct recording *r, const struct frame_header *h,
		    struct span in, const struct pipeline *p,
		    enum guard_replay most)
{
	if (most == GUARD_REPLAY_OFF)
		return;
	if (r->state == RECORDING_BEGUN && most == GUARD_REPLAY_DDL &&
	    is_ordinary(h, in))
		recording_end_begun(r);
	else if (r->state != RECORDING_NONE)
		recording_go_on(r, h, in,
				is_alone(p) && p->status == TRANSACTION_BLOCK,
				most);
	else if (frame_is_whole(h, in))
		recording_begin(r, h, in, p);
}

/* True if what has run is to be recorded behind what was. */
static bool
recording_takes_run(const struct recording *r, enum guard_replay most)
{
	return most != GUARD_REPLAY_OFF && r->state != RECORDING_NONE &&
	       r->state != RECORDING_ENDED;
}

void
recording_note_run(struct recording *r, const struct frame_header *h,
		   struct span in, enum guard_replay most)
{
	if (recording_takes_run(r, most))
		recording_go_on(r, h, in, true, most);
}

/* Make a Query of the text.  False: out of memory, and the recording ends. */
static bool
recording_write_query(struct recording *r, struct writer *w,
		      struct frame_header *h, struct span sql)
{
	query_write(w, (const char *)sql.data, sql.len);
	if (!w->failed && frame_peek(h, span_of(w->data, w->len)) == FRAME_OK)
		return true;
	recording_end(r, "out of memory");
	return false;
}

void
recording_note_query(struct recording *r, struct span sql,
		     const struct pipeline *p, enum guard_replay most)
{
	struct writer w = {0};
	struct frame_header h;

	if (most == GUARD_REPLAY_OFF || r->state == RECORDING_ENDED)
		return;
	if (recording_write_query(r, &w, &h, sql))
		recording_note_sent(r, &h, span_of(w.data, w.len), p, most);
	writer_clear(&w);
}

void
recording_note_run_query(struct recording *r, struct span sql,
			 enum guard_replay most)
{
	struct writer w = {0};
	struct frame_header h;

	if (!recording_takes_run(r, most))
		return;
	if (recording_write_query(r, &w, &h, sql))
		recording_note_run(r, &h, span_of(w.data, w.len), most);
	writer_clear(&w);
}

void
recording_date(struct recording *r, uint64_t sent_ms)
{
	if (r->state == RECORDING_OPEN && r->count > 0)
		r->cycles[r->count - 1].sent_ms = sent_ms;
}

void
recording_expect_ready(struct recording *r)
{
	if (r->state != RECORDING_OPEN || r->answered == 0)
		return;
	r->answered--;
	r->cycles[r->answered].ready_left = 1;
	/* The pieces are waited for apart, and not in the server. */
	r->cycles[r->answered].sent_ms = clock_now_ms();
}

/* The answers */

/* As log_duration and debug levels make them, with times in them. */
static bool
is_chatter(struct span body)
{
	struct error_fields f;

	return error_fields_decode(&f, body) &&
	       (span_equals(f.severity, "LOG") ||
		(f.severity.len >= 5 &&
		 memcmp(f.severity.data, "DEBUG", 5) == 0));
}

void
recording_hash(uint64_t *hash, const struct frame *f)
{
	if (f->type == BACKEND_READY_FOR_QUERY ||
	    (f->type == BACKEND_NOTICE_RESPONSE && is_chatter(f->body)))
		return;
	*hash = fnv_more(*hash, &f->type, sizeof(f->type));
	*hash = fnv_more(*hash, &f->body.len, sizeof(f->body.len));
	*hash = fnv_more(*hash, f->body.data, f->body.len);
}

bool
recording_is_apart(uint8_t type)
{
	return type == BACKEND_NOTIFICATION_RESPONSE ||
	       type == BACKEND_PARAMETER_STATUS;
}

static void
recording_note_ready(struct recording *r, struct recording_cycle *c,
		     uint8_t status)
{
	c->status = status;
	if (c->ready_left == 0 || --c->ready_left > 0)
		return;
	r->answered++;
	if (c->sent_ms > 0)
		r->busy_ms += clock_now_ms() - c->sent_ms;
}

void
recording_note_answer(struct recording *r, const struct frame *f)
{
	struct recording_cycle *c;

	if (r->answered == r->count) {
		recording_end(r, "an answer belongs to no message");
		return;
	}
	c = &r->cycles[r->answered];
	if (f->type == BACKEND_NOTIFICATION_RESPONSE)
		return;
	if (f->body.data == NULL)
		recording_end(r, "an answer is too large");
	else if (f->type == BACKEND_PARAMETER_STATUS)
		recording_end(r, "a parameter was reported");
	else if (f->type == BACKEND_READY_FOR_QUERY)
		recording_note_ready(r, c,
				     f->body.len > 0 ? f->body.data[0] : 0);
	else
		recording_hash(&c->hash, f);
}

/* For a replay */

bool
recording_is_whole(const struct recording *r)
{
	return r->state == RECORDING_OPEN && !r->is_amid_cycle &&
	       r->texts > 1 && r->answered == r->count;
}

struct span
recording_cycle_frames(const struct recording *r, size_t index)
{
	struct span all = buffer_span(&r->frames);
	size_t start = index > 0 ? r->cycles[index - 1].end : 0;

	return span_of(all.data + start, r->cycles[index].end - start);
}
