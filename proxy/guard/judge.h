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
	JUDGE_DROP,
	JUDGE_KEEP,    /* to guarded.kept */
	JUDGE_RELEASE, /* what was kept passes; this is judged anew */
	JUDGE_GUARD_QUERY,
	JUDGE_GUARD_EXECUTE,
};

/* What a judgement found out beside. */
struct finding {
	struct span sql;
	struct statement_list list;   /* JUDGE_GUARD_QUERY */
	struct prepared_facts *facts; /* JUDGE_GUARD_EXECUTE */
};

/*
 * in starts with the frame that h describes, which need not be whole.  What
 * the message does to the session's prepared statements is noted, and may be
 * noted again when the same frame is judged anew.
 */
enum judgement judge(struct guarded *g, const struct frame_header *h,
		     struct span in, struct finding *out);

bool judge_is_guarded(enum judgement j);

#endif
