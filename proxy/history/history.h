/*
 * history.h - why was this statement held?  What became of guarded statements,
 * step by step, and of deadlocks that passed by.
 *
 * Shared by all threads; each function locks it, for as long as a copy takes.
 * Only guarded statements, transactions that waited at the gate, and readers
 * come here.  The last HISTORY_MAX statements are kept and all that are under
 * way, the last HISTORY_DEADLOCKS_MAX deadlocks, each in a struct of one size:
 * no text of anybody's makes it grow.
 *
 * Texts are as they came: whoever shows them escapes them.
 */
#ifndef LOCKSTEP_PROXY_HISTORY_HISTORY_H
#define LOCKSTEP_PROXY_HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/sql/lock_mode.h"

enum {
	HISTORY_MAX = 1000,
	HISTORY_DEADLOCKS_MAX = 200,
	HISTORY_WINDOWS_MAX = 200,
	HISTORY_BYTES_MAX = 9 * 1024 * 1024, /* all of it */
	HISTORY_NAME_BYTES = 64,
	HISTORY_TEXT_BYTES = 208, /* a statement's */
	HISTORY_TABLES_BYTES = 256,
	HISTORY_WHAT_BYTES = 96,
	HISTORY_STEPS_MAX = 20,
	HISTORY_STEPS_FIRST = 8, /* are kept where there are more */
	HISTORY_DELAYED_SHOWN = 5,
	HISTORY_SIDES_MAX = 4,
	HISTORY_LOCKS_SHOWN = 12,
	HISTORY_HOLDERS_SHOWN = 5,
	HISTORY_STATE_BYTES = 32,
};

/* X(constant, name): the steps of a statement, and what is told with each. */
#define HISTORY_STEPS(X)                                                       \
	/* number: tables. */                                                  \
	X(PLANNED, "planned")                                                  \
	/* A lock, by who, pid and what; ms: age of that transaction;          \
	 * number: locks in the way. */                                        \
	X(IN_THE_WAY, "in-the-way")                                            \
	/* Another guarded statement goes first, by who, pid and what. */      \
	X(TURN_DENIED, "turn-denied")                                          \
	/* ms: for so long at most. */                                         \
	X(WINDOW_OPENED, "window-opened")                                      \
	/* number: locks that are left in its way, in the window. */           \
	X(DRAINED, "drained")                                                  \
	/* number: sessions that have waited at it. */                         \
	X(WINDOW_OVER, "window-over")                                          \
	/* number: of the attempt; what: the table that was in use, or why. */ \
	X(ATTEMPT_LOST, "attempt-lost")                                        \
	/* number: of the attempt. */                                          \
	X(LOCKED, "locked")                                                    \
	/* The bound of a trial struck. */                                     \
	X(TRIAL_UNDONE, "trial-undone")                                        \
	/* An autovacuum was asked to leave the table in what. */              \
	X(AUTOVACUUM_ASKED, "autovacuum-asked")                                \
	/* The foreign key in what has gone ahead. */                          \
	X(KEY_DROPPED, "key-dropped")                                          \
	/* The transaction was started over; number: how often. */             \
	X(STARTED_OVER, "started-over")                                        \
	/* The statement was sent, to be undone if it waits for long. */       \
	X(TRIED, "tried")                                                      \
	/* The statement was sent. */                                          \
	X(RAN, "ran")                                                          \
	/* The command tag is in what. */                                      \
	X(DONE, "done")                                                        \
	/* The server's SQLSTATE is in what. */                                \
	X(FAILED, "failed")                                                    \
	/* Our SQLSTATE is in what. */                                         \
	X(REFUSED, "refused")                                                  \
	/* The session ended under the statement. */                           \
	X(SESSION_ENDED, "session-ended")

enum history_step_kind {
#define X(constant, name) HISTORY_##constant,
	HISTORY_STEPS(X)
#undef X
};

/* A step, or several alike that came in turn with others: then all but at_ms is
 * the last one's. */
struct history_step {
	enum history_step_kind kind;
	uint32_t at_ms; /* since the statement began */
	uint32_t last_ms;
	uint32_t times;
	uint32_t pid; /* 0: nobody's */
	uint32_t number;
	uint32_t ms;
	char who[HISTORY_NAME_BYTES]; /* application_name; may be empty */
	char what[HISTORY_WHAT_BYTES];
};

struct history_who {
	uint64_t session; /* one of this Lockstep's; 0: none */
	uint32_t pid;
	char user[HISTORY_NAME_BYTES];
	char database[HISTORY_NAME_BYTES];
	char application_name[HISTORY_NAME_BYTES];
};

/* A transaction that waited at the gate for a statement. */
struct history_delayed {
	struct history_who who;
	uint32_t ms;
};

/* A relation of a lock set. */
struct history_lock {
	enum lock_mode mode;
	int phase; /* as lock_item has it */
	bool is_remembered;
	/* Bits of those shown that it references, or whose part it is. */
	uint32_t before;
	char name[HISTORY_WHAT_BYTES];
};

/* A session that holds a lock in the way, as of one look, or has the turn. */
struct history_holder {
	uint32_t pid;  /* 0: a prepared transaction */
	uint32_t lock; /* in the set; HISTORY_LOCKS_SHOWN: it is not shown */
	enum lock_mode mode; /* LOCK_NONE: it has the turn */
	uint64_t age_ms;     /* the transaction's; 0: not known */
	char who[HISTORY_NAME_BYTES];
	char state[HISTORY_STATE_BYTES];
};

/* A statement, as the guard tells of it. */
struct history_facts {
	const char *policy;  /* static; NULL: there is no plan yet */
	const char *outcome; /* static */
	char rule[HISTORY_NAME_BYTES];
	char tables[HISTORY_TABLES_BYTES]; /* in the order to lock them */
	char why[128];                     /* there is no plan */
	uint32_t attempts;
	uint32_t trials;
	uint32_t windows;
	uint64_t gate_ms; /* the gate was shut for it */
	/* The set in the order to lock it: the first of lock_count. */
	uint32_t lock_count;
	struct history_lock locks[HISTORY_LOCKS_SHOWN];
	/* The first of holder_count locks that the last look has found. */
	uint32_t holder_count;
	struct history_holder holders[HISTORY_HOLDERS_SHOWN];
};

enum history_state {
	HISTORY_HELD,
	HISTORY_RUNNING,
	HISTORY_OVER,
};

/* A guarded statement. */
struct history_entry {
	uint64_t id; /* that of its log line; the later, the larger */
	enum history_state state;
	struct history_who who;
	const char *statement;         /* "DROP TABLE", static */
	char text[HISTORY_TEXT_BYTES]; /* without literals, cut */
	uint64_t begun_ms;             /* by clock_now_ms */
	uint64_t begun_at_ms;          /* since 1970 */
	uint64_t held_ms;              /* until it was sent, or so far */
	uint64_t run_ms;               /* behind that */
	struct history_facts facts;
	char result[HISTORY_NAME_BYTES]; /* command tag or SQLSTATE */
	size_t step_count;
	size_t steps_left_out; /* behind the first HISTORY_STEPS_FIRST */
	struct history_step steps[HISTORY_STEPS_MAX];
	uint32_t delayed_count; /* transactions */
	uint64_t delayed_ms;    /* their waits, in sum */
	struct history_delayed
	    delayed[HISTORY_DELAYED_SHOWN]; /* the longest first */
};

/* A window of the gate. */
struct history_window {
	uint64_t number; /* from 1 on; the later, the larger */
	uint64_t maker;  /* the id of a session */
	bool is_elsewhere;
	bool is_of_transaction; /* for locks that its transaction keeps */
	uint64_t guarded;       /* the id of its statement; 0: not known */
	uint64_t shut_ms;       /* when it began, by clock_now_ms */
	uint64_t until_ms;      /* when it ends by itself */
	uint64_t open_ms;       /* when it was opened; 0: it was not */
	uint64_t shut_at_ms;    /* since 1970 */
	uint32_t delayed;       /* transactions, by now */
	char database[HISTORY_NAME_BYTES];
};

/* One of those who waited for one another. */
struct history_side {
	struct history_who who;
	bool is_victim;   /* the server has ended its transaction */
	uint32_t blocker; /* a pid; 0: not known */
	uint64_t guarded; /* the id of a statement; 0: none */
	char waits_for[HISTORY_WHAT_BYTES]; /* may be empty */
	char text[HISTORY_TEXT_BYTES];      /* empty: not known */
	char tables[HISTORY_TABLES_BYTES];  /* as first named; or empty */
};

/* A deadlock that the server has told a client of ours of. */
struct history_deadlock {
	uint64_t id;    /* no statement has the same */
	uint64_t at_ms; /* since 1970 */
	size_t side_count;
	struct history_side sides[HISTORY_SIDES_MAX]; /* the victim first */
	char detail[512];                             /* the server's, cut */
};

struct history;

/* A statement that is under way, in the history. */
struct history_note;

/* An empty one.  NULL: out of memory. */
struct history *history_new(void);

/* Free it, when no statement is under way.  Accepts NULL. */
void history_free(struct history *h);

/* Writers.  Without a history, or a note, they do nothing. */

/*
 * Begin with a statement: who, statement and text of *first, borrowed for the
 * call, count; the rest is filled in here.  NULL: there is no history, or no
 * memory.
 */
struct history_note *history_begin(struct history *h,
				   const struct history_entry *first);

/* The number of the statement; 0 without a note. */
uint64_t history_id(const struct history_note *n);

/* Note a step now; at_ms, last_ms and times are filled in here. */
void history_add(struct history *h, struct history_note *n,
		 const struct history_step *step);

/* Note what is known of the statement by now. */
void history_tell(struct history *h, struct history_note *n,
		  const struct history_facts *facts);

/* The statement is over; the note is freed.  A result that is too long is cut.
 */
void history_end(struct history *h, struct history_note *n, const char *result);

/* The statement is not worth keeping; the note is freed. */
void history_drop(struct history *h, struct history_note *n);

/* A window is shut: all but number, guarded, open_ms, shut_at_ms and delayed of
 * *w count. */
void history_shut(struct history *h, const struct history_window *w);

/* The window of that maker which was shut at shut_ms is opened. */
void history_open(struct history *h, uint64_t maker, uint64_t shut_ms,
		  bool is_kept);

/*
 * A transaction has waited at the gate, for a window of session `maker` that
 * was shut at shut_ms of clock_now_ms; is_kept: for locks that a transaction
 * keeps.  It counts for the statement that had the window, if there is one.
 */
void history_delay(struct history *h, uint64_t maker, uint64_t shut_ms,
		   bool is_kept, const struct history_delayed *delayed);

/* Keep a deadlock, a copy; id and at_ms are filled in here.  Returns the id; 0
 * without a history. */
uint64_t history_add_deadlock(struct history *h,
			      const struct history_deadlock *deadlock);

/* Tell more of the side of a deadlock that has the pid of *side: who, guarded,
 * text and tables. */
void history_tell_side(struct history *h, uint64_t deadlock,
		       const struct history_side *side);

/* Readers.  Each gets a copy, as of the moment; false: there is none. */

/* The newest statement whose id is below `before`: from UINT64_MAX on, each
 * call with the id of the last copy, they come newest first. */
bool history_next(struct history *h, uint64_t before,
		  struct history_entry *out);
bool history_next_deadlock(struct history *h, uint64_t before,
			   struct history_deadlock *out);

/* The one with this id. */
bool history_find(struct history *h, uint64_t id, struct history_entry *out);
bool history_find_deadlock(struct history *h, uint64_t id,
			   struct history_deadlock *out);

/* The oldest statement with an id above `after` that is under way. */
bool history_next_under_way(struct history *h, uint64_t after,
			    struct history_entry *out);

/* The newest window whose number is below `before`. */
bool history_next_window(struct history *h, uint64_t before,
			 struct history_window *out);

/* How far the history has come. */
struct history_numbers {
	uint64_t under_way; /* statements */
	uint64_t over;      /* statements that were kept, ever */
	uint64_t windows;   /* likewise */
};

/* Zeros without a history. */
struct history_numbers history_count(struct history *h);

/* The statement that the session has under way. */
bool history_find_session(struct history *h, uint64_t session,
			  struct history_entry *out);

/* Names of the tables above, static. */
const char *history_step_name(enum history_step_kind kind);
const char *history_state_name(enum history_state state);

#endif
