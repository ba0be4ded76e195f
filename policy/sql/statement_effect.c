#include "policy/sql/statement_effect.h"

/* First words of statements that set what only this session can see. */
static const struct statement_keywords settings = {{
    ['r' - 'a'] = {"reset"},
    ['s' - 'a'] = {"set", "show"},
}};

/* First words of statements that take no row's lock, however long they run. */
static const struct statement_keywords definitions = {{
    ['a' - 'a'] = {"alter"},
    ['c' - 'a'] = {"create", "comment"},
    ['d' - 'a'] = {"drop"},
    ['g' - 'a'] = {"grant"},
    ['l' - 'a'] = {"lock"},
    ['r' - 'a'] = {"revoke"},
    ['t' - 'a'] = {"truncate"},
}};

/* True for a clause of ALTER TABLE that gives nothing a name or a dependent. */
static bool
effect_is_harmless(const struct target *t)
{
	return t->kind == TARGET_COLUMN || t->kind == TARGET_CONSTRAINT ||
	       t->kind == TARGET_LOCK || t->kind == TARGET_TREE;
}

/* True if what the statement names goes, and nothing comes. */
static bool
effect_takes_away(const struct statement *s, struct statement_text text)
{
	bool drops = false;
	size_t i;

	if (statement_text_is_word(text, 0, "drop") ||
	    statement_text_is_word(text, 0, "truncate") ||
	    statement_text_is_word(text, 0, "lock"))
		return true;
	for (i = 0; i < s->target_count; i++) {
		if (!effect_is_harmless(&s->targets[i]))
			return false;
		drops |= s->targets[i].kind == TARGET_COLUMN ||
			 s->targets[i].kind == TARGET_CONSTRAINT;
	}
	return drops && !statement_text_contains(text, "inherit");
}

enum statement_effect
statement_effect_of(const struct statement *s, struct statement_text text)
{
	if (s->control == STATEMENT_SAVEPOINT)
		return EFFECT_DEFINITIONS;
	if (statement_text_is_listed(text, 0, &settings))
		return EFFECT_SETTINGS;
	if (s->unparsed != NULL ||
	    !statement_text_is_listed(text, 0, &definitions))
		return EFFECT_ANY;
	return effect_takes_away(s, text) ? EFFECT_LESS : EFFECT_DEFINITIONS;
}
