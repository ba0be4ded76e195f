#include "proxy/guard/assumption.h"

#include <stdlib.h>
#include <string.h>

void
assumption_note(struct assumption **a, const struct overrides *overrides,
		const struct glance *glance)
{
	if (!overrides_are_unset(overrides) || glance_is_compiled(glance)) {
		assumption_drop(a);
		return;
	}
	if (*a == NULL)
		*a = calloc(1, sizeof(**a));
	if (*a == NULL)
		return;
	memcpy((*a)->application_name, overrides->application_name,
	       sizeof((*a)->application_name));
	(*a)->glance = *glance;
}

void
assumption_drop(struct assumption **a)
{
	free(*a);
	*a = NULL;
}
