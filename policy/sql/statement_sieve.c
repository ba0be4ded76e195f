#include "policy/sql/statement_sieve.h"

/* First words of statements that each scope may guard, `suspect` included. */
static const struct statement_keywords guarded[] = {
    [GUARD_SCOPE_OFF] = {{{NULL}}},
    [GUARD_SCOPE_DROPS] = {{
	['a' - 'a'] = {"alter"},
	['c' - 'a'] = {"cluster"},
	['d' - 'a'] = {"drop", "do"},
	['l' - 'a'] = {"lock"},
	['r' - 'a'] = {"reindex", "repack"},
	['t' - 'a'] = {"truncate"},
    }},
    [GUARD_SCOPE_DDL] = {{
	['a' - 'a'] = {"alter", "analyze", "analyse"},
	['c' - 'a'] = {"create", "comment", "cluster"},
	['d' - 'a'] = {"drop", "do"},
	['l' - 'a'] = {"lock"},
	['r' - 'a'] = {"refresh", "reassign", "reindex", "repack"},
	['t' - 'a'] = {"truncate"},
    }},
};

/* First words that count below the scope of such statements, too, if the
 * grammar does not know what follows: they lock tables against all. */
static const struct statement_keywords suspect = {{
    ['a' - 'a'] = {"alter"},
    ['c' - 'a'] = {"cluster"},
    ['l' - 'a'] = {"lock"},
    ['r' - 'a'] = {"reindex", "repack"},
}};

/* First words of statements that may do something to the block. */
static const struct statement_keywords control = {{
    ['a' - 'a'] = {"abort"},
    ['b' - 'a'] = {"begin"},
    ['c' - 'a'] = {"commit"},
    ['e' - 'a'] = {"end"},
    ['p' - 'a'] = {"prepare"},
    ['r' - 'a'] = {"rollback", "release"},
    ['s' - 'a'] = {"start", "savepoint"},
}};

bool
statement_is_candidate(const char *sql, size_t len, enum guard_scope scope)
{
	struct statement_starts starts;

	if (scope == GUARD_SCOPE_OFF)
		return false;
	/* Nothing stands behind the last of them. */
	while (len > 0 && sql[len - 1] == ';')
		len--;
	starts = statement_starts_of((struct statement_text){sql, len});
	do {
		size_t word;

		if (!statement_starts_word(&starts, &word) ||
		    statement_text_is_listed(starts.text, word,
					     &guarded[scope]))
			return true;
	} while (statement_starts_move(&starts));
	return false;
}

/* Behind CREATE [OR REPLACE]: where the kind of object is named. */
static size_t
created_kind(struct statement_text text)
{
	size_t pos = statement_text_word_end(text, 0);
	int i;

	pos = statement_text_skip(text, pos, text.len);
	if (!statement_text_is_word(text, pos, "or"))
		return pos;
	for (i = 0; i < 2; i++) {
		pos = statement_text_word_end(text, pos);
		pos = statement_text_skip(text, pos, text.len);
	}
	return pos;
}

bool
statement_sieve_creates_routine(struct statement_text text)
{
	size_t pos;

	if (!statement_text_is_word(text, 0, "create"))
		return false;
	pos = created_kind(text);
	return statement_text_is_word(text, pos, "function") ||
	       statement_text_is_word(text, pos, "procedure");
}

/* PREPARE TRANSACTION, and no other PREPARE. */
static bool
is_prepare_transaction(struct statement_text text)
{
	size_t second = statement_text_word_end(text, 0);

	second = statement_text_skip(text, second, text.len);
	return statement_text_is_word(text, second, "transaction");
}

/* True if one of `words` is within the text, which may be a whole DO block. */
static bool
contains_any(struct statement_text text, const char *const *words, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (statement_text_contains(text, words[i]))
			return true;
	return false;
}

#define CONTAINS_ANY(text, words)                                              \
	contains_any(text, words, sizeof(words) / sizeof((words)[0]))

/*
 * Judge by the first words, so that few statements need the parser.  An ALTER
 * of another kind, a DO that has no DDL, or a function's long body, must not
 * count as too large.
 */
enum statement_role
statement_sieve_role(struct statement_text text, enum guard_scope scope)
{
	static const char *const alter_drops[] = {"drop", "detach", "enforced"};
	static const char *const do_drops[] = {"drop", "detach", "enforced",
					       "truncate"};
	static const char *const do_ddl[] = {
	    "alter",   "create",   "refresh", "analy",    "comment",
	    "cluster", "reassign", "reindex", "security", "lock",
	};

	if (statement_text_is_listed(text, 0, &control)) {
		if (statement_text_is_word(text, 0, "prepare") &&
		    !is_prepare_transaction(text))
			return STATEMENT_ROLE_OTHER;
		return STATEMENT_ROLE_CONTROL;
	}
	if (scope == GUARD_SCOPE_DROPS &&
	    statement_text_is_listed(text, 0, &suspect) &&
	    !(statement_text_is_word(text, 0, "alter") &&
	      CONTAINS_ANY(text, alter_drops)))
		return STATEMENT_ROLE_SUSPECT;
	if (statement_text_is_word(text, 0, "do") &&
	    !CONTAINS_ANY(text, do_drops) &&
	    (scope < GUARD_SCOPE_DDL || !CONTAINS_ANY(text, do_ddl)))
		return STATEMENT_ROLE_OTHER;
	if (!statement_text_is_listed(text, 0, &guarded[scope]) ||
	    statement_sieve_creates_routine(text))
		return STATEMENT_ROLE_OTHER;
	return STATEMENT_ROLE_GUARDED;
}
