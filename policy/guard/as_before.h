/*
 * as_before.h - questions that go with a statement, where a session is taken to
 * be as its last glance has found it: each fails where it is not, and the
 * server does not come to what stands behind it in the same cycle.
 *
 * They read no table, so that the server has next to nothing to plan.  Their
 * error ends no session.
 */
#ifndef LOCKSTEP_POLICY_GUARD_AS_BEFORE_H
#define LOCKSTEP_POLICY_GUARD_AS_BEFORE_H

enum {
	/* As glance_print_before has it, the session's application_name, and
	 * the lock_timeout that is set. */
	AS_BEFORE_PARAMS = 3,
	AS_BEFORE_UNSET_PARAMS = 1, /* the application_name */
};

/*
 * Answered where the rest of the glance holds, none of the guard's settings is
 * set and the application_name is the same; the transaction then has the
 * lock_timeout.  Static.
 */
const char *as_before_query(void);

/* Answered where none of the guard's settings is set, and the application_name
 * is the same.  Static. */
const char *as_before_unset_query(void);

#endif
