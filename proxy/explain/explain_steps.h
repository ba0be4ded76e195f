/*
 * explain_steps.h - which foreign keys drop_in_steps would drop before a
 * statement.
 */
#ifndef LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_STEPS_H
#define LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_STEPS_H

#include "proxy/explain/explain_server.h"

/* True for a statement that steps may be for, whatever the setting says, where
 * it is all of its transaction.  The report has its set and settings. */
bool explain_steps_may_help(const struct explain_report *r,
			    const struct statement *statement);

/* Fill r->keys.  EXPLAIN_REFUSED: r->error is set. */
enum explain_answer explain_steps_ask(struct explain_server *s,
				      struct explain_report *r,
				      const struct statement *statement);

#endif
