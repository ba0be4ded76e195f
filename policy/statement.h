/*
 * statement.h - SQL text -> statement facts.
 *
 * Three sieves, each paid only by what the one before lets through: a look at
 * the first keyword behind the start and behind each ';' (all traffic), the
 * split into statements with libpg_query's scanner, and the parse of those
 * statements that can matter.  Only statement*.c see pg_query.h.
 */
#ifndef LOCKSTEP_POLICY_STATEMENT_H
#define LOCKSTEP_POLICY_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/lock_mode.h"

enum guard_scope {
	GUARD_SCOPE_OFF,   /* guard nothing */
	GUARD_SCOPE_DROPS, /* what drops or truncates */
	GUARD_SCOPE_DDL,   /* also what else locks existing tables */
};

/* What a statement does to the transaction block. */
enum statement_control {
	STATEMENT_PLAIN,     /* nothing */
	STATEMENT_BEGIN,     /* BEGIN, START TRANSACTION */
	STATEMENT_END,       /* COMMIT, ROLLBACK, PREPARE TRANSACTION, ... */
	STATEMENT_END_CHAIN, /* COMMIT or ROLLBACK AND CHAIN: a block is open
				after it as before it */
	STATEMENT_SAVEPOINT, /* SAVEPOINT, RELEASE, ROLLBACK TO */
};

/* One thing a statement names that the catalogs must be asked about. */
enum target_kind {
	TARGET_DROP,       /* relation is dropped */
	TARGET_COLUMN,     /* relation loses column `part` */
	TARGET_CONSTRAINT, /* relation loses constraint `part` */
	TARGET_DETACH,     /* partition `part` is detached from relation */
	TARGET_TRUNCATE,   /* relation is truncated */
	TARGET_LOCK,       /* relation is locked in `mode`, and no more */
};

struct target {
	enum target_kind kind;
	/*
	 * As to_regclass() takes it: each part in double quotes, NUL
	 * terminated.  For TARGET_DETACH `part` has the same form; for
	 * TARGET_COLUMN and TARGET_CONSTRAINT it is the bare name.
	 */
	char *relation;
	char *part; /* NULL where the kind has none */
	bool only;
	bool cascade;
	bool restart_identity; /* TRUNCATE */
	enum lock_mode mode;   /* TARGET_LOCK */
};

struct statement {
	size_t start; /* byte offset in the text, leading space included for
			 none: the first byte of its first token */
	size_t end;   /* byte after its last token; the ';' stands behind */
	enum statement_control control;
	enum guard_scope scope; /* least scope that guards it; OFF: none */
	const char *tag;        /* "DROP TABLE", static; NULL if not guarded */
	/*
	 * False where a guarded statement's lock set cannot be planned (its
	 * kind is not covered): it passes, and is counted.
	 */
	bool has_plan;
	struct target *targets; /* owned by the list */
	size_t target_count;
};

struct statement_list {
	struct statement *items;
	size_t count;
	/*
	 * Every statement was parsed and none has a syntax error.  Only asked
	 * for, so only true, when guarded statements and transaction control
	 * stand in one text: to be sent in pieces it must be sound as a whole.
	 */
	bool is_sound;
};

enum statement_status {
	STATEMENT_OK,
	STATEMENT_UNPARSED,  /* a candidate does not parse, or has a NUL */
	STATEMENT_TOO_LARGE, /* above a cap: its parse would not be cheap */
	STATEMENT_NO_MEMORY,
};

enum {
	STATEMENT_PARSE_BYTES_DEFAULT = 16384,
	STATEMENT_PARSE_BYTES_MAX = 65536,
	STATEMENT_CANDIDATES_MAX = 500,
	/* Tokens that may nest in one candidate: an upper bound is counted. */
	STATEMENT_NESTING_MAX = 500,
};

/*
 * The sieve for all traffic: false if no statement in the text can be a
 * guarded one of this scope.  Never allocates; linear in len.  May err on the
 * side of true.
 */
bool statement_is_candidate(const char *sql, size_t len,
			    enum guard_scope scope);

/*
 * Split and judge.  sql[len] must be NUL and sql must hold no other (else
 * STATEMENT_UNPARSED).  parse_bytes caps each statement that is parsed, and
 * STATEMENT_NESTING_MAX how deep it may nest: libpg_query recurses, and its
 * stack is the thread's, 2 MiB at most.
 *
 * libpg_query keeps some memory per thread, which goes with the thread.
 *
 * STATEMENT_OK: *out is filled, statement_list_clear frees it.  Otherwise
 * *out is empty.
 */
enum statement_status statement_list_parse(struct statement_list *out,
					   const char *sql, size_t len,
					   enum guard_scope scope,
					   size_t parse_bytes);

/* Accepts a zeroed list. */
void statement_list_clear(struct statement_list *list);

#endif
