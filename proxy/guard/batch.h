/*
 * batch.h - some statements injected together, and what came of them.
 */
#ifndef LOCKSTEP_PROXY_GUARD_BATCH_H
#define LOCKSTEP_PROXY_GUARD_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/catalog/attempt.h"
#include "policy/catalog/gate_names.h"
#include "policy/catalog/holders.h"
#include "policy/catalog/lock_set.h"
#include "policy/guard/overrides.h"
#include "policy/catalog/session_facts.h"
#include "protocol/frame.h"
#include "protocol/pipeline.h"
#include "proxy/guard/inject.h"

enum batch_purpose {
	BATCH_COMMAND, /* no rows; that it succeeds is all */
	BATCH_FACTS,
	BATCH_OVERRIDES,
	BATCH_PLAN,
	BATCH_HOLDERS,
	BATCH_ATTEMPT,
	BATCH_NAMES,
};

enum {
	BATCH_MAX = 6, /* statements in one */
};

struct batch {
	struct injection injection;
	enum batch_purpose purposes[BATCH_MAX];
	uint32_t statements[BATCH_MAX]; /* their numbers */
	size_t count;
	size_t done;
	const struct lock_set *set; /* borrowed: of the attempt, the look */
	/* What came of it. */
	bool has_facts;
	bool has_overrides;
	bool is_odd; /* a row had not the shape its query gives it */
	bool has_attempt;
	size_t attempt_index;
	struct session_facts facts;
	struct overrides overrides;
	struct lock_set planned; /* owned */
	struct holders holders;
	struct gate_names names; /* owned */
	struct writer error;     /* the first ErrorResponse, raw */
	char sqlstate[6];        /* of it; empty: there was none */
};

/* Forget what was; set may be NULL where nothing needs it. */
void batch_begin(struct batch *b, struct guarded *g,
		 const struct lock_set *set);

/* One statement each; the answers fill the fields above. */
void batch_add_command(struct batch *b, const char *sql);
void batch_add_facts(struct batch *b, bool in_block);
void batch_add_overrides(struct batch *b);
void batch_add_attempt(struct batch *b, const struct attempt *attempt);
void batch_add_coax(struct batch *b, size_t index, uint32_t wait_ms);
void batch_add_names(struct batch *b);
void batch_add_look(struct batch *b, enum holders_of of);
void batch_add_plan(struct batch *b, const struct statement *statements,
		    size_t count);

/*
 * Ask for the answers, with a Sync that ends the cycle or with a Flush,
 * and send.  False: the pair is closing, for want of memory perhaps.
 */
bool batch_send(struct batch *b, bool ends_cycle);

/*
 * A message that answers the proxy, or came meanwhile.  True: it was ours;
 * false: it is the client's.
 */
bool batch_answer(struct batch *b, const struct pipeline_event *event,
		  struct frame frame, struct span raw);

bool batch_has_error(const struct batch *b);

void batch_clear(struct batch *b);

#endif
