/*
 * server_script.h - a text that says how a scripted server answers where it
 * does not just do what it is told.
 *
 * Rules stand apart by ';'.  Each names a statement by how it begins, and the
 * words of its answer; it serves once, in the order of the text:
 *
 *     attempt: 1; look: young; drop: notice error 42P01
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_SERVER_SCRIPT_H
#define LOCKSTEP_TESTS_SUPPORT_SERVER_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/test.h"

enum {
	SCRIPT_ANSWER_MAX = 160,
};

struct server_script {
	const char *text; /* borrowed; NULL: no rules */
	uint64_t used;    /* bits, in the order of the rules */
};

static inline const char *
server_script_skip_spaces(const char *s)
{
	return s + strspn(s, " ");
}

/* Does the rule at s, which ends at end, speak of this statement? */
static inline bool
server_script_matches(const char *s, const char *end, const char *verb,
		      const char **answer)
{
	const char *colon = memchr(s, ':', (size_t)(end - s));

	assert_non_null(colon);
	if (strncmp(verb, s, (size_t)(colon - s)) != 0)
		return false;
	*answer = server_script_skip_spaces(colon + 1);
	return true;
}

/* The words for this statement; none where no rule is left for it. */
static inline void
server_script_take(struct server_script *script, const char *verb,
		   char out[SCRIPT_ANSWER_MAX])
{
	const char *s = script->text != NULL ? script->text : "";
	uint64_t bit = 1;
	const char *end;
	const char *answer;

	out[0] = '\0';
	for (; *s != '\0'; s = *end != '\0' ? end + 1 : end, bit <<= 1) {
		s = server_script_skip_spaces(s);
		end = s + strcspn(s, ";");
		if ((script->used & bit) != 0 || end == s ||
		    !server_script_matches(s, end, verb, &answer))
			continue;
		assert_true((size_t)(end - answer) < SCRIPT_ANSWER_MAX);
		memcpy(out, answer, (size_t)(end - answer));
		out[end - answer] = '\0';
		script->used |= bit;
		return;
	}
}

/* Each rule has served: one that has not is a mistake in the test. */
static inline void
assert_script_is_used(const struct server_script *script)
{
	const char *s = script->text != NULL ? script->text : "";
	uint64_t bit = 1;

	for (; *s != '\0'; bit <<= 1) {
		if ((script->used & bit) == 0)
			fail_msg("not used: %s", s);
		s += strcspn(s, ";");
		s += *s != '\0';
	}
}

/* The next word of an answer, cut off; NULL: there is no more. */
static inline char *
server_script_word(char **rest)
{
	char *word = *rest + strspn(*rest, " ");
	char *end = word + strcspn(word, " ");

	if (*word == '\0')
		return NULL;
	*rest = *end != '\0' ? end + 1 : end;
	*end = '\0';
	return word;
}

#endif
