/*
 * guard.h - the guard as a pure state machine: answers and time in, the next
 * action out.  It knows nothing of sockets, messages or SQL text; whoever
 * drives it carries out each action and reports what came of it.
 *
 *   begin -> PLAN -> planned -> [HOLDERS -> holders ->] ATTEMPT -> attempted
 *                        ^                                            |
 *                        +---- woken <- WAIT <----- not all granted --+
 *
 * and at the end exactly one RUN or REFUSE.
 */
#ifndef LOCKSTEP_POLICY_GUARD_H
#define LOCKSTEP_POLICY_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/holders.h"
#include "policy/lock_set.h"
#include "policy/session_facts.h"
#include "policy/settings.h"

enum guard_action {
	GUARD_PLAN,    /* read session facts and lock set: guard_planned */
	GUARD_HOLDERS, /* ask who holds what conflicts: guard_looked */
	GUARD_ATTEMPT, /* lock guard->set in order: guard_attempted */
	GUARD_WAIT,    /* until guard->wake_ms, then guard_woken */
	GUARD_RUN,     /* let the statement run; guard->outcome says how */
	GUARD_REFUSE,  /* fail the statement; guard->outcome says why */
};

enum guard_outcome {
	GUARD_PENDING,
	GUARD_PROTECTED, /* runs with its locks held */
	GUARD_UNNEEDED,  /* one table or none: no order to invert */
	GUARD_PASSED,    /* policy = pass */
	GUARD_UNPLANNED, /* no plan to be had: runs as if without us */
	GUARD_READ_ONLY, /* the server will refuse it itself */
	GUARD_OVERDUE,   /* budget spent, on_timeout = pass */
	GUARD_TIMED_OUT, /* budget spent: 55P03 */
	GUARD_REJECTED,  /* policy = reject */
	GUARD_CANCELED,  /* by the user: 57014 */
};

/* What the budget was capped by. */
enum guard_limit {
	GUARD_LIMIT_HOLD,           /* hold_timeout */
	GUARD_LIMIT_IN_TRANSACTION, /* in_transaction_timeout */
	GUARD_LIMIT_LOCK,           /* the session's lock_timeout */
	GUARD_LIMIT_STATEMENT,      /* the session's statement_timeout */
};

enum attempt_result {
	ATTEMPT_GRANTED, /* every lock is held */
	ATTEMPT_BUSY,    /* none is held; `index` was the one not granted */
	ATTEMPT_FAILED,  /* none is held; an error: names or rights changed */
};

struct guard {
	const struct guard_settings *settings; /* borrowed, outlives this */
	enum guard_action action;              /* the one under way */
	enum guard_outcome outcome;
	bool in_transaction; /* the client's own block is open */
	struct session_facts facts;
	struct lock_set set;     /* owned; in the order to lock it */
	struct holders holders;  /* of the last look */
	enum holders_of look_at; /* for GUARD_HOLDERS */
	bool attempt_nowait;     /* for GUARD_ATTEMPT */
	uint32_t attempt_bound_ms;
	uint64_t begun_ms;
	uint64_t deadline_ms;
	enum guard_limit limit; /* that set the deadline */
	uint64_t attempt_begun_ms;
	uint64_t wake_ms; /* for GUARD_WAIT */
	uint32_t attempts;
	uint32_t failures; /* attempts that ended in an error */
	uint32_t looks;    /* holders queries answered with somebody */
	bool is_spent;     /* the budget is; one last look for the report */
	uint64_t random;
};

/* Clears itself first if needed; a zeroed guard is valid for guard_clear. */
enum guard_action guard_begin(struct guard *g,
			      const struct guard_settings *settings,
			      bool in_transaction, uint64_t now_ms,
			      uint64_t seed);

/* Takes *set, which is left empty. */
enum guard_action guard_planned(struct guard *g,
				const struct session_facts *facts,
				struct lock_set *set, uint64_t now_ms);
enum guard_action guard_plan_failed(struct guard *g);

/* holders: those that conflict with the set. */
enum guard_action guard_looked(struct guard *g, const struct holders *holders,
			       uint64_t now_ms);

/*
 * granted: *again is the set as planned with all locks held, taken; a set
 * that grew is let go and tried anew.  The caller gives every lock back unless
 * the answer is GUARD_RUN.
 */
enum guard_action guard_attempted(struct guard *g, enum attempt_result result,
				  size_t index, struct lock_set *again,
				  uint64_t now_ms);
enum guard_action guard_woken(struct guard *g, uint64_t now_ms);

/* Any time before GUARD_RUN is carried out. */
enum guard_action guard_cancel(struct guard *g);

const char *guard_outcome_name(enum guard_outcome outcome);
const char *guard_policy_name(enum guard_policy policy);

void guard_clear(struct guard *g);

#endif
