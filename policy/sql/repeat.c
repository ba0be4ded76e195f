#include "policy/sql/repeat.h"

#include <string.h>

#include "policy/sql/bookkeeping.h"
#include "policy/sql/statement_text.h"

enum {
	WORDS_MAX = 8, /* with the same first letter */
};

struct hinting_word {
	const char *word; /* NULL: no more */
	enum repeat_hint hint;
};

/* Frequent ones first: the first statement of every transaction comes here. */
static const struct hinting_word words['z' - 'a' + 1][WORDS_MAX] = {
    ['a' - 'a'] = {{"alter", REPEAT_DEFINES},
		   {"analyze", REPEAT_DEFINES},
		   {"analyse", REPEAT_DEFINES},
		   {"abort", REPEAT_END}},
    ['b' - 'a'] = {{"begin", REPEAT_BEGIN}},
    ['c' - 'a'] = {{"commit", REPEAT_END},
		   {"create", REPEAT_DEFINES},
		   {"comment", REPEAT_DEFINES},
		   {"cluster", REPEAT_DEFINES}},
    ['d' - 'a'] = {{"delete", REPEAT_WRITES},
		   {"drop", REPEAT_DEFINES},
		   {"do", REPEAT_DEFINES}},
    ['e' - 'a'] = {{"end", REPEAT_END}},
    ['g' - 'a'] = {{"grant", REPEAT_DEFINES}},
    ['i' - 'a'] = {{"insert", REPEAT_WRITES}},
    ['l' - 'a'] = {{"lock", REPEAT_DEFINES}},
    ['m' - 'a'] = {{"merge", REPEAT_WRITES}},
    ['n' - 'a'] = {{"notify", REPEAT_SETS}},
    ['p' - 'a'] = {{"prepare", REPEAT_END}},
    ['r' - 'a'] = {{"rollback", REPEAT_SETS},
		   {"release", REPEAT_SETS},
		   {"refresh", REPEAT_DEFINES},
		   {"reassign", REPEAT_DEFINES},
		   {"reindex", REPEAT_DEFINES},
		   {"revoke", REPEAT_DEFINES}},
    ['s' - 'a'] = {{"select", REPEAT_SHOWS},
		   {"set", REPEAT_SETS},
		   {"savepoint", REPEAT_SETS},
		   {"start", REPEAT_BEGIN},
		   {"show", REPEAT_CATALOG},
		   {"security", REPEAT_DEFINES}},
    ['t' - 'a'] = {{"truncate", REPEAT_DEFINES}},
    ['u' - 'a'] = {{"update", REPEAT_WRITES}},
    ['v' - 'a'] = {{"values", REPEAT_SHOWS}},
};

static bool
stands_before(struct statement_text text, size_t end, const char *word)
{
	size_t len = strlen(word);

	return end >= len && memcmp(text.sql + end - len, word, len) == 0;
}

/* Catalogs have names like no others: pg_class, information_schema.tables; and
 * current_schema() shows no row of any table. */
static bool
is_catalog_at(struct statement_text text, size_t underscore)
{
	return stands_before(text, underscore, "pg") ||
	       stands_before(text, underscore, "information") ||
	       stands_before(text, underscore, "current");
}

/* From one '_' to the next, as every SELECT of a transaction may be looked at.
 */
static bool
names_any(struct statement_text text,
	  bool (*is_one)(struct statement_text text, size_t underscore))
{
	const char *end = text.sql + text.len;
	const char *at = text.sql;

	while ((at = memchr(at, '_', (size_t)(end - at))) != NULL)
		if (is_one(text, (size_t)(at++ - text.sql)))
			return true;
	return false;
}

enum repeat_hint
repeat_hint(const char *sql, size_t len)
{
	struct statement_text text = {sql, len};
	size_t first = statement_text_skip(text, 0, len);
	char letter = first < len ? statement_text_fold(sql[first]) : '\0';
	const struct hinting_word *w;

	if (letter < 'a' || letter > 'z')
		return REPEAT_NEVER;
	w = words[letter - 'a'];
	while (w->word != NULL && !statement_text_is_word(text, first, w->word))
		w++;
	if (w->word == NULL)
		return REPEAT_NEVER;
	if (w->hint == REPEAT_SHOWS && (names_any(text, is_catalog_at) ||
					names_any(text, bookkeeping_is_at)))
		return REPEAT_CATALOG;
	if (w->hint == REPEAT_WRITES && names_any(text, bookkeeping_is_at))
		return REPEAT_NOTES;
	return w->hint;
}
