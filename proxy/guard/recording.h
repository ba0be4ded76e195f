/*
 * recording.h - what a client has sent since the BEGIN of its transaction, and
 * what it has seen of the answers, as a hash: all that a replay needs.
 *
 * Every transaction begins one where replays are allowed; an ordinary one ends
 * it with its first statement, as that shows rows.  A recording ends at the
 * first message that cannot be repeated, and its memory goes at once.
 */
#ifndef LOCKSTEP_PROXY_GUARD_RECORDING_H
#define LOCKSTEP_PROXY_GUARD_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/guard/settings.h"
#include "policy/sql/statement_repeat.h"
#include "protocol/frame.h"
#include "protocol/pipeline.h"
#include "protocol/span.h"
#include "protocol/types.h"
#include "proxy/base/buffer.h"

/* Why a recording ended, or is not repeated. */
#define RECORDING_WRITES_FIRST "it writes rows before any definition"

enum {
	RECORDING_MAX_BYTES = 1024 * 1024,
	RECORDING_CYCLES_MAX = 4096,
	RECORDING_BEGIN_BYTES = 80, /* no BEGIN is longer */
};

enum recording_state {
	RECORDING_NONE,  /* no transaction is open, or its BEGIN was not seen */
	RECORDING_BEGUN, /* only BEGIN was sent */
	RECORDING_OPEN,
	RECORDING_ENDED, /* the transaction goes on without */
};

/* A Query, or extended messages up to their Sync, and what was answered. */
struct recording_cycle {
	size_t end;    /* in the frames, behind its last one */
	uint64_t hash; /* made of what the client has seen */
	uint64_t sent_ms;
	uint32_t ready_left; /* ReadyForQuery that are still to come */
	uint8_t status;      /* as the last of them told */
	bool is_bare;        /* BEGIN alone: its answers do not count */
};

/* A zeroed one is none. */
struct recording {
	enum recording_state state;
	uint8_t begin_len;
	uint8_t begin[RECORDING_BEGIN_BYTES]; /* the Query that began it */
	const char *why;                      /* why it ended, static */
	struct buffer frames;           /* whole, as the client sent them */
	struct recording_cycle *cycles; /* owned */
	size_t count;
	size_t answered;      /* cycles, the first ones */
	size_t texts;         /* Query and Parse, that of BEGIN among them */
	bool is_amid_cycle;   /* extended messages, no Sync yet */
	bool has_unnamed;     /* a Parse of the unnamed statement is in it */
	bool has_definitions; /* DDL is */
	uint64_t busy_ms;     /* the server's, in sum */
	size_t judged;        /* bytes of the frames, the first ones */
	struct repeat found;  /* owned: what their texts tell */
};

/* True if a text that begins so may be a BEGIN or a START, or begin with a
 * comment. */
static inline bool
recording_may_begin(const uint8_t text[2])
{
	return ((text[0] | 0x20) == 'b' && (text[1] | 0x20) == 'e') ||
	       ((text[0] | 0x20) == 's' && (text[1] | 0x20) == 't') ||
	       text[0] <= '/';
}

/* True if the client's message at the front of in, which h describes, may begin
 * a recording, or belongs to one.  Inlined: every message is asked about. */
static inline bool
recording_wants(const struct recording *r, const struct frame_header *h,
		struct span in)
{
	size_t text = FRAME_HEADER_BYTES + (h->type == FRONTEND_PARSE);

	if (r->state != RECORDING_NONE)
		return r->state != RECORDING_ENDED;
	return (h->type == FRONTEND_QUERY || h->type == FRONTEND_PARSE) &&
	       in.len >= text + 2 && recording_may_begin(in.data + text);
}

static inline bool
recording_is_open(const struct recording *r)
{
	return r->state == RECORDING_OPEN;
}

/*
 * Note a client's message that goes to the server now, and that p knows of: the
 * frame that h describes, at the front of in, which may be there in part.
 * most: what is recorded.
 */
void recording_note_sent(struct recording *r, const struct frame_header *h,
			 struct span in, const struct pipeline *p,
			 enum guard_replay most);

/* The same of a Query whose text is sent in pieces, the first of them now. */
void recording_note_query(struct recording *r, struct span sql,
			  const struct pipeline *p, enum guard_replay most);

/* Note, as a Query of this text that goes out alone, or as a message that does,
 * one that has run already: what was answered comes next. */
void recording_note_run_query(struct recording *r, struct span sql,
			      enum guard_replay most);
void recording_note_run(struct recording *r, const struct frame_header *h,
			struct span in, enum guard_replay most);

/* Note when the message that was noted last was sent, in ms. */
void recording_date(struct recording *r, uint64_t sent_ms);

/* Another piece of that text is sent: one more ReadyForQuery comes. */
void recording_expect_ready(struct recording *r);

/* Note what the server has answered the client; the body has data NULL if it
 * is not there whole. */
void recording_note_answer(struct recording *r, const struct frame *f);

/* End an open recording, for the reason, which is static. */
void recording_end(struct recording *r, const char *why);

/* Free all that is owned, and forget it. */
void recording_clear(struct recording *r);

/* The transaction is over: forget all of it; the next one may begin. */
static inline void
recording_forget(struct recording *r)
{
	if (r->state == RECORDING_OPEN)
		recording_clear(r);
	r->state = RECORDING_NONE;
	r->why = NULL;
}

/* True if it is whole: all that was sent has been answered, and there is more
 * than a BEGIN. */
bool recording_is_whole(const struct recording *r);

/* The frames of a cycle; borrowed until the next one is recorded. */
struct span recording_cycle_frames(const struct recording *r, size_t index);

/* Add an answer to the hash of a cycle, as all answers are added; one that
 * differs from time to time is left out.  fnv_hash(NULL, 0) is that of none. */
void recording_hash(uint64_t *hash, const struct frame *f);

/* True for an answer that belongs to no message: the client gets it whenever it
 * comes, during a replay, too. */
bool recording_is_apart(uint8_t type);

#endif
