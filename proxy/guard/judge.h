/*
 * judge.h - what is to be done with the next message of a client, before any
 * byte of it is forwarded.
 */
#ifndef LOCKSTEP_PROXY_GUARD_JUDGE_H
#define LOCKSTEP_PROXY_GUARD_JUDGE_H

#include <stdbool.h>

#include "policy/sql/statement.h"
#include "protocol/frame.h"
#include "protocol/span.h"
#include "proxy/guard/prepared.h"

struct guarded;

enum judgement {
	JUDGE_WAIT, /* more of the frame, or another time */
	JUDGE_PASS,
	JUDGE_NOTE, /* pass it, and note what it changes */
	JUDGE_DROP,
	JUDGE_KEEP,    /* to guarded.kept, and note what it changes */
	JUDGE_RELEASE, /* let the kept frames pass, and judge this anew */
	JUDGE_GUARD_QUERY,
	JUDGE_GUARD_EXECUTE,
};

/* The findings of a judgement, for whoever carries it out. */
struct finding {
	struct span sql;            /* JUDGE_GUARD_QUERY; borrowed */
	struct statement_list list; /* JUDGE_GUARD_QUERY; the caller's */
	/* JUDGE_GUARD_EXECUTE; borrowed, and awake: prepared_facts_rest. */
	struct prepared_facts *facts;
	/* JUDGE_NOTE, and JUDGE_KEEP where a name is set: the caller's. */
	struct prepared_change change;
};

/*
 * Judge the frame that h describes; in starts with it, and need not hold all of
 * it.  *out, zeroed by the caller, is set as far as the judgement says.
 */
enum judgement judge(struct guarded *g, const struct frame_header *h,
		     struct span in, struct finding *out);

/* JUDGE_KEEP, or an Execute behind it: keep a whole frame back, and its change,
 * whose facts are taken.  False: out of memory, and it is not kept. */
bool judge_keep(struct guarded *g, const struct finding *finding,
		const void *frame, size_t len);

/* JUDGE_NOTE: the message was sent; the facts of its change are taken.  Where
 * pipeline.sent_seq is still what it was before, the server ignores it. */
void judge_note(struct guarded *g, const struct finding *finding,
		uint64_t sent_before);

/* True if the judgement begins an exchange. */
bool judge_is_guarded(enum judgement j);

#endif
