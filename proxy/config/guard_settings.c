#include "proxy/config/guard_settings.h"

#include <stdio.h>
#include <string.h>

#include "proxy/config/setting.h"

struct reader {
	const struct overrides *overrides;
	guard_settings_warn *warn;
	void *arg;
};

/* Bytes beyond ASCII: what a cut leaves of a character is an error in every
 * encoding, and nobody here knows the client's. */
static void
guard_settings_make_ascii(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			*text = '?';
}

static void
guard_settings_complain(const struct reader *r, enum guard_setting id,
			const char *what)
{
	char text[sizeof(struct value_error) + 100];

	if (r->warn == NULL)
		return;
	snprintf(text, sizeof(text),
		 "invalid value for parameter \"lockstep.%s\": %s",
		 settings_name(id), what);
	guard_settings_make_ascii(text);
	r->warn(r->arg, text);
}

void
guard_settings_warn_unknown(const char *name, guard_settings_warn *warn,
			    void *arg)
{
	enum guard_setting nearest = 0;
	size_t least = SIZE_MAX;
	char text[200];

	for (size_t i = 0; i < GUARD_SETTING_COUNT; i++) {
		enum guard_setting id = (enum guard_setting)i;
		size_t distance = value_distance(name, settings_name(id));

		if (distance < least) {
			least = distance;
			nearest = id;
		}
	}
	snprintf(text, sizeof(text),
		 "unrecognized configuration parameter \"lockstep.%s\"; the "
		 "nearest known one is \"lockstep.%s\"",
		 name, settings_name(nearest));
	guard_settings_make_ascii(text);
	warn(arg, text);
}

/* Read one of the session's settings; a value that is none is complained of.
 * False: out of memory. */
static bool
guard_settings_read_override(struct settings_part *part, const struct reader *r,
			     enum guard_setting id)
{
	const char *text = overrides_text(r->overrides, id);
	struct value_error error;

	if (*text == '\0')
		return true;
	if (overrides_is_too_long(r->overrides, id)) {
		value_fail(&error, "it is longer than %zu bytes",
			   overrides_bytes_max(id));
	} else if (setting_store_guard(&part->values, id, text, &error)) {
		part->set |= 1u << id;
		return true;
	} else if (error.is_no_memory) {
		return false;
	}
	guard_settings_complain(r, id, error.text);
	return true;
}

static bool
guard_settings_read_overrides(struct settings_part *part,
			      const struct reader *r)
{
	size_t i;

	for (i = 0; i < GUARD_SETTING_COUNT; i++)
		if (!guard_settings_read_override(part, r,
						  (enum guard_setting)i))
			return false;
	return true;
}

/* Drop what the session sets above the operator's value, and complain. */
static void
guard_settings_only_lower(struct settings_part *session,
			  const struct guard_settings *operators,
			  const struct reader *r)
{
	const struct guard_settings *own = &session->values;
	const struct {
		enum guard_setting id;
		bool is_raised;
	} limited[] = {
	    {GUARD_SETTING_GATE_WINDOW,
	     own->gate_window_ms > operators->gate_window_ms},
	    {GUARD_SETTING_GATE_TRANSACTION,
	     own->gate_transaction_ms > operators->gate_transaction_ms},
	    {GUARD_SETTING_REPLAY, own->replay > operators->replay},
	    {GUARD_SETTING_OPTIMISTIC,
	     own->is_optimistic > operators->is_optimistic},
	};
	size_t i;

	for (i = 0; i < sizeof(limited) / sizeof(limited[0]); i++) {
		if (!limited[i].is_raised ||
		    !settings_part_has(session, limited[i].id))
			continue;
		session->set &= ~(1u << limited[i].id);
		guard_settings_complain(r, limited[i].id,
					"a session may only lower it");
	}
}

bool
guard_settings_choose(struct guard_settings *out, const struct config *c,
		      const struct rule_subject *subject,
		      const struct overrides *o, guard_settings_warn *warn,
		      void *arg)
{
	const struct reader r = {o, warn, arg};
	struct settings_part session = {0};
	const struct rule *rule;

	memset(out, 0, sizeof(*out));
	if (!guard_settings_read_overrides(&session, &r)) {
		settings_clear_order(&session.values.order);
		return false;
	}
	*out = c->guard;
	rule = rule_find(c->rules, c->rule_count, subject);
	if (rule != NULL) {
		settings_merge(out, &rule->part);
		out->rule = rule->name;
	}
	guard_settings_only_lower(&session, out, &r);
	settings_merge(out, &session);
	out->owns_order = settings_part_has(&session, GUARD_SETTING_LOCK_ORDER);
	if (out->attempt_timeout_ms > out->hold_timeout_ms)
		out->attempt_timeout_ms = out->hold_timeout_ms;
	return true;
}

void
guard_settings_clear(struct guard_settings *s)
{
	if (s->owns_order)
		settings_clear_order(&s->order);
	memset(s, 0, sizeof(*s));
}
