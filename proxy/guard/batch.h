/*
 * batch.h - some statements injected together, and what came of them.
 */
#ifndef LOCKSTEP_PROXY_GUARD_BATCH_H
#define LOCKSTEP_PROXY_GUARD_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/catalog/attempt.h"
#include "policy/catalog/clocks.h"
#include "policy/catalog/drop_keys.h"
#include "policy/catalog/gate_names.h"
#include "policy/catalog/glance.h"
#include "policy/catalog/held.h"
#include "policy/catalog/holders.h"
#include "policy/catalog/lock_set.h"
#include "policy/catalog/plain_settings.h"
#include "policy/catalog/repeatable.h"
#include "policy/catalog/session_facts.h"
#include "policy/catalog/small_set.h"
#include "policy/catalog/snapshot.h"
#include "policy/guard/overrides.h"
#include "protocol/frame.h"
#include "protocol/pipeline.h"
#include "proxy/guard/assumption.h"
#include "proxy/guard/inject.h"

struct lookout_watch;

enum batch_purpose {
	BATCH_COMMAND, /* no rows; success is all that counts */
	BATCH_FACTS,
	BATCH_GLANCE,
	BATCH_OVERRIDES,
	BATCH_PLAN,
	BATCH_SMALL,
	BATCH_HOLDERS,
	BATCH_ATTEMPT,
	BATCH_NAMES,
	BATCH_PLAIN,
	BATCH_SETTING, /* rows do not matter */
	BATCH_SNAPSHOT,
	BATCH_REPEATABLE,
	BATCH_KEYS,
	BATCH_ISOLATION,
	BATCH_KEEPS,
	BATCH_CLOCK, /* each is for the one of its place */
};

enum {
	BATCH_MAX = 10, /* statements in one */
};

struct batch {
	struct injection injection;
	enum batch_purpose purposes[BATCH_MAX];
	uint32_t statements[BATCH_MAX]; /* numbers, of inject_statement */
	size_t count;
	size_t done;                 /* statements whose Execute is answered */
	const struct lock_set *set;  /* borrowed: to attempt, or to look at */
	uint32_t plain_statement;    /* prepared for BATCH_PLAIN; 0: none */
	struct lookout_watch *watch; /* borrowed: asks for others; NULL: no */
	bool restores;               /* sets back what BATCH_PLAIN set */
	const char *last;            /* borrowed: the command behind all else */
	/* The results. */
	bool has_own_settings; /* BATCH_PLAIN has set others aside */
	bool keeps_snapshot;   /* as session_isolation_keeps has it */
	bool keeps_nothing;    /* as session_keeps_nothing has it */
	bool has_facts;
	bool has_glance;
	bool is_fatal;     /* the error ends the session */
	bool is_odd;       /* a row had not the shape its query gives it */
	bool is_too_small; /* the set is to be asked for with asks_all */
	bool has_attempt;
	bool has_repeatable;
	size_t attempt_index; /* as attempt_read sets it */
	struct rival rival;   /* has the turn that the attempt missed */
	struct session_facts facts;
	struct glance glance;
	struct repeatable repeatable;
	struct held held; /* owned */
	struct overrides overrides;
	struct snapshot snapshot;
	struct lock_set planned; /* owned */
	struct holders holders;
	struct clocks clocks;
	struct drop_keys keys;   /* owned */
	struct gate_names names; /* owned */
	struct writer error;     /* the first ErrorResponse, raw */
	char sqlstate[6];        /* that of the error; empty: there was none */
};

/*
 * Forget what was, and begin to build a batch for the session of g.  g and set
 * are borrowed until the next begin; set may be NULL where nothing needs it.
 */
void batch_begin(struct batch *b, struct guarded *g,
		 const struct lock_set *set);

/* Forget the set that was planned, and begin to build another batch, whose
 * results come on top of those that are there. */
void batch_begin_more(struct batch *b);

/*
 * Add one statement each; the answers fill the fields above.  All that is
 * pointed to is borrowed for the call.  Out of memory: batch_send says so.
 * Behind batch_add_plain all run under plain settings, until batch_send sets
 * back what was, where the transaction goes on and so it must.
 */
void batch_add_command(struct batch *b, const char *sql);
void batch_end_with(struct batch *b, const char *sql);  /* behind all else */
void batch_add_parse(struct batch *b, const char *sql); /* which is not run */
void batch_add_plain(struct batch *b, bool restores);
void batch_add_facts(struct batch *b, bool in_block);
void batch_add_setting(struct batch *b, const char *sql); /* SELECT or SET */
void batch_add_overrides(struct batch *b);
void batch_add_isolation(struct batch *b);
void batch_add_keeps(struct batch *b);
void batch_add_attempt(struct batch *b, const struct attempt *attempt);
void batch_add_coax(struct batch *b, size_t index, uint32_t wait_ms);
void batch_add_names(struct batch *b);
void batch_add_own_names(struct batch *b); /* by what is locked, whatever set */
void batch_add_snapshot(struct batch *b);
/* watch asks for others, too, who then get the rows; NULL: for the session
 * alone. */
void batch_add_look(struct batch *b, struct lookout_watch *watch);
void batch_add_clocks(struct batch *b, uint32_t server_version);
void batch_add_repeatable(struct batch *b, const struct repeat *repeat,
			  bool only_catalogs);
void batch_add_glance(struct batch *b, const struct statement *statements,
		      size_t count);
/* Likewise, to fail where the names are not plain, or the session is not as it
 * was before (as_before.h). */
void batch_add_glance_names(struct batch *b, const struct statement *statements,
			    size_t count);
void batch_add_as_before(struct batch *b, struct assumption *a,
			 char *lock_timeout);
void batch_add_unset(struct batch *b, struct assumption *a);
void batch_add_keys(struct batch *b, const struct statement *statements,
		    size_t count);

/* Likewise, for the lock set: by the small question where that may do, unless
 * asks_all. */
void batch_add_plan(struct batch *b, const struct statement *statements,
		    size_t count, bool asks_all);

/*
 * Ask for the answers, with a Sync that ends the cycle or with a Flush, and
 * send all of it to the server.  False: the pair is closing, for want of memory
 * perhaps.
 */
bool batch_send(struct batch *b, bool ends_cycle);

/*
 * Take a message that answers the proxy, or came meanwhile: frame, whole, and
 * raw, the same with its header.  True: it was ours; false: the client is to
 * get it.
 */
bool batch_answer(struct batch *b, const struct pipeline_event *event,
		  struct frame frame, struct span raw);

/* True if the server answered a statement of the batch with an error. */
bool batch_has_error(const struct batch *b);

/* Free all that the batch owns; accepts a zeroed one, and leaves one. */
void batch_clear(struct batch *b);

#endif
