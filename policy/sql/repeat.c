#include "policy/sql/repeat.h"

#include <string.h>

#include "policy/sql/statement_text.h"

static const struct {
	enum repeat_hint hint;
	struct statement_keywords words;
} hints[] = {
    {REPEAT_BEGIN, {{['b' - 'a'] = {"begin"}, ['s' - 'a'] = {"start"}}}},
    {REPEAT_END,
     {{
	 ['a' - 'a'] = {"abort"},
	 ['c' - 'a'] = {"commit"},
	 ['e' - 'a'] = {"end"},
	 ['p' - 'a'] = {"prepare"},
     }}},
    {REPEAT_DEFINES,
     {{
	 ['a' - 'a'] = {"alter", "analyze", "analyse"},
	 ['c' - 'a'] = {"create", "comment", "cluster"},
	 ['d' - 'a'] = {"drop", "do"},
	 ['g' - 'a'] = {"grant"},
	 ['l' - 'a'] = {"lock"},
	 ['r' - 'a'] = {"refresh", "reassign", "reindex", "revoke"},
	 ['s' - 'a'] = {"security"},
	 ['t' - 'a'] = {"truncate"},
     }}},
    {REPEAT_SETS,
     {{
	 ['n' - 'a'] = {"notify"},
	 ['r' - 'a'] = {"release", "rollback"},
	 ['s' - 'a'] = {"set", "savepoint"},
     }}},
    {REPEAT_WRITES,
     {{
	 ['d' - 'a'] = {"delete"},
	 ['i' - 'a'] = {"insert"},
	 ['m' - 'a'] = {"merge"},
	 ['u' - 'a'] = {"update"},
     }}},
    {REPEAT_CATALOG, {{['s' - 'a'] = {"show"}}}},
    {REPEAT_SHOWS,
     {{
	 ['s' - 'a'] = {"select"},
	 ['v' - 'a'] = {"values"},
	 ['w' - 'a'] = {"with"},
     }}},
};

static bool
stands_before(struct statement_text text, size_t end, const char *word)
{
	size_t len = strlen(word);

	return end >= len && memcmp(text.sql + end - len, word, len) == 0;
}

/*
 * Catalogs have names like no others: pg_class, information_schema.tables; and
 * current_schema() shows no row of any table.  From one '_' to the next, as
 * every SELECT of a transaction may be looked at.
 */
static bool
names_catalog(struct statement_text text)
{
	const char *end = text.sql + text.len;
	const char *at = text.sql;

	while ((at = memchr(at, '_', (size_t)(end - at))) != NULL) {
		size_t before = (size_t)(at++ - text.sql);

		if (stands_before(text, before, "pg") ||
		    stands_before(text, before, "information") ||
		    stands_before(text, before, "current"))
			return true;
	}
	return false;
}

enum repeat_hint
repeat_hint(const char *sql, size_t len)
{
	struct statement_text text = {sql, len};
	size_t first = statement_text_skip(text, 0, len);
	size_t i;

	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (first >= len ||
		    !statement_text_is_listed(text, first, &hints[i].words))
			continue;
		if (hints[i].hint == REPEAT_SHOWS && names_catalog(text))
			return REPEAT_CATALOG;
		return hints[i].hint;
	}
	return REPEAT_NEVER;
}
