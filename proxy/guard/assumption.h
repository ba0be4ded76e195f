/*
 * assumption.h - what the last glance of a session has told, to be assumed for
 * its next statement: the server checks it ahead of that, on the same way.
 */
#ifndef LOCKSTEP_PROXY_GUARD_ASSUMPTION_H
#define LOCKSTEP_PROXY_GUARD_ASSUMPTION_H

#include "policy/catalog/glance.h"
#include "policy/guard/overrides.h"

/* None of the session's settings is set. */
struct assumption {
	char application_name[OVERRIDE_BYTES_MAX + 1];
	struct glance glance;
};

/*
 * Assume at *a, owned and NULL for nothing, what a glance has told of the
 * session; nothing where it has settings of its own, where the server would
 * compile the check, and where memory is out.
 */
void assumption_note(struct assumption **a, const struct overrides *overrides,
		     const struct glance *glance);

/* Assume nothing any longer, and free it. */
void assumption_drop(struct assumption **a);

#endif
