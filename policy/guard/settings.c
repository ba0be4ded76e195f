#include "policy/guard/settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
	size_t size;
} settings[] = {
#define X(constant, name, field)                                               \
	{#name, offsetof(struct guard_settings, field),                        \
	 sizeof(((struct guard_settings *)NULL)->field)},
    GUARD_SETTINGS(X)
#undef X
};

static const char *const policy_names[] = {
#define X(constant, text) [GUARD_POLICY_##constant] = (text),
    GUARD_POLICIES(X)
#undef X
};

const char *
guard_policy_name(enum guard_policy policy)
{
	return policy_names[policy];
}

const char *
guard_steps_name(enum guard_steps steps)
{
	static const char *const names[] = {
#define X(constant, text) text,
	    GUARD_STEPS(X)
#undef X
	};

	return names[steps];
}

const char *
settings_name(enum guard_setting setting)
{
	return settings[setting].name;
}

bool
settings_part_has(const struct settings_part *part, enum guard_setting setting)
{
	return (part->set >> setting & 1) != 0;
}

void
settings_merge(struct guard_settings *to, const struct settings_part *part)
{
	size_t i;

	for (i = 0; i < GUARD_SETTING_COUNT; i++) {
		size_t offset = settings[i].offset;

		if (settings_part_has(part, (enum guard_setting)i))
			memcpy((char *)to + offset,
			       (const char *)&part->values + offset,
			       settings[i].size);
	}
}

void
settings_fit_unknown(struct guard_settings *s)
{
	bool is_for_all =
	    s->policy == GUARD_POLICY_PASS || s->policy == GUARD_POLICY_REJECT;

	if (s->unparsed == GUARD_UNPARSED_PASS)
		s->policy = GUARD_POLICY_PASS;
	else if (!is_for_all)
		s->policy = s->unparsed == GUARD_UNPARSED_REJECT
				? GUARD_POLICY_REJECT
				: GUARD_POLICY_HOLD;
	/* Nobody knows of what hangs on its tables. */
	s->guard_single_table = true;
	/* Nothing is locked ahead, be it remembered. */
	s->has_memory = false;
}

void
settings_clear_order(struct lock_order *order)
{
	while (order->name_count > 0)
		free(order->names[--order->name_count]);
	free(order->names);
	order->names = NULL;
}
