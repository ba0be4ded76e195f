/*
 * explain_report.h - what `lockstep explain` knows of one statement.
 */
#ifndef LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_REPORT_H
#define LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/drop_keys.h"
#include "policy/catalog/lock_set.h"
#include "policy/catalog/session_facts.h"
#include "policy/guard/settings.h"
#include "policy/sql/statement.h"

/* libpq's answer, which the holders' texts are borrowed from. */
struct pg_result;

enum explain_verdict {
	EXPLAIN_GUARDED,
	EXPLAIN_UNKNOWN,      /* not of a kind that is ever guarded */
	EXPLAIN_UNPLANNED,    /* the lock set cannot be told */
	EXPLAIN_OUT_OF_SCOPE, /* the setting `guard` leaves it out */
	EXPLAIN_BEHIND,       /* guarded only behind a guarded one */
	EXPLAIN_SINGLE,       /* one table or none, outside of a block */
	EXPLAIN_READ_ONLY,    /* the server itself refuses the statement */
	EXPLAIN_NO_LANGUAGE,  /* without PL/pgSQL there are no attempts */
	EXPLAIN_BACKSLASH,    /* not judged: where its strings end depends */
	EXPLAIN_FAILED,       /* `error` says why */
};

/* A lock that conflicts with one of the set, and its holder. */
struct explain_holder {
	size_t item;  /* index into the set */
	uint32_t pid; /* 0: a prepared transaction */
	enum lock_mode mode;
	const char *user; /* NULL where the server does not tell */
	const char *application_name;
	const char *state;
	bool has_age;
	uint64_t age_ms; /* age of the transaction */
};

/* Sessions that use a relation of the set at this moment. */
struct explain_users {
	uint64_t count;
	uint64_t past;   /* from where no Lockstep is known to be */
	uint64_t untold; /* the role may not see from where */
	char *past_of;   /* owned; their application_names; NULL: no past */
};

/* A relation that a transaction which begins so would take, too. */
struct explain_remembered {
	char *relation; /* owned, as are all texts: schema.relation */
	char *application_name;
	enum lock_mode mode;
	uint64_t age_ms; /* since it was wanted for the last time */
};

/* The memory of the Lockstep between us and the server. */
struct explain_memory {
	bool is_told;                     /* there is one, and it has told */
	struct explain_remembered *items; /* owned */
	size_t count;
};

struct explain_report {
	const char *statement; /* borrowed, not NUL terminated */
	size_t statement_len;
	const char *tag; /* "DROP TABLE", static; NULL if not known */
	bool is_unknown; /* DDL that the grammar does not know */
	enum explain_verdict verdict;
	struct guard_settings settings; /* in force; its names are borrowed */
	struct lock_set set;            /* in the order to lock it */
	struct explain_holder *holders; /* owned; the oldest first */
	size_t holder_count;
	struct pg_result *holder_rows; /* owned */
	bool has_users;
	struct explain_users users;
	struct explain_memory memory;
	struct drop_keys keys; /* can go first, by drop_in_steps */
	char *error;           /* owned; EXPLAIN_FAILED */
};

/* The verdict for a statement whose set has set_count members; all is borrowed
 * for the call. */
enum explain_verdict explain_judge(const struct guard_settings *settings,
				   const struct session_facts *facts,
				   enum guard_scope least, size_t set_count,
				   bool in_block);

/* True if a report lists the lock: ACCESS SHARE, as every query takes it, is
 * left out. */
bool explain_shows(const struct lock_item *item);

/* The kind of relation for a pg_class.relkind, static: "table". */
const char *explain_kind(char relkind);

/* Why the statement passes or fails where that may surprise, static.  NULL:
 * there is nothing to note. */
const char *explain_note(const struct explain_report *r);

/*
 * The two parts of "schema.relation", as the server quotes them, as bare
 * names: allocated, the caller's to free.  False: out of memory, or not that
 * form; both are then NULL.
 */
bool explain_split_name(char **schema, char **relation, const char *name);

/* Free all that the report owns, and zero it; accepts a zeroed one. */
void explain_report_clear(struct explain_report *r);

#endif
