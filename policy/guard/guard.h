/*
 * guard.h - the guard as a pure state machine: answers and time in, the next
 * action out.  It knows nothing of sockets, messages or SQL text; whoever
 * drives it carries out each action and reports what came of it.
 *
 *   begin -> PLAN -> planned -> HOLDERS <-> COAX
 *                      |          |   |
 *                      |          |   +--> SHUT --> HOLDERS
 *                      +-> TURN <-+
 *                           |
 *                        ATTEMPT -- all granted --> RUN
 *                           |
 *                        not all: WAIT, and from there HOLDERS or ATTEMPT
 *
 * and at the end exactly one RUN or REFUSE.
 *
 * Beside the actions two facts: has_turn and window.is_shut.  Whoever drives it
 * gives the turn back and opens the gate as soon as they are false again,
 * before carrying out the next action; after RUN, when the locks are gone.
 */
#ifndef LOCKSTEP_POLICY_GUARD_GUARD_H
#define LOCKSTEP_POLICY_GUARD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/guard/holder_age.h"
#include "policy/catalog/holders.h"
#include "policy/catalog/lock_set.h"
#include "policy/catalog/session_facts.h"
#include "policy/guard/settings.h"
#include "policy/guard/window.h"

/* X(constant, text): the tasks of whoever drives the guard. */
#define GUARD_ACTIONS(X)                                                       \
	/* Read session facts and lock set: guard_planned. */                  \
	X(PLAN, "plan")                                                        \
	/* Ask who holds conflicting locks: guard_looked. */                   \
	X(HOLDERS, "holders")                                                  \
	/* Ask for the database's turn: guard_turned. */                       \
	X(TURN, "turn")                                                        \
	/* Shut the gate for the set, for window_ms at most: guard_shut. */    \
	X(SHUT, "shut")                                                        \
	/* Lock the set in order: guard_attempted. */                          \
	X(ATTEMPT, "attempt")                                                  \
	/* Lock one item so that an autovacuum gives way, and let go:          \
	 * guard_coaxed. */                                                    \
	X(COAX, "coax")                                                        \
	/* Until wake_ms, then guard_woken. */                                 \
	X(WAIT, "wait")                                                        \
	/* Let the statement run; the outcome says how. */                     \
	X(RUN, "run")                                                          \
	/* Fail the statement; the outcome says why. */                        \
	X(REFUSE, "refuse")

enum guard_action {
#define X(constant, text) GUARD_##constant,
	GUARD_ACTIONS(X)
#undef X
};

/* X(constant, text): the ends of a guarded statement, and that none is there
 * yet. */
#define GUARD_OUTCOMES(X)                                                      \
	X(PENDING, "pending")                                                  \
	X(PROTECTED, "protected")       /* runs with its locks held */         \
	X(UNNEEDED, "unneeded")         /* too few tables to lock in order */  \
	X(OUT_OF_SCOPE, "out-of-scope") /* the setting `guard` spares it */    \
	X(PASSED, "passed")             /* policy = pass */                    \
	X(UNPLANNED, "unplanned")       /* no plan: runs as if without us */   \
	X(READ_ONLY, "read-only")       /* the server will refuse it itself */ \
	X(OVERDUE, "overdue")           /* budget spent, on_timeout = pass */  \
	X(TIMED_OUT, "timed-out")       /* budget spent: 55P03 */              \
	X(REJECTED, "rejected")         /* policy = reject */                  \
	X(CANCELED, "canceled")         /* by the user: 57014 */

enum guard_outcome {
#define X(constant, text) GUARD_##constant,
	GUARD_OUTCOMES(X)
#undef X
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
	ATTEMPT_NO_TURN, /* none is held; another proxy's statement has it */
	ATTEMPT_FAILED,  /* none is held; an error: names or rights changed */
};

struct guard {
	const struct guard_settings *settings; /* borrowed, outlives this */
	enum guard_action action;              /* the one under way */
	enum guard_action behind_turn;         /* for GUARD_TURN */
	enum guard_outcome outcome;
	bool in_transaction; /* the client's own block is open */
	bool needs_gate;     /* LOCK TABLE cannot cover all of the set */
	bool wants_gate;     /* before the first lock, not only against traffic:
				the client's transaction will keep the locks */
	bool has_near; /* and its next statement may want what else the tables
			  of the set reference */
	bool has_turn;
	bool is_spent;       /* the budget is; one last look for the report */
	bool skips_turn;     /* for GUARD_ATTEMPT: the server's */
	bool attempt_nowait; /* for GUARD_ATTEMPT */
	bool is_pressing;    /* for GUARD_ATTEMPT, in a window: it waits */
	bool has_pressed;    /* in this window */
	bool is_clear; /* the last look, just now, found nobody in the way */
	enum holders_of look_at; /* for GUARD_HOLDERS */
	enum guard_limit limit;  /* that set the deadline */
	struct session_facts facts;
	struct lock_set set;    /* owned; in the order to lock it */
	struct holders holders; /* of the last look */
	struct holder_age age;
	struct window window; /* the gate is shut for */
	uint32_t window_ms;   /* for GUARD_SHUT: for how long */
	uint64_t oldest_ms;   /* of the last look */
	uint32_t attempt_bound_ms;
	size_t coax_index; /* for GUARD_COAX */
	uint32_t coax_bound_ms;
	uint64_t begun_ms;
	uint64_t deadline_ms;
	uint64_t attempt_begun_ms;
	uint64_t wake_ms; /* for GUARD_WAIT */
	uint64_t coaxed_ms;
	uint64_t turn_denied_ms; /* since then, by the server; 0: it was not */
	uint32_t attempts;
	uint32_t failures; /* attempts that ended in an error */
	uint32_t looks;    /* holders queries answered with somebody */
	uint32_t company;  /* other guarded statements under way, for whoever
			      owns this to keep up to date */
	uint64_t random;
};

/* The texts of the tables above, static: for the log, tests and a console. */
const char *guard_action_name(enum guard_action action);
const char *guard_outcome_name(enum guard_outcome outcome);

/*
 * Clears itself first if needed; a zeroed guard is valid for guard_clear.
 * settings: those of the file, in force until guard_planned.
 */
enum guard_action guard_begin(struct guard *g,
			      const struct guard_settings *settings,
			      bool in_transaction, uint64_t now_ms,
			      uint64_t seed);

/*
 * Takes *set, which is left empty.  settings: those for this statement; scope:
 * the least that guards it.
 */
enum guard_action guard_planned(struct guard *g,
				const struct guard_settings *settings,
				enum guard_scope scope,
				const struct session_facts *facts,
				struct lock_set *set, uint64_t now_ms);
enum guard_action guard_plan_failed(struct guard *g);

/* holders: those that conflict with the set. */
enum guard_action guard_looked(struct guard *g, const struct holders *holders,
			       uint64_t now_ms);

/*
 * granted: this statement alone is guarded now, as far as this proxy goes.
 * allowance_ms: how long the gate of this database may be shut now.
 */
enum guard_action guard_turned(struct guard *g, bool granted,
			       uint32_t allowance_ms, uint64_t now_ms);

/* The gate is shut since now_ms, until window.until_ms. */
enum guard_action guard_shut(struct guard *g, uint64_t now_ms);

/*
 * granted: *again is the set as planned with all locks held, taken; a set
 * that grew is let go and tried anew.  The caller gives every lock back unless
 * the answer is GUARD_RUN.
 */
enum guard_action guard_attempted(struct guard *g, enum attempt_result result,
				  size_t index, struct lock_set *again,
				  uint64_t now_ms);
enum guard_action guard_coaxed(struct guard *g, uint64_t now_ms);
enum guard_action guard_woken(struct guard *g, uint64_t now_ms);

/* Any time before GUARD_RUN is carried out. */
enum guard_action guard_cancel(struct guard *g);

/*
 * What is to be done about a statement whose lock set has set_count members:
 * PENDING: it is guarded.
 */
enum guard_outcome guard_judge(const struct guard_settings *settings,
			       const struct session_facts *facts,
			       enum guard_scope scope, size_t set_count,
			       bool in_transaction);

/* The gate is part of what this policy does. */
bool guard_uses_gate(const struct guard_settings *settings);

void guard_clear(struct guard *g);

#endif
