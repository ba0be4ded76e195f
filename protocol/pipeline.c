/*
 * pipeline.c - the queue of unanswered messages.
 *
 * One byte an entry: the frontend message type, with PROXY_BIT set if the
 * proxy injected it.  The server answers in order, so its message belongs to
 * the oldest entry, or to none.
 *
 *   Query, FunctionCall, Sync   complete with ReadyForQuery
 *   Parse, Bind, Close          complete with their ...Complete
 *   Describe                    completes with RowDescription or NoData
 *   Execute                     completes with CommandComplete,
 *                               EmptyQueryResponse or PortalSuspended
 *   CopyDone, CopyFail          are entries only while it is unknown whether
 *                               the server is in copy mode; never answered
 *
 * An error in an extended message makes the server read and ignore
 * everything up to the next Sync, simple queries included: the entries before
 * that Sync are dropped, or, if it was not sent yet, what is sent until then
 * is not entered (`skipping`).
 *
 * While a server reads copy data it ignores Sync and Flush, and takes any
 * other message for an error of the copy.  What had been sent behind the COPY
 * before its CopyInResponse came is corrected then (enter_copy).  A copy can
 * fail between its CopyInResponse and its first read (a view, a trigger BEFORE
 * STATEMENT); its Syncs are answered then.  Only these answers tell, so up
 * to copy_syncs of them are taken for such until something else is answered.
 */
#include "protocol/pipeline.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	PROXY_BIT = 0x80, /* message types are ASCII */
};

void
pipeline_init(struct pipeline *p)
{
	memset(p, 0, sizeof(*p));
	p->cap = PIPELINE_INLINE;
	p->status = TRANSACTION_IDLE;
}

void
pipeline_clear(struct pipeline *p)
{
	free(p->ring);
	pipeline_init(p);
}

static uint8_t *
entry_at(struct pipeline *p, uint32_t index)
{
	uint8_t *base = p->ring != NULL ? p->ring : p->inline_ring;
	uint32_t at = p->head + index;

	return &base[at >= p->cap ? at - p->cap : at];
}

static bool
ring_grow(struct pipeline *p)
{
	uint32_t cap = p->cap * 4;
	uint8_t *ring;
	uint32_t i;

	/* Callers pause at PIPELINE_MAX; one read's worth may follow. */
	if (cap > PIPELINE_MAX * 8 || (ring = malloc(cap)) == NULL) {
		p->failed = true;
		return false;
	}
	for (i = 0; i < p->count; i++)
		ring[i] = *entry_at(p, i);
	free(p->ring);
	p->ring = ring;
	p->cap = cap;
	p->head = 0;
	return true;
}

static void
ring_push(struct pipeline *p, uint8_t entry)
{
	if (p->count == p->cap && !ring_grow(p))
		return;
	*entry_at(p, p->count) = entry;
	p->count++;
	p->sent_seq++;
}

static void
ring_pop(struct pipeline *p)
{
	assert(p->count > 0);
	p->head = p->head + 1 == p->cap ? 0 : p->head + 1;
	p->count--;
	p->done_seq += 1 + p->vanished;
	p->vanished = 0;
	if (p->count == 0 && p->ring != NULL) {
		free(p->ring);
		p->ring = NULL;
		p->cap = PIPELINE_INLINE;
		p->head = 0;
	}
}

static uint8_t
type_of(uint8_t entry)
{
	return entry & (uint8_t)~PROXY_BIT;
}

static bool
is_copy_end(uint8_t type)
{
	return type == FRONTEND_COPY_DONE || type == FRONTEND_COPY_FAIL;
}

/* ReadyForQuery is the last answer to these, and nothing stays open. */
static bool
ends_cycle(uint8_t type)
{
	return type == FRONTEND_SYNC || type == FRONTEND_QUERY ||
	       type == FRONTEND_FUNCTION_CALL;
}

/* The oldest entry is done; so are copy ends that turn up behind it. */
static void
complete_oldest(struct pipeline *p)
{
	ring_pop(p);
	while (p->count > 0 && is_copy_end(type_of(*entry_at(p, 0))))
		ring_pop(p);
}

static void
sent_copy_end(struct pipeline *p, uint8_t entry)
{
	if (p->in_copy)
		p->in_copy = false;
	else if (p->count > 0 && !p->skipping)
		ring_push(p, entry);
}

static void
sent_sync(struct pipeline *p, uint8_t entry)
{
	if (p->in_copy) {
		p->copy_syncs++;
		return;
	}
	p->tail_open = false;
	p->tail_began = false;
	p->skipping = false;
	ring_push(p, entry);
}

static void
sent_extended(struct pipeline *p, uint8_t entry)
{
	uint8_t type = type_of(entry);

	p->tail_open = true;
	if (type == FRONTEND_BIND || type == FRONTEND_EXECUTE)
		p->tail_began = true;
	if (!p->skipping)
		ring_push(p, entry);
}

static void
sent_simple(struct pipeline *p, uint8_t entry)
{
	if (p->skipping)
		return;
	/* A Query ends the implicit transaction of an extended cycle. */
	p->tail_open = false;
	p->tail_began = false;
	ring_push(p, entry);
}

void
pipeline_sent(struct pipeline *p, uint8_t type, enum pipeline_owner owner)
{
	uint8_t entry = owner == PIPELINE_PROXY ? type | PROXY_BIT : type;

	if (is_copy_end(type)) {
		sent_copy_end(p, entry);
		return;
	}
	switch (type) {
	case FRONTEND_SYNC:
		sent_sync(p, entry);
		return;
	case FRONTEND_PARSE:
	case FRONTEND_BIND:
	case FRONTEND_DESCRIBE:
	case FRONTEND_CLOSE:
	case FRONTEND_EXECUTE:
	case FRONTEND_QUERY:
	case FRONTEND_FUNCTION_CALL:
		break;
	default: /* never answered */
		return;
	}
	if (p->in_copy) {
		/* The server takes it for a broken copy and says so once. */
		p->in_copy = false;
		return;
	}
	if (type == FRONTEND_QUERY || type == FRONTEND_FUNCTION_CALL)
		sent_simple(p, entry);
	else
		sent_extended(p, entry);
}

/*
 * CopyInResponse: the server reads on in copy mode, and what was sent behind
 * the COPY meets that mode: Syncs vanish, a copy end ends it, anything else is
 * swallowed by the error that it causes.
 */
static void
enter_copy(struct pipeline *p)
{
	uint32_t from = 1;
	uint32_t to = 1;
	uint32_t count = p->count;
	bool closed = false; /* something behind the copy ends a cycle */

	p->in_copy = true;
	for (; from < count && p->in_copy; from++) {
		if (type_of(*entry_at(p, from)) == FRONTEND_SYNC)
			p->copy_syncs++;
		else
			p->in_copy = false;
	}
	p->vanished += from - to;
	for (; from < count; from++, to++) {
		uint8_t entry = *entry_at(p, from);

		closed = closed || ends_cycle(type_of(entry));
		*entry_at(p, to) = entry;
	}
	p->count = to;
	if (p->copy_syncs > 0 && !closed) {
		p->tail_open = true;
		p->tail_began = true;
	}
}

/* An error in an extended message: the server skips to the next Sync. */
static void
skip_to_sync(struct pipeline *p)
{
	while (p->count > 0 && type_of(*entry_at(p, 0)) != FRONTEND_SYNC)
		ring_pop(p);
	if (p->count == 0)
		p->skipping = true;
}

static struct pipeline_event
event_of(enum pipeline_verdict verdict, uint8_t entry, bool completed)
{
	return (struct pipeline_event){
	    .verdict = verdict,
	    .owner = entry & PROXY_BIT ? PIPELINE_PROXY : PIPELINE_CLIENT,
	    .entry = type_of(entry),
	    .completed = completed,
	};
}

static struct pipeline_event
received_error(struct pipeline *p, uint8_t head)
{
	p->in_copy = false;
	if (ends_cycle(type_of(head)))
		return event_of(PIPELINE_ANSWER, head, false);
	skip_to_sync(p);
	return event_of(PIPELINE_ANSWER, head, true);
}

/* The answer is that of a Sync which a failed copy had not read after all. */
static struct pipeline_event
received_copy_sync(struct pipeline *p)
{
	p->copy_syncs--;
	p->skipping = false;
	p->tail_open = false;
	p->tail_began = false;
	return event_of(PIPELINE_ANSWER, FRONTEND_SYNC, true);
}

static struct pipeline_event
received_ready(struct pipeline *p, uint8_t head, uint8_t status)
{
	bool is_late = p->count == 0 && p->copy_syncs > 0;

	if (!is_late && !ends_cycle(type_of(head)))
		return event_of(PIPELINE_MISMATCH, head, false);
	if (status != TRANSACTION_IDLE && status != TRANSACTION_BLOCK &&
	    status != TRANSACTION_FAILED)
		return event_of(PIPELINE_MISMATCH, head, false);
	p->in_copy = false;
	p->status = (enum transaction_status)status;
	if (is_late)
		return received_copy_sync(p);
	complete_oldest(p);
	return event_of(PIPELINE_ANSWER, head, true);
}

/* The message is one that only a Query or an Execute can cause. */
static struct pipeline_event
received_result(struct pipeline *p, uint8_t head, bool completes)
{
	uint8_t type = type_of(head);

	if (type == FRONTEND_QUERY || type == FRONTEND_EXECUTE)
		p->copy_syncs = 0;
	if (type == FRONTEND_QUERY)
		return event_of(PIPELINE_ANSWER, head, false);
	if (type != FRONTEND_EXECUTE)
		return event_of(PIPELINE_MISMATCH, head, false);
	if (completes) {
		p->in_copy = false;
		complete_oldest(p);
	}
	return event_of(PIPELINE_ANSWER, head, completes);
}

static struct pipeline_event
received_only(struct pipeline *p, uint8_t head, uint8_t wanted, bool completes)
{
	if (type_of(head) != wanted)
		return event_of(PIPELINE_MISMATCH, head, false);
	p->copy_syncs = 0;
	if (completes)
		complete_oldest(p);
	return event_of(PIPELINE_ANSWER, head, completes);
}

struct pipeline_event
pipeline_received(struct pipeline *p, uint8_t type, uint8_t status)
{
	uint8_t head = p->count > 0 ? *entry_at(p, 0) : 0;
	struct pipeline_event e;

	switch (type) {
	case BACKEND_ERROR_RESPONSE:
		if (p->count == 0)
			return event_of(PIPELINE_FATAL, 0, false);
		return received_error(p, head);
	case BACKEND_READY_FOR_QUERY:
		return received_ready(p, head, status);
	case BACKEND_PARSE_COMPLETE:
		return received_only(p, head, FRONTEND_PARSE, true);
	case BACKEND_BIND_COMPLETE:
		return received_only(p, head, FRONTEND_BIND, true);
	case BACKEND_CLOSE_COMPLETE:
		return received_only(p, head, FRONTEND_CLOSE, true);
	case BACKEND_PARAMETER_DESCRIPTION:
		return received_only(p, head, FRONTEND_DESCRIBE, false);
	case BACKEND_NO_DATA:
		return received_only(p, head, FRONTEND_DESCRIBE, true);
	case BACKEND_FUNCTION_CALL_RESPONSE:
		return received_only(p, head, FRONTEND_FUNCTION_CALL, false);
	case BACKEND_ROW_DESCRIPTION:
		if (type_of(head) == FRONTEND_QUERY)
			return event_of(PIPELINE_ANSWER, head, false);
		return received_only(p, head, FRONTEND_DESCRIBE, true);
	case BACKEND_COMMAND_COMPLETE:
	case BACKEND_EMPTY_QUERY_RESPONSE:
	case BACKEND_PORTAL_SUSPENDED:
		return received_result(p, head, true);
	case BACKEND_COPY_IN_RESPONSE:
		e = received_result(p, head, false);
		if (e.verdict == PIPELINE_ANSWER)
			enter_copy(p);
		return e;
	case BACKEND_DATA_ROW:
	case BACKEND_COPY_BOTH_RESPONSE:
	case BACKEND_COPY_OUT_RESPONSE:
	case BACKEND_COPY_DATA:
	case BACKEND_COPY_DONE:
		return received_result(p, head, false);
	default: /* notices, notifications, and what is not known yet */
		return event_of(PIPELINE_ASYNC, head, false);
	}
}
