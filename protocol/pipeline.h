/*
 * pipeline.h - what is outstanding on one server connection: the messages
 * that were sent and not yet answered, and the transaction status.
 *
 * A pure state machine.  Whoever forwards or injects a message tells
 * pipeline_sent; whoever reads a server's message tells pipeline_received and
 * learns whose answer it is.  Each entry has an owner, so that only answers to
 * what the proxy sent are ever swallowed.
 *
 * Source: PostgreSQL documentation, "Message Flow"; PostgresMain and
 * exec_*_message in src/backend/tcop/postgres.c; CopyGetData in
 * src/backend/commands/copyfromparse.c for what a server in copy mode ignores.
 */
#ifndef LOCKSTEP_PROTOCOL_PIPELINE_H
#define LOCKSTEP_PROTOCOL_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"
#include "protocol/types.h"

enum {
	PIPELINE_INLINE = 24, /* entries held without an allocation */
	/*
	 * More outstanding messages than this pause the sender.  A server owes
	 * at most its output buffer (8 KiB) of answers of five bytes while it
	 * reads on, so a bound above 1,639 cannot stop a pipeline for ever.
	 */
	PIPELINE_MAX = 16384,
};

enum pipeline_owner {
	PIPELINE_CLIENT,
	PIPELINE_PROXY,
};

/* How a server's message relates to the queue. */
enum pipeline_verdict {
	PIPELINE_ANSWER,   /* (part of) an answer to the entry of .owner */
	PIPELINE_ASYNC,    /* NoticeResponse, NotificationResponse or
			      ParameterStatus: tied to no entry; .owner is that
			      of the oldest entry, CLIENT if there is none */
	PIPELINE_FATAL,    /* an error with nothing outstanding: the server is
			      about to close */
	PIPELINE_MISMATCH, /* no entry could have caused it */
};

struct pipeline_event {
	enum pipeline_verdict verdict;
	enum pipeline_owner owner;
	uint8_t entry;  /* frontend_type of the entry answered */
	bool completed; /* this was its last message */
};

struct pipeline {
	uint8_t *ring; /* inline_ring or owned heap; PROXY_BIT | type */
	uint32_t head; /* index of the oldest entry */
	uint32_t count;
	uint32_t cap;
	uint32_t vanished;   /* entries that the copy of the oldest one ate;
				complete when that one is */
	uint32_t copy_syncs; /* Syncs that met a copy: ignored, unless it
				failed before it read them */
	uint64_t sent_seq;   /* entries ever pushed */
	uint64_t done_seq;   /* entries ever completed: the entry pushed as
				number n is complete when done_seq >= n */
	enum transaction_status status; /* as the last ReadyForQuery told */
	bool tail_open;  /* extended messages were sent since the last Sync */
	bool tail_began; /* a Bind or an Execute was among them */
	bool skipping;   /* the server ignores everything until a Sync */
	bool in_copy;    /* copy-in is under way */
	bool failed;     /* out of memory, or PIPELINE_MAX passed by far */
	uint8_t inline_ring[PIPELINE_INLINE];
};

/* Set up *p: nothing is outstanding and no transaction open. */
void pipeline_init(struct pipeline *p);

/* Free what p owns; it is then as after pipeline_init. */
void pipeline_clear(struct pipeline *p);

/*
 * Note that a message was forwarded (owner CLIENT) or injected (PROXY).  Types
 * that are never answered (Flush, Terminate, CopyData, passwords) may be told
 * or not.  A failure is told by p->failed.
 */
void pipeline_sent(struct pipeline *p, uint8_t type, enum pipeline_owner owner);

/*
 * Note that a message of this type came from the server, and tell whose answer
 * it is.  `status` is the body of ReadyForQuery, ignored for other types.
 */
struct pipeline_event pipeline_received(struct pipeline *p, uint8_t type,
					uint8_t status);

/* True if nothing is outstanding: each message has had its last answer. */
static inline bool
pipeline_is_quiet(const struct pipeline *p)
{
	return p->count == 0;
}

/*
 * True if the pipeline is quiet and no extended cycle is open either: p->status
 * is then the whole truth.
 */
static inline bool
pipeline_is_settled(const struct pipeline *p)
{
	return p->count == 0 && !p->tail_open && !p->skipping;
}

/* True if PIPELINE_MAX messages are outstanding: the sender is to pause. */
static inline bool
pipeline_is_full(const struct pipeline *p)
{
	return p->count >= PIPELINE_MAX;
}

#endif
