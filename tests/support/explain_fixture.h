/*
 * explain_fixture.h - a report that was made by hand: borrows all it points
 * to, so it is not to be cleared.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_EXPLAIN_FIXTURE_H
#define LOCKSTEP_TESTS_SUPPORT_EXPLAIN_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/explain/explain_report.h"

static char fixture_table[] = "public.t";
static char fixture_view[] = "s.\"n\xc3\xa4\"\"me\n\"";
static char fixture_shared[] = "public.shared";

static struct lock_item fixture_items[] = {
    {.relid = 10,
     .relkind = 'r',
     .name = fixture_table,
     .mode = LOCK_ACCESS_EXCLUSIVE,
     .is_lockable = true},
    {.relid = 20,
     .relkind = 'p',
     .name = fixture_shared,
     .mode = LOCK_ACCESS_SHARE,
     .is_lockable = true},
    {.relid = 30,
     .relkind = 'm',
     .name = fixture_view,
     .mode = LOCK_SHARE_ROW_EXCLUSIVE},
};

static struct explain_holder fixture_holders[] = {
    {.item = 0,
     .pid = 4711,
     .mode = LOCK_ACCESS_SHARE,
     .user = "app",
     .application_name = "sh\"op\n",
     .state = "idle in transaction",
     .has_age = true,
     .age_ms = 12345},
    {.item = 2, .pid = 0, .mode = LOCK_ROW_EXCLUSIVE},
};

/* With so many of the locks and the holders above. */
static inline struct explain_report
fixture_report(const char *statement, size_t locks, size_t holders)
{
	return (struct explain_report){
	    .statement = statement,
	    .statement_len = strlen(statement),
	    .tag = "DROP TABLE",
	    .settings = {.scope = GUARD_SCOPE_DROPS},
	    .set = {fixture_items, locks},
	    .holders = fixture_holders,
	    .holder_count = holders,
	};
}

static char fixture_key[] = "t_a_fkey";
static char fixture_restore[] = "ALTER TABLE ONLY public.t ADD ...";

static struct drop_key fixture_keys[] = {
    {fixture_table, fixture_key, fixture_restore, false},
};

/* One key can go first. */
static inline void
fixture_step(struct explain_report *r, enum guard_steps steps)
{
	r->settings.steps = steps;
	r->keys = (struct drop_keys){fixture_keys, 1};
}

static char fixture_flyway[] = "flyway";
static char fixture_nobody[] = "";

static struct explain_remembered fixture_remembered[] = {
    {fixture_shared, fixture_flyway, LOCK_ACCESS_EXCLUSIVE, 61005},
    {fixture_table, fixture_nobody, LOCK_SHARE, 86400000},
};

/* A Lockstep has told of both. */
static inline void
fixture_remember(struct explain_report *r)
{
	r->memory = (struct explain_memory){true, fixture_remembered,
					    sizeof(fixture_remembered) /
						sizeof(fixture_remembered[0])};
}

#endif
