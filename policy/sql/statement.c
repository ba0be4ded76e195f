/*
 * statement.c - the third sieve, and what all of them leave put together.
 */
#include "policy/sql/statement.h"

#include <stdlib.h>
#include <string.h>

#include <pg_query.h>

#include "policy/sql/statement_arena.h"
#include "policy/sql/statement_cut.h"
#include "policy/sql/statement_effect.h"
#include "policy/sql/statement_follow.h"
#include "policy/sql/statement_scan.h"
#include "policy/sql/statement_sieve.h"
#include "policy/sql/statement_target.h"
#include "policy/sql/statement_text.h"
#include "policy/sql/statement_tree.h"
#include "policy/sql/statement_unknown.h"

enum {
	/* The server's own bound: a palloc'd text and its two NULs. */
	TEXT_MAX = 0x3ffffff0,
	/*
	 * The scanner matches a run of operator characters to its end for
	 * each operator and each nested comment that begins in it: a run of
	 * 255 takes a thousand times what as many letters do.  So all runs
	 * together may cost a few times the text's bytes.
	 */
	OPERATOR_RUN_MAX = 256,
	SCAN_FACTOR = 4,
	SCAN_SPARE = 16384, /* bytes, and words */
	/* A word costs the scanner a hundred times what a byte does. */
	BYTES_PER_WORD = 4,
	/* The bytes of all candidates together: so many times parse_bytes. */
	PARSED_CAPS = 8,
	/* The parser takes microseconds for a word.  DDL has one in eight
	 * bytes. */
	BYTES_PER_PARSED_WORD = 8,
	/* The same of what is parsed to see whether the text is sound. */
	SOUND_CAPS = 16,
	UNPARSED_MAX = 100, /* statements; with more a text is left alone */
	/* The sum of statement_follow_pairs for all statements of a text. */
	FOLLOWED_PAIRS_MAX = 200000,
	FOLLOWED_TARGETS_MAX = 5000,
};

/*
 * The bytes that the scanner may match for a run of operator characters, in a
 * string or a comment, too: it goes to the run's end for each nested comment
 * that begins in it, and where an operator ends in + or -, which are cut off
 * it, for each of these (scan.l).
 */
static size_t
run_cost(const char *run, size_t len)
{
	bool is_comment = len > 1 && run[0] == '-' && run[1] == '-';
	size_t starts = 1;

	for (size_t i = 0; i < len; i++)
		starts += (!is_comment && (run[i] == '+' || run[i] == '-')) ||
			  (i + 1 < len && run[i] == '/' && run[i + 1] == '*');
	return len * starts;
}

/* True if the scanner does not match many more bytes than there are. */
static bool
are_runs_cheap(const char *sql, size_t len)
{
	size_t left = SCAN_SPARE + SCAN_FACTOR * len;
	size_t start = 0;

	while (start < len) {
		size_t run = strspn(sql + start, "~!@#^&|`?+-*/%<>=");
		size_t cost = run > OPERATOR_RUN_MAX
				  ? left + 1
				  : run_cost(sql + start, run);

		if (cost > left)
			return false;
		left -= cost;
		start += run;
		start += strcspn(sql + start, "~!@#^&|`?+-*/%<>=");
	}
	return true;
}

/* Words and names; numbers cost little. */
static size_t
count_words(struct statement_text text)
{
	size_t count = 0;
	bool is_within = false;

	for (size_t i = 0; i < text.len; i++) {
		count +=
		    !is_within && statement_text_is_word_start(text.sql[i]);
		is_within = statement_text_is_word_part(text.sql[i]);
	}
	return count;
}

/* True if the text, where it is large, has no more words than prose. */
static bool
are_words_few(struct statement_text text)
{
	return count_words(text) <= SCAN_SPARE + text.len / BYTES_PER_WORD;
}

/* A text, and where libpg_query splits it; that lives in an arena. */
struct split {
	const char *sql;
	PgQuerySplitResult found;
};

/* A statement_arena_fn: by the grammar. */
static void
split_parse(void *arg)
{
	struct split *s = arg;

	s->found = pg_query_split_with_parser(s->sql);
}

/* Drop all that was read of a statement; its place in the text remains. */
static void
statement_forget(struct statement *s)
{
	statement_clear(s);
	*s = (struct statement){.start = s->start, .end = s->end};
}

/* The server may know what the grammar does not. */
static enum statement_status
read_unknown(struct statement *s, struct statement_text text)
{
	if (!statement_unknown_may_lock(text))
		return STATEMENT_UNPARSED;
	if (!statement_unknown_keep(s, text))
		return STATEMENT_NO_MEMORY;
	return statement_unknown_read(s, text);
}

static enum statement_status
read_statement(struct statement *s, const char *sql, enum guard_scope scope)
{
	struct statement_text text = statement_text_of(sql, s);
	enum statement_status status = statement_tree_read(s, text, scope);

	return status == STATEMENT_UNPARSED ? read_unknown(s, text) : status;
}

/* How much of one text may be parsed, and how much was. */
struct budget {
	size_t parse_bytes; /* the cap of each statement */
	size_t bytes;       /* the sum of all that were let through so far */
	size_t words;       /* likewise */
	size_t count;       /* how many these are */
};

/* False if the parser's stack or time would not be bounded by the caps. */
static bool
budget_allows(struct budget *b, struct statement_text text)
{
	b->bytes += text.len;
	b->words += count_words(text);
	return text.len <= b->parse_bytes &&
	       b->bytes <= PARSED_CAPS * b->parse_bytes &&
	       b->words <=
		   PARSED_CAPS * b->parse_bytes / BYTES_PER_PARSED_WORD &&
	       ++b->count <= STATEMENT_CANDIDATES_MAX &&
	       statement_scan_nesting(text) <= STATEMENT_NESTING_MAX;
}

static bool
statement_needs_parse(const struct statement *s, const char *sql,
		      enum guard_scope scope)
{
	return statement_sieve_role(statement_text_of(sql, s), scope) >
	       STATEMENT_ROLE_SUSPECT;
}

static enum statement_status
read_candidates(struct statement_list *list, const char *sql,
		enum guard_scope scope, struct budget *budget)
{
	enum statement_status status = STATEMENT_OK;
	size_t i;

	/* Weigh them all before one is parsed. */
	for (i = 0; i < list->count; i++)
		if (statement_needs_parse(&list->items[i], sql, scope) &&
		    !budget_allows(budget,
				   statement_text_of(sql, &list->items[i])))
			return STATEMENT_TOO_LARGE;
	for (i = 0; i < list->count && status == STATEMENT_OK; i++)
		if (statement_needs_parse(&list->items[i], sql, scope))
			status = read_statement(&list->items[i], sql, scope);
	return status;
}

/* Find what the grammar does not know among statements that are not guarded
 * otherwise: as many as the budget allows. */
static enum statement_status
read_suspects(struct statement_list *list, const char *sql,
	      enum guard_scope scope, struct budget *budget)
{
	for (size_t i = 0; i < list->count; i++) {
		struct statement *s = &list->items[i];
		struct statement_text text = statement_text_of(sql, s);
		enum statement_status status;

		if (statement_sieve_role(text, scope) !=
			STATEMENT_ROLE_SUSPECT ||
		    !budget_allows(budget, text))
			continue;
		status = read_statement(s, sql, scope);
		if (status == STATEMENT_NO_MEMORY)
			return status;
		if (s->unparsed == NULL)
			statement_forget(s);
	}
	return STATEMENT_OK;
}

static bool
has_plan(const struct statement_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->items[i].has_plan)
			return true;
	return false;
}

/*
 * Statements in one text with a guarded one mostly share its transaction, so
 * that their locks must be in the same plan: after ALTER TABLE c ADD
 * FOREIGN KEY ... REFERENCES z, a DROP TABLE c locks z once more.  So what a
 * wider scope would guard is guarded too, if it can be planned.
 */
static enum statement_status
read_neighbours(struct statement_list *list, const char *sql,
		struct budget *budget)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		struct statement *s = &list->items[i];
		enum statement_status status;

		if (s->tag != NULL || s->unparsed != NULL ||
		    s->control != STATEMENT_PLAIN ||
		    !statement_needs_parse(s, sql, GUARD_SCOPE_DDL) ||
		    !budget_allows(budget, statement_text_of(sql, s)))
			continue;
		status = read_statement(s, sql, GUARD_SCOPE_DDL);
		if (status == STATEMENT_NO_MEMORY)
			return status;
		if (status != STATEMENT_OK || !s->has_plan)
			statement_forget(s);
	}
	return STATEMENT_OK;
}

/* How much more following may cost, and add, in a text. */
struct following {
	size_t pairs;
	size_t targets;
};

static enum statement_status
follow_neighbour(struct statement *s, const struct statement *earlier,
		 struct following *left)
{
	size_t before = s->target_count;
	size_t pairs = statement_follow_pairs(s, earlier);
	enum statement_status status;

	if (pairs > left->pairs)
		return STATEMENT_TOO_LARGE;
	left->pairs -= pairs;
	status = statement_follow(s, earlier);
	if (status == STATEMENT_OK && s->target_count - before > left->targets)
		return STATEMENT_TOO_LARGE;
	left->targets -= s->target_count - before;
	return status;
}

/* Let each statement lock what it will for those before it. */
static enum statement_status
follow_neighbours(struct statement_list *list)
{
	struct following left = {FOLLOWED_PAIRS_MAX, FOLLOWED_TARGETS_MAX};
	enum statement_status status = STATEMENT_OK;

	for (size_t i = 1; i < list->count; i++) {
		struct statement *s = &list->items[i];

		if (s->scope != GUARD_SCOPE_DROPS)
			continue;
		for (size_t j = 0; j < i && status == STATEMENT_OK; j++)
			status = follow_neighbour(s, &list->items[j], &left);
	}
	return status;
}

static bool
needs_soundness(const struct statement_list *list)
{
	size_t i;

	for (i = 0; i < list->count && list->count > 1; i++)
		if (list->items[i].tag != NULL)
			return true;
	return false;
}

/* The grammar alone: no tree is written out, so nothing recurses. */
static bool
has_no_syntax_error(struct statement_text text)
{
	char *copy = statement_text_copy(text);
	struct split split = {.sql = copy};
	struct statement_arena arena;
	bool is_sound = false;

	if (copy == NULL)
		return false;
	statement_arena_begin(&arena);
	if (statement_arena_call(&arena, split_parse, &split)) {
		is_sound =
		    split.found.error == NULL && split.found.n_stmts == 1;
		pg_query_free_split_result(split.found);
	}
	statement_arena_end(&arena);
	free(copy);
	return is_sound;
}

static void
judge_statement(struct statement *s, struct statement_text text)
{
	s->effect = statement_effect_of(s, text);
	/* A default or a check draws them; a name like that counts, too. */
	s->draws_numbers =
	    s->tag != NULL && statement_text_contains(text, "nextval");
}

/* True if the grammar knows the statement, or its text is kept: DDL of which
 * the server can be asked, as to parse it needs no lock and no snapshot. */
static bool
is_sound_or_kept(struct statement *s, struct statement_text text)
{
	return has_no_syntax_error(text) || (statement_unknown_may_lock(text) &&
					     statement_unknown_keep(s, text));
}

bool
statement_list_is_sound(struct statement_list *list, const char *sql,
			enum guard_scope scope, size_t parse_bytes)
{
	size_t left = SOUND_CAPS * parse_bytes;
	size_t unparsed = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct statement *s = &list->items[i];
		struct statement_text text = statement_text_of(sql, s);

		if (s->unparsed != NULL || statement_needs_parse(s, sql, scope))
			continue; /* statement_list_parse has parsed this one */
		if (text.len > parse_bytes || text.len > left ||
		    !is_sound_or_kept(s, text))
			return false;
		left -= text.len;
		unparsed += s->unparsed != NULL;
		if (unparsed > UNPARSED_MAX)
			return false;
		list->has_unparsed |= s->unparsed != NULL;
	}
	return true;
}

/* A statement that stands alone is kept with all of its text: the places that
 * the server's errors tell are those of the client's then. */
static bool
keep_alone(struct statement_list *list, const char *sql, size_t len)
{
	struct statement_text text = {sql, len};

	free(list->items[0].unparsed);
	return statement_unknown_keep(&list->items[0], text);
}

static enum statement_status
note_unparsed(struct statement_list *list, const char *sql, size_t len,
	      size_t parse_bytes)
{
	for (size_t i = 0; i < list->count; i++)
		list->has_unparsed |= list->items[i].unparsed != NULL;
	if (list->has_unparsed && list->count == 1 && len <= parse_bytes &&
	    !keep_alone(list, sql, len))
		return STATEMENT_NO_MEMORY;
	return STATEMENT_OK;
}

enum statement_status
statement_list_parse(struct statement_list *out, const char *sql, size_t len,
		     enum guard_scope scope, size_t parse_bytes)
{
	struct budget budget = {.parse_bytes = parse_bytes};
	enum statement_status status;
	size_t i;

	*out = (struct statement_list){.items = NULL};
	if (len > TEXT_MAX)
		return STATEMENT_TOO_LARGE;
	if (sql[len] != '\0' || memchr(sql, '\0', len) != NULL)
		return STATEMENT_UNPARSED;
	if (!are_runs_cheap(sql, len) ||
	    !are_words_few((struct statement_text){sql, len}))
		return STATEMENT_TOO_LARGE;

	status = statement_cut(out, sql, len);
	if (status != STATEMENT_OK)
		goto fail;
	status = read_candidates(out, sql, scope, &budget);
	if (status == STATEMENT_OK)
		status = read_suspects(out, sql, scope, &budget);
	if (status == STATEMENT_OK && scope < GUARD_SCOPE_DDL && has_plan(out))
		status = read_neighbours(out, sql, &budget);
	if (status == STATEMENT_OK)
		status = follow_neighbours(out);
	if (status == STATEMENT_OK)
		status = note_unparsed(out, sql, len, parse_bytes);
	if (status != STATEMENT_OK)
		goto fail;
	for (i = 0; i < out->count; i++)
		judge_statement(&out->items[i],
				statement_text_of(sql, &out->items[i]));
	out->is_sound = needs_soundness(out) &&
			statement_list_is_sound(out, sql, scope, parse_bytes);
	return STATEMENT_OK;

fail:
	statement_list_clear(out);
	return status;
}

/* The bytes that malloc takes for a text; 0 for none. */
static size_t
text_bytes(const char *text)
{
	return text != NULL ? strlen(text) + 1 + 2 * sizeof(size_t) : 0;
}

size_t
statement_list_bytes(const struct statement_list *list)
{
	size_t bytes = list->count * sizeof(*list->items);

	for (size_t i = 0; i < list->count; i++) {
		const struct statement *s = &list->items[i];

		bytes += text_bytes(s->made) + text_bytes(s->unparsed);
		for (size_t j = 0; j < s->target_count; j++)
			bytes += sizeof(s->targets[j]) +
				 text_bytes(s->targets[j].relation) +
				 text_bytes(s->targets[j].part) +
				 text_bytes(s->targets[j].shape);
	}
	return bytes;
}

const char *
statement_grammar(void)
{
	return PG_MAJORVERSION;
}

void
statement_list_clear(struct statement_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		statement_forget(&list->items[i]);
	free(list->items);
	*list = (struct statement_list){.items = NULL};
}
