/*
 * guard.h - the guard as a pure state machine: answers and time in, the next
 * step out.  It knows nothing of sockets, messages or SQL text; whoever drives
 * it carries out the action of each step and tells what came of it.
 *
 *   begin -> PLAN -> planned -> HOLDERS <-> COAX
 *                      |          |   |
 *                      |          |   +--> SHUT --> HOLDERS
 *                      +-> TURN <-+
 *                           |
 *                        ATTEMPT -- all granted --> RUN, or TRY and then RUN
 *                           |
 *                        not all: WAIT, and from there HOLDERS or ATTEMPT
 *
 * and at the end exactly one RUN or REFUSE.
 *
 * A step also says what the statement keeps from others meanwhile: the turn for
 * its set, and the gate.  The driver gives back the rest before it
 * carries out the action; behind RUN it gives back all, when the locks are
 * gone.  The guard only says what is to be kept: what the session really has
 * is for its driver to know.
 *
 * All times are milliseconds of one clock that never runs back for long.
 */
#ifndef LOCKSTEP_POLICY_GUARD_GUARD_H
#define LOCKSTEP_POLICY_GUARD_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/attempt.h"
#include "policy/catalog/holders.h"
#include "policy/catalog/lock_set.h"
#include "policy/catalog/rival.h"
#include "policy/catalog/session_facts.h"
#include "policy/guard/holder_age.h"
#include "policy/guard/past.h"
#include "policy/guard/settings.h"
#include "policy/guard/window.h"

/* X(constant, text): the tasks of whoever drives the guard. */
#define GUARD_ACTIONS(X)                                                       \
	/* None: the guard has not begun. */                                   \
	X(IDLE, "idle")                                                        \
	/* Ask whether the statement may run ahead of a plan: guard_glanced.   \
	 */                                                                    \
	X(GLANCE, "glance")                                                    \
	/* Read session facts and lock set: guard_planned. */                  \
	X(PLAN, "plan")                                                        \
	/* Ask who holds conflicting locks: guard_looked. */                   \
	X(HOLDERS, "holders")                                                  \
	/* Ask for the turn for the set: guard_turned. */                      \
	X(TURN, "turn")                                                        \
	/* Shut the gate for the set: guard_shut. */                           \
	X(SHUT, "shut")                                                        \
	/* Lock the set in order: guard_attempted. */                          \
	X(ATTEMPT, "attempt")                                                  \
	/* Let the statement itself take the set, no wait for a lock longer    \
	 * than the bound.  If that ends it, undo it and give all back; any    \
	 * other end is its own: guard_tried. */                               \
	X(TRY, "try")                                                          \
	/* Lock one item so that an autovacuum gives way, and let go:          \
	 * guard_coaxed. */                                                    \
	X(COAX, "coax")                                                        \
	/* Do nothing for a while: guard_woken. */                             \
	X(WAIT, "wait")                                                        \
	/* Let the statement run, if it has not in a TRY; the outcome says     \
	 * how. */                                                             \
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
	X(PROTECTED, "protected")     /* runs with its locks held */           \
	X(PARTLY, "partly-protected") /* with those that it may take */        \
	X(UNOPPOSED, "unopposed") /* has run: nobody held what it locked */    \
	X(UNNEEDED, "unneeded")   /* too few tables to lock in order */        \
	X(OUT_OF_SCOPE, "out-of-scope") /* the setting `guard` spares it */    \
	X(PASSED, "passed")             /* policy = pass */                    \
	X(UNPLANNED, "unplanned")       /* no plan: runs as if without us */   \
	X(READ_ONLY, "read-only")       /* the server will refuse it itself */ \
	X(OVERDUE, "overdue")           /* budget spent, on_timeout = pass */  \
	X(RELEASED, "released")         /* sent now, as an operator wants */   \
	X(TIMED_OUT, "timed-out")       /* budget spent: 55P03 */              \
	X(REJECTED, "rejected")         /* policy = reject */                  \
	X(DEADLOCK, "deadlock")         /* with whom waits for us: 40P01 */    \
	X(CANCELED, "canceled")         /* by the user: 57014 */

enum guard_outcome {
#define X(constant, text) GUARD_##constant,
	GUARD_OUTCOMES(X)
#undef X
};

/* The things that a statement keeps from others meanwhile. */
enum guard_keeps {
	GUARD_KEEPS_NOTHING,
	GUARD_KEEPS_TURN,
	GUARD_KEEPS_GATE, /* shut, and the turn */
};

/*
 * X(constant, text, action, keeps, outcome): where the guard can stand, and
 * all that follows from it.  guard_state.c has the transitions.
 */
#define GUARD_STATES(X)                                                        \
	X(IDLE, "idle", IDLE, NOTHING, PENDING)                                \
	X(GLANCE, "glance", GLANCE, NOTHING, PENDING)                          \
	/* Ahead of a plan. */                                                 \
	X(FIRST_TRIAL, "first-trial", TRY, NOTHING, PENDING)                   \
	X(PLAN, "plan", PLAN, NOTHING, PENDING)                                \
	X(LOOK, "look", HOLDERS, NOTHING, PENDING)                             \
	/* The budget is spent: a look for the report only. */                 \
	X(LAST_LOOK, "last-look", HOLDERS, NOTHING, PENDING)                   \
	/* The turn for an attempt. */                                         \
	X(TURN, "turn", TURN, NOTHING, PENDING)                                \
	/* The turn to shut the gate. */                                       \
	X(SHUT_TURN, "turn-to-shut", TURN, NOTHING, PENDING)                   \
	X(SHUT, "shut", SHUT, TURN, PENDING)                                   \
	X(ATTEMPT, "attempt", ATTEMPT, TURN, PENDING)                          \
	X(TRIAL, "trial", TRY, TURN, PENDING)                                  \
	X(COAX, "coax", COAX, NOTHING, PENDING)                                \
	X(WAIT, "wait", WAIT, NOTHING, PENDING)                                \
	X(WINDOW_LOOK, "look-in-window", HOLDERS, GATE, PENDING)               \
	X(WINDOW_ATTEMPT, "attempt-in-window", ATTEMPT, GATE, PENDING)         \
	X(WINDOW_TRIAL, "trial-in-window", TRY, GATE, PENDING)                 \
	X(WINDOW_WAIT, "wait-in-window", WAIT, GATE, PENDING)                  \
	X(RUN_PROTECTED, "run-protected", RUN, TURN, PROTECTED)                \
	X(RUN_IN_WINDOW, "run-in-window", RUN, GATE, PROTECTED)                \
	X(RUN_PARTLY, "run-partly", RUN, TURN, PARTLY)                         \
	X(RUN_PARTLY_IN_WINDOW, "run-partly-in-window", RUN, GATE, PARTLY)     \
	X(RUN_UNOPPOSED, "run-unopposed", RUN, NOTHING, UNOPPOSED)             \
	X(RUN_UNNEEDED, "run-unneeded", RUN, NOTHING, UNNEEDED)                \
	X(RUN_UNSCOPED, "run-unscoped", RUN, NOTHING, OUT_OF_SCOPE)            \
	X(RUN_PASSED, "run-passed", RUN, NOTHING, PASSED)                      \
	X(RUN_UNPLANNED, "run-unplanned", RUN, NOTHING, UNPLANNED)             \
	X(RUN_READ_ONLY, "run-read-only", RUN, NOTHING, READ_ONLY)             \
	X(RUN_OVERDUE, "run-overdue", RUN, NOTHING, OVERDUE)                   \
	X(RUN_RELEASED, "run-released", RUN, NOTHING, RELEASED)                \
	X(REFUSE_TIMED_OUT, "refuse-timed-out", REFUSE, NOTHING, TIMED_OUT)    \
	X(REFUSE_REJECTED, "refuse-rejected", REFUSE, NOTHING, REJECTED)       \
	X(REFUSE_DEADLOCK, "refuse-deadlock", REFUSE, NOTHING, DEADLOCK)       \
	X(REFUSE_CANCELED, "refuse-canceled", REFUSE, NOTHING, CANCELED)

enum guard_state {
#define X(constant, text, action, keeps, outcome) GUARD_AT_##constant,
	GUARD_STATES(X)
#undef X
};

enum {
	GUARD_STATE_COUNT = GUARD_AT_REFUSE_CANCELED + 1,
};

/* The texts of the tables above, static: for the log, tests and a console. */
const char *guard_action_name(enum guard_action action);
const char *guard_outcome_name(enum guard_outcome outcome);
const char *guard_state_name(enum guard_state state);

/* The columns of GUARD_STATES: what follows from a state. */
enum guard_action guard_state_action(enum guard_state state);
enum guard_keeps guard_state_keeps(enum guard_state state);
enum guard_outcome guard_state_outcome(enum guard_state state);

/* True if the statement runs with locks held that an attempt took. */
bool guard_outcome_holds(enum guard_outcome outcome);

/* True if the statement has the locks of its set: an attempt took them, or its
 * own run did. */
bool guard_outcome_locks(enum guard_outcome outcome);

/* True if the guard may go from the one to the other in a single step. */
bool guard_state_allows(enum guard_state from, enum guard_state to);

enum {
	/* For each lock of a run ahead of a plan: long enough for who is about
	 * to commit, and no stall for anybody. */
	GUARD_FIRST_BOUND_MS = 1,
};

/* The use of a glance. */
enum guard_sight {
	GUARD_SEES_NOTHING, /* a plan is needed */
	GUARD_SEES_CLEAR,   /* the statement may be tried ahead of a plan */
	GUARD_SEES_SPARED,  /* the setting `guard` spares it */
};

/* The limit that set the deadline. */
enum guard_limit {
	GUARD_LIMIT_HOLD,           /* hold_timeout */
	GUARD_LIMIT_IN_TRANSACTION, /* in_transaction_timeout */
	GUARD_LIMIT_LOCK,           /* the session's lock_timeout */
	GUARD_LIMIT_STATEMENT,      /* the session's statement_timeout */
};

enum attempt_result {
	ATTEMPT_GRANTED, /* every lock is held */
	ATTEMPT_BUSY,    /* none is held; `index` was the one not granted */
	ATTEMPT_NO_TURN, /* none is held; the server's turn is a rival's */
	ATTEMPT_FAILED,  /* none is held; an error: names or rights changed */
};

/* The next thing to do, with its parameters; those of other actions are 0. */
struct guard_step {
	enum guard_state state;
	enum guard_action action;
	enum guard_keeps keeps;
	enum guard_outcome outcome; /* RUN, REFUSE; pending otherwise */
	uint64_t gate_until_ms;     /* where the gate is kept: no longer */
	uint32_t window_ms;         /* SHUT: for so long at most */
	enum attempt_manner manner; /* ATTEMPT */
	bool is_impatient;          /* TURN: others' turns do not count */
	bool takes_turn;            /* ATTEMPT: the server's turn first */
	bool minds_near;            /* ATTEMPT: nobody may hold what is near */
	uint32_t attempt_bound_ms;  /* ATTEMPT: from first lock to last */
	bool locks_nothing;         /* ATTEMPT: TRY does; take the turn only */
	uint32_t try_bound_ms;      /* TRY: for each lock; never 0 */
	size_t coax_index;          /* COAX: this item of the set */
	uint32_t coax_bound_ms;     /* COAX */
	uint64_t wake_ms;           /* WAIT: until then */
};

/* The ways to get a statement its locks, where the first attempts did not. */
enum guard_help {
	GUARD_HELP_NONE,            /* none was needed */
	GUARD_HELP_WINDOW,          /* the gate was shut */
	GUARD_HELP_PRESS,           /* an attempt that waited */
	GUARD_HELP_PRESS_IN_WINDOW, /* both together */
};

/* The way that helped last with the same set of tables, to be tried first. */
struct guard_habit {
	enum guard_help help;
	uint64_t first; /* hash of the name of the table that went first */
};

/* The story so far, for people: a log line, a report, a console. */
struct guard_account {
	enum guard_state state;
	enum guard_outcome outcome;
	enum guard_limit limit;
	/* Borrowed from the guard, until it is told anything. */
	const struct guard_settings *settings;
	const struct session_facts *facts; /* as of the last plan */
	const struct lock_set *set;        /* in the order to lock it */
	const struct holders *holders;     /* as the last look found them */
	const struct rival *rival;         /* that had the turn; NULL: none */
	bool awaits_turn;                  /* that one has it still */
	uint64_t rival_ms;    /* so long by the last question; 0: not known */
	uint64_t turn_ms;     /* waits for the turn, in sum */
	uint64_t held_ms;     /* since guard_begin */
	uint64_t deadline_ms; /* 0: not planned yet */
	uint32_t attempts;
	uint32_t trials;  /* runs of the statement that may have been undone */
	uint32_t waits;   /* for somebody to finish */
	bool had_window;  /* the gate was shut for the statement */
	uint32_t windows; /* number of times, the one under way included */
	uint64_t gate_ms; /* sum of these times */
	const struct past *past; /* transactions that the gate did not stop */
	size_t remembered; /* tables that guard_remember has added, or raised */
	bool is_unknown;   /* guard_expect_unknown was called */
};

/*
 * Private to guard*.c: everybody else reads steps and accounts.  A zeroed one
 * is idle.
 */
struct guard {
	enum guard_state state;                /* guard_enter writes it */
	const struct guard_settings *settings; /* borrowed, outlives this */
	bool in_transaction; /* the client's own block is open */
	bool counts_near;    /* as guard_counts_near */
	bool in_company;     /* guard_expect_more was called */
	bool may_try;        /* guard_allow_trials was called */
	bool is_unknown;     /* guard_expect_unknown was called */
	bool is_impatient;   /* the turn was waited for, and is waived */
	bool has_pressed;    /* in this window */
	bool presses; /* as traffic comes past the gate, or did last time */
	bool window_is_first; /* before another attempt that waits */
	bool is_pressing;     /* so is the attempt under way, or to come */
	bool is_clear; /* the last look, just now, found nobody in the way */
	bool has_waited;
	enum attempt_manner manner; /* the last one */
	enum guard_limit limit;
	struct session_facts facts;
	struct lock_set set; /* owned; in the order to lock it */
	struct holders holders;
	struct holder_age age;
	struct window window;
	struct past past;
	uint32_t presses_since_window;
	uint32_t presses_ended;
	uint64_t press_next_ms; /* not before that */
	uint64_t look_ms;       /* the look in a window was asked for then */
	uint32_t window_ms;     /* length of the window to come, or under way */
	uint64_t oldest_ms; /* age of the oldest transaction at the last look */
	uint32_t attempt_bound_ms;
	size_t coax_index;
	uint64_t begun_ms;
	uint64_t deadline_ms;
	uint64_t attempt_begun_ms;
	uint64_t wake_ms;
	uint64_t coaxed_ms;   /* when an autovacuum was coaxed; 0: never */
	uint64_t stalled_ms;  /* others wait for us, since then; 0: nobody */
	uint64_t cycle;       /* as the last look found it */
	uint64_t gave_way_ms; /* to another one of it, since then; 0: not */
	struct rival rival;
	uint64_t turn_denied_ms; /* since then; 0: it is not */
	uint64_t turn_until_ms;  /* patience with that ends */
	uint64_t turn_ms;        /* earlier waits for it, in sum */
	uint32_t attempts;
	uint32_t trials;
	uint32_t failures; /* attempts that ended in an error */
	uint32_t waits;
	uint32_t company;  /* others that look, as of the last look */
	size_t remembered; /* relations of the set that are, or their modes */
	uint64_t random;
};

/*
 * Begin with a statement.  The guard clears itself first; a zeroed one may
 * begin, too.  settings: those of the file, borrowed, in force until
 * guard_planned.  in_transaction: the client's own block is open.  seed: any
 * number, so that two proxies do not keep step.
 */
struct guard_step guard_begin(struct guard *g,
			      const struct guard_settings *settings,
			      bool in_transaction, uint64_t now_ms,
			      uint64_t seed);

/* Likewise, with a glance ahead of the plan. */
struct guard_step guard_begin_to_glance(struct guard *g,
					const struct guard_settings *settings,
					bool in_transaction, uint64_t now_ms,
					uint64_t seed);

/* GLANCE is done.  settings: those for this statement, borrowed until
 * guard_planned. */
struct guard_step guard_glanced(struct guard *g,
				const struct guard_settings *settings,
				enum guard_sight sight);

/* Note, before guard_planned, that the statement's transaction holds other
 * locks or will: a set of one table is guarded too. */
void guard_expect_more(struct guard *g);

/*
 * Note, before guard_planned, that the set is a guess, of a statement that
 * nobody here knows: none of it is locked ahead, and whatever limit is reached
 * the statement runs.
 */
void guard_expect_unknown(struct guard *g);

/* Note, before guard_planned, that the statement can be run and undone: TRY may
 * be asked for. */
void guard_allow_trials(struct guard *g);

/* Note, before guard_tried, that it cannot any more. */
void guard_forbid_trials(struct guard *g);

/* The step under way, once more; nothing is entered. */
struct guard_step guard_step(const struct guard *g);

/*
 * PLAN is done.  settings: those for this statement, borrowed until
 * guard_clear.  scope: the least that guards the statement.  facts: copied.
 * *set is taken and left empty.
 */
struct guard_step guard_planned(struct guard *g,
				const struct guard_settings *settings,
				enum guard_scope scope,
				const struct session_facts *facts,
				struct lock_set *set, uint64_t now_ms);

/*
 * Between guard_planned, whose step is pending, and the action of that: what
 * the statement's transaction went on to lock when it last began so.  The guard
 * takes it along for a part of the budget, then no longer.  *more is taken and
 * left empty.
 */
struct guard_step guard_remember(struct guard *g, struct lock_set *more);

/*
 * Between guard_planned, whose step is pending, and the action of that: what
 * helped last with the set is tried first.  One of no help has no effect.
 */
struct guard_step guard_follow(struct guard *g,
			       const struct guard_habit *habit);

/* Tell what got the statement its locks: behind RUN, of an outcome that holds
 * them. */
struct guard_habit guard_habit(const struct guard *g);

/* A hash of the set's names and modes, in any order: sets that are the same to
 * guard_follow.  It is that of a new table of an old name, too. */
uint64_t guard_set_hash(const struct guard *g);

/*
 * The plan, or any other question to the server, ended in an error.  The
 * statement runs as if without us; if it is to be refused, that stays.
 */
struct guard_step guard_plan_failed(struct guard *g);

/*
 * HOLDERS is done.  holders: those that conflict with the set, and who waits
 * for the client's transaction, copied.
 * company: other guarded statements that look for themselves.
 */
struct guard_step guard_looked(struct guard *g, const struct holders *holders,
			       uint32_t company, uint64_t now_ms);

/* The driver has looked on its own, for a notice: *holders is copied, for the
 * account. */
void guard_noticed(struct guard *g, const struct holders *holders);

/*
 * TURN is done.  rival: who has the turn, copied.  NULL: no statement that this
 * one could meet has it, as far as this proxy goes, or the step was impatient.
 * allowance_ms: the time that the gate of this database may be shut now.
 */
struct guard_step guard_turned(struct guard *g, const struct rival *rival,
			       uint32_t allowance_ms, uint64_t now_ms);

/* SHUT is done, or will be as soon as this returns: until gate_until_ms of the
 * step, if that keeps the gate. */
struct guard_step guard_shut(struct guard *g, uint64_t now_ms);

/*
 * ATTEMPT is done.  BUSY: index is that of the item.  NO_TURN: guard_met says
 * whose it is.  GRANTED: *again is the
 * set as planned with all locks held, empty where that was not done; taken.  A
 * set that grew is let go and tried anew.  The caller gives every lock back
 * unless the step is a RUN whose outcome holds them.
 */
struct guard_step guard_attempted(struct guard *g, enum attempt_result result,
				  size_t index, struct lock_set *again,
				  uint64_t now_ms);

/* Before guard_attempted: who has the server's turn, copied. */
void guard_met(struct guard *g, const struct rival *rival);

/*
 * TRY is done.  is_over: the statement has come to an end of its own, and the
 * step is a RUN that has been carried out.  Else the bound has ended it, and
 * the caller undoes it and gives every lock back.
 */
struct guard_step guard_tried(struct guard *g, bool is_over, uint64_t now_ms);

/* COAX is done, whatever came of it. */
struct guard_step guard_coaxed(struct guard *g, uint64_t now_ms);

/* True in a WAIT behind which guard_woken looks, unless time is over. */
bool guard_awaits_look(const struct guard *g);

/* WAIT is done: its wake_ms has come, or there is news. */
struct guard_step guard_woken(struct guard *g, uint64_t now_ms);

/* The user cancels the statement: any time between guard_begin and the moment
 * when RUN is carried out. */
struct guard_step guard_cancel(struct guard *g);

/* An operator lets the statement go, unprotected: only during WAIT. */
struct guard_step guard_release(struct guard *g, uint64_t now_ms);

/* The set in the order to lock it: borrowed, until guard_attempted,
 * guard_planned or guard_clear.  Empty before a plan. */
const struct lock_set *guard_set(const struct guard *g);

/* The facts of the last plan: borrowed, as the set is; zero before a plan. */
const struct session_facts *guard_facts(const struct guard *g);

/* True if the client's transaction will keep the locks, and the gate is to stay
 * shut for them, for gate_transaction_ms of the settings. */
bool guard_gate_lasts(const struct guard *g);

/* True if the transaction's next statement may want tables that those of the
 * set reference, too: what holds these counts as near. */
bool guard_counts_near(const struct guard *g);

/*
 * The story so far; pointers in it are good until the guard is told anything.
 */
struct guard_account guard_account(const struct guard *g, uint64_t now_ms);

/*
 * Judge a statement whose lock set has set_count members.  PENDING: it is
 * guarded; else the outcome that it has at once.
 */
enum guard_outcome guard_judge(const struct guard_settings *settings,
			       const struct session_facts *facts,
			       enum guard_scope scope, size_t set_count,
			       bool in_transaction);

/* True if the policy shuts the gate where that helps. */
bool guard_uses_gate(const struct guard_settings *settings);

/* Free what the guard owns and make it idle; accepts a zeroed one. */
void guard_clear(struct guard *g);

#endif
