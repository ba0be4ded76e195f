#include "proxy/explain/explain_report.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "policy/guard/guard.h"
#include "proxy/config/guard_settings.h"

enum explain_verdict
explain_judge(const struct guard_settings *settings,
	      const struct session_facts *facts, enum guard_scope least,
	      size_t set_count, bool in_block)
{
	switch (guard_judge(settings, facts, least, set_count, in_block)) {
	case GUARD_OUT_OF_SCOPE:
		return least == GUARD_SCOPE_BEHIND &&
			       settings->scope != GUARD_SCOPE_OFF
			   ? EXPLAIN_BEHIND
			   : EXPLAIN_OUT_OF_SCOPE;
	case GUARD_READ_ONLY:
		return EXPLAIN_READ_ONLY;
	case GUARD_UNNEEDED:
		return EXPLAIN_SINGLE;
	case GUARD_UNPLANNED:
		return EXPLAIN_NO_LANGUAGE;
	default:
		return EXPLAIN_GUARDED;
	}
}

bool
explain_shows(const struct lock_item *item)
{
	return item->mode > LOCK_ACCESS_SHARE;
}

const char *
explain_kind(char relkind)
{
	static const struct {
		char relkind;
		const char *name;
	} kinds[] = {
	    {'r', "table"},          {'p', "partitioned table"},
	    {'v', "view"},           {'m', "materialized view"},
	    {'S', "sequence"},       {'f', "foreign table"},
	    {'c', "composite type"}, {'i', "index"},
	    {'I', "index"},
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].relkind == relkind)
			return kinds[i].name;
	return "relation";
}

const char *
explain_note(const struct explain_report *r)
{
	switch (r->verdict) {
	case EXPLAIN_UNPLANNED:
		return "its lock set cannot be planned: it passes unguarded";
	case EXPLAIN_READ_ONLY:
		return "the session is read-only: the server refuses it";
	case EXPLAIN_NO_LANGUAGE:
		return "without the right to use PL/pgSQL it passes unguarded";
	case EXPLAIN_BACKSLASH:
		return "standard_conforming_strings is off and it holds a "
		       "backslash: it passes unguarded";
	case EXPLAIN_BEHIND:
		return "it is only where its transaction keeps the locks of a "
		       "guarded statement";
	case EXPLAIN_GUARDED:
		if (r->is_unknown)
			return "the grammar here does not know it: that is a "
			       "guess by the names in it, and nothing is "
			       "locked ahead";
		if (lock_set_lacks_right(&r->set))
			return lock_set_right;
		break;
	case EXPLAIN_UNKNOWN:
	case EXPLAIN_OUT_OF_SCOPE:
	case EXPLAIN_SINGLE:
	case EXPLAIN_FAILED:
		break;
	}
	return NULL;
}

/* Take one identifier off the front of *from, unquoted, on the heap.  NULL: out
 * of memory. */
static char *
explain_take_identifier(const char **from)
{
	const char *s = *from;
	bool is_quoted = *s == '"';
	char *name = malloc(strlen(s) + 1);
	size_t len = 0;

	if (name == NULL)
		return NULL;
	for (s += is_quoted; *s != '\0'; s++) {
		if (!is_quoted && *s == '.')
			break;
		/* A quote within is doubled; one alone is the end. */
		if (is_quoted && *s == '"' && *++s != '"')
			break;
		name[len++] = *s;
	}
	name[len] = '\0';
	*from = s;
	return name;
}

bool
explain_split_name(char **schema, char **relation, const char *name)
{
	*relation = NULL;
	*schema = explain_take_identifier(&name);
	if (*schema != NULL && *name == '.') {
		name++;
		*relation = explain_take_identifier(&name);
		if (*relation != NULL && *name == '\0')
			return true;
	}
	free(*schema);
	free(*relation);
	*schema = *relation = NULL;
	return false;
}

static void
explain_memory_clear(struct explain_memory *m)
{
	while (m->count > 0) {
		free(m->items[--m->count].relation);
		free(m->items[m->count].application_name);
	}
	free(m->items);
}

void
explain_report_clear(struct explain_report *r)
{
	lock_set_clear(&r->set);
	free(r->holders);
	PQclear(r->holder_rows); /* accepts NULL */
	free(r->users.past_of);
	explain_memory_clear(&r->memory);
	drop_keys_clear(&r->keys);
	free(r->error);
	guard_settings_clear(&r->settings);
	memset(r, 0, sizeof(*r));
}
