#include "policy/sql/script.h"

#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

/* The server knows what the grammar does not: else that is unsound, as a text
 * is that was too large to be looked into. */
static bool is_server_newer;

static void
parse(struct statement_list *out, const char *sql)
{
	if (statement_list_parse(out, sql, strlen(sql), GUARD_SCOPE_DDL,
				 STATEMENT_PARSE_BYTES_DEFAULT) != STATEMENT_OK)
		fail_msg("does not parse: %s", sql);
	out->is_sound &= is_server_newer || !out->has_unparsed;
}

/*
 * A script as text: a line for each piece, its bytes in <>, then
 * "first+count" of the statements to plan for, if any, and "block" if it is to
 * be wrapped in one; at last how many are unguarded, if any.
 */
static char *
print_script(const struct script *script, const char *sql)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	for (size_t i = 0; i < script->count; i++) {
		const struct piece *p = &script->pieces[i];

		fprintf(to, "%s<%.*s>", i > 0 ? "\n" : "",
			(int)(p->end - p->start), sql + p->start);
		if (p->count > 0)
			fprintf(to, " %zu+%zu", p->first, p->count);
		if (p->needs_block)
			fprintf(to, " block");
	}
	if (script->unguarded > 0)
		fprintf(to, "\n%zu unguarded", script->unguarded);
	fclose(to);
	return text;
}

static void
check(const char *sql, bool in_block, const char *expected)
{
	struct statement_list list;
	struct script script;
	char *text;

	parse(&list, sql);
	assert_true(script_cut(&script, &list, strlen(sql), in_block));
	text = print_script(&script, sql);
	assert_string_equal(text, expected);
	free(text);
	script_clear(&script);
	assert_null(script.pieces);
	statement_list_clear(&list);
}

struct example {
	const char *sql;
	const char *expected;
};

static void
check_examples(const struct example *examples, size_t count, bool in_block)
{
	for (size_t i = 0; i < count; i++)
		check(examples[i].sql, in_block, examples[i].expected);
}

#define CHECK_EXAMPLES(examples, in_block)                                     \
	check_examples(examples, sizeof(examples) / sizeof((examples)[0]),     \
		       in_block)

static void
script_cut_wraps_what_stands_alone(void **state)
{
	static const struct example examples[] = {
	    {"drop table c", "<drop table c> 0+1 block"},
	    {"drop table c;", "<drop table c;> 0+1 block"},
	    {" /* a */ drop table c ; -- b\n ",
	     "< /* a */ drop table c ; -- b\n > 0+1 block"},
	    {";;drop table c;;", "<;;drop table c;;> 0+1 block"},
	    {"drop table c; drop table d; truncate e",
	     "<drop table c; drop table d; truncate e> 0+3 block"},
	    {"drop table c; select 2", "<drop table c; select 2> 0+2 block"},
	    {"alter table c drop column x; alter table c drop constraint y",
	     "<alter table c drop column x; alter table c drop constraint y>"
	     " 0+2 block"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, false);
}

static void
script_cut_leaves_alone_what_needs_no_guard(void **state)
{
	static const struct example examples[] = {
	    {"", "<>"},
	    {" ; ;", "< ; ;>"},
	    {"-- nothing", "<-- nothing>"},
	    {"select 1", "<select 1>"},
	    {"begin; select 1; commit", "<begin; select 1; commit>"},
	    {"savepoint s; select 1", "<savepoint s; select 1>"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, false);
	CHECK_EXAMPLES(examples, true);
}

static void
script_cut_cuts_before_the_first_of_a_block(void **state)
{
	static const struct example examples[] = {
	    {"begin; drop table c; commit;",
	     "<begin; >\n<drop table c; commit;> 1+1"},
	    {"begin;drop table c;commit",
	     "<begin;>\n<drop table c;commit> 1+1"},
	    {"begin; drop table c", "<begin; >\n<drop table c> 1+1"},
	    {"begin; drop table c; rollback; select 1",
	     "<begin; >\n<drop table c; rollback; select 1> 1+1"},
	    {"start transaction; select 1; /* x */ drop table c; -- y\n end ; ",
	     "<start transaction; select 1; /* x */ >\n"
	     "<drop table c; -- y\n end ; > 2+1"},
	    {"begin; drop table c; select 1; truncate d; commit",
	     "<begin; >\n<drop table c; select 1; > 1+2\n"
	     "<truncate d; commit> 3+1"},
	    {"begin; savepoint s; drop table c; rollback to s; drop table d;"
	     " commit",
	     "<begin; savepoint s; >\n"
	     "<drop table c; rollback to s; > 2+3\n"
	     "<drop table d; commit> 4+1"},
	    {"select 1; begin; drop table c; commit",
	     "<select 1; begin; >\n<drop table c; commit> 2+1"},
	    {"begin; begin; drop table c; commit",
	     "<begin; begin; >\n<drop table c; commit> 2+1"},
	    {"begin; drop table c; prepare transaction 'p'",
	     "<begin; >\n<drop table c; prepare transaction 'p'> 1+1"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, false);
}

static void
script_cut_cuts_each_block(void **state)
{
	static const struct example examples[] = {
	    {"begin; drop table c; commit; begin; drop table d; commit;",
	     "<begin; >\n<drop table c; commit; begin; > 1+1\n"
	     "<drop table d; commit;> 4+1"},
	    {"begin; drop table c; commit and chain; drop table d; commit",
	     "<begin; >\n<drop table c; commit and chain; > 1+1\n"
	     "<drop table d; commit> 3+1"},
	    {"begin; select 1; rollback and chain; drop table d; rollback",
	     "<begin; select 1; rollback and chain; >\n"
	     "<drop table d; rollback> 3+1"},
	    {"begin; drop table c; commit and no chain; begin; drop table d",
	     "<begin; >\n<drop table c; commit and no chain; begin; > 1+1\n"
	     "<drop table d> 4+1"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, false);
}

/* The COMMIT has ended what was before: the rest is a message of its own. */
static void
script_cut_wraps_what_stands_behind_a_commit(void **state)
{
	static const struct example examples[] = {
	    {"begin; insert into a values (1); commit; drop table c",
	     "<begin; insert into a values (1); commit; >\n"
	     "<drop table c> 3+1 block"},
	    {"begin; drop table c; commit; select 1; drop table d; select 2;",
	     "<begin; >\n<drop table c; commit; > 1+1\n"
	     "<select 1; > block\n<drop table d; select 2;> 4+2 block"},
	    {"commit; drop table c", "<commit; >\n<drop table c> 1+1 block"},
	    {"select 1; commit; drop table c",
	     "<select 1; commit; >\n<drop table c> 2+1 block"},
	    {"commit and chain; drop table c",
	     "<commit and chain; >\n<drop table c> 1+1 block"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, false);
}

/* In a block of ours SAVEPOINT would work, and COMMIT end it early. */
static void
script_cut_counts_what_it_cannot_prepare_for(void **state)
{
	static const struct example examples[] = {
	    {"savepoint s; drop table c",
	     "<savepoint s; drop table c>\n1 unguarded"},
	    {"drop table c; savepoint s",
	     "<drop table c; savepoint s>\n1 unguarded"},
	    {"release s; select 1; drop table c",
	     "<release s; select 1; drop table c>\n1 unguarded"},
	    {"drop table c; rollback to s; drop table d",
	     "<drop table c; rollback to s; drop table d>\n2 unguarded"},
	    {"drop table c; commit", "<drop table c; commit>\n1 unguarded"},
	    {"drop table c; truncate d; commit",
	     "<drop table c; truncate d; commit>\n2 unguarded"},
	    {"drop table c; begin; select 1; commit",
	     "<drop table c; begin; select 1; commit>\n1 unguarded"},
	    {"drop table c; begin; drop table d; commit",
	     "<drop table c; begin; >\n<drop table d; commit> 2+1\n"
	     "1 unguarded"},
	    {"begin; drop table c; commit; drop table d; begin; drop table e",
	     "<begin; >\n<drop table c; commit; drop table d; begin; > 1+1\n"
	     "<drop table e> 5+1\n1 unguarded"},
	    {"commit; savepoint s; drop table c",
	     "<commit; savepoint s; drop table c>\n1 unguarded"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, false);
}

static void
script_cut_in_a_block_needs_no_block_of_ours(void **state)
{
	static const struct example examples[] = {
	    {"drop table c", "<drop table c> 0+1"},
	    {"select 1; drop table c; commit",
	     "<select 1; >\n<drop table c; commit> 1+1"},
	    {"set transaction isolation level serializable; drop table c",
	     "<set transaction isolation level serializable; >\n"
	     "<drop table c> 1+1"},
	    {"drop table c; savepoint s; drop table d",
	     "<drop table c; savepoint s; > 0+3\n<drop table d> 2+1"},
	    {"savepoint s; drop table c; release s",
	     "<savepoint s; >\n<drop table c; release s> 1+2"},
	    {"drop table c; commit; drop table d",
	     "<drop table c; commit; > 0+1\n<drop table d> 2+1 block"},
	    {"rollback; drop table c",
	     "<rollback; >\n<drop table c> 1+1 block"},
	    {"commit; begin; drop table c; commit",
	     "<commit; begin; >\n<drop table c; commit> 2+1"},
	    {"commit and chain; drop table c",
	     "<commit and chain; >\n<drop table c> 1+1"},
	    {"drop table c; commit; drop table d; commit",
	     "<drop table c; commit; drop table d; commit> 0+1\n1 unguarded"},
	    {"begin; drop table c", "<begin; >\n<drop table c> 1+1"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, true);
}

/* The server would refuse it whole, and run nothing of it. */
static void
script_cut_never_cuts_an_unsound_text(void **state)
{
	static const struct example examples[] = {
	    {"begin; drop table c; commit; selec 1",
	     "<begin; drop table c; commit; selec 1>\n1 unguarded"},
	    {"begin; drop table c; commit; begin; truncate d; commit; 1",
	     "<begin; drop table c; commit; begin; truncate d; commit; 1>\n"
	     "2 unguarded"},
	    {"begin; drop table c; commit; )",
	     "<begin; drop table c; commit; )>\n1 unguarded"},
	};
	static const struct example in_block[] = {
	    {"drop table c; commit; drop table d; selec 1",
	     "<drop table c; commit; drop table d; selec 1>\n2 unguarded"},
	};
	/* Nothing to cut: as it fails, so does what is around it. */
	static const struct example whole[] = {
	    {"drop table c; selec 1", "<drop table c; selec 1> 0+2 block"},
	    {"selec 1; drop table c", "<selec 1; drop table c> 1+1 block"},
	    {"drop table c; selec 1; drop table d",
	     "<drop table c; selec 1; drop table d> 0+3 block"},
	    {"update y set; drop table c",
	     "<update y set; drop table c> 1+1 block"},
	    /* but a snapshot would come too early for what may be one */
	    {"set transaction read only; selec 1; drop table c",
	     "<set transaction read only; selec 1; drop table c>\n"
	     "1 unguarded"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, false);
	CHECK_EXAMPLES(in_block, true);
	CHECK_EXAMPLES(whole, false);
}

/* What stands before a guarded statement may change what that one locks. */
static void
script_cut_plans_apart_what_nobody_knows(void **state)
{
	static const struct example examples[] = {
	    {"repack t", "<repack t> 0+1"},
	    {"repack t; select 1", "<repack t; select 1> 0+1 block"},
	    {"drop table c; repack t; drop table d",
	     "<drop table c; > 0+1 block\n<repack t; > 1+1 block\n"
	     "<drop table d> 2+1 block"},
	    {"begin; repack t; drop table c; commit",
	     "<begin; >\n<repack t; > 1+1\n<drop table c; commit> 2+1"},
	    {"begin; drop table c; commit; repack t",
	     "<begin; >\n<drop table c; commit; > 1+1\n<repack t> 3+1"},
	    {"begin; drop table c; commit; selec 1",
	     "<begin; drop table c; commit; selec 1>\n1 unguarded"},
	    {"begin; repack t", "<begin; >\n<repack t> 1+1"},
	};

	(void)state;
	is_server_newer = true;
	CHECK_EXAMPLES(examples, false);
	check("repack t", true, "<repack t> 0+1");
	is_server_newer = false;
}

static void
script_cut_plans_again_behind_a_change(void **state)
{
	static const struct example examples[] = {
	    {"select 1; drop table c; select 2",
	     "<select 1; > block\n<drop table c; select 2> 1+2 block"},
	    {"set search_path = s2; drop table c",
	     "<set search_path = s2; > block\n<drop table c> 1+1 block"},
	    {"alter table c rename to d; drop table d",
	     "<alter table c rename to d; > 0+2 block\n"
	     "<drop table d> 1+1 block"},
	    {"alter table c add foreign key (id) references z; drop table c;"
	     " drop table d; create table c (id int references z);"
	     " drop table c",
	     "<alter table c add foreign key (id) references z; > 0+5 block\n"
	     "<drop table c; drop table d; create table c (id int references"
	     " z); > 1+3 block\n<drop table c> 4+1 block"},
	    {"drop table c; create table c (id int); drop table c",
	     "<drop table c; create table c (id int); > 0+3 block\n"
	     "<drop table c> 2+1 block"},
	    {"begin; alter table c rename to d; drop table d; commit",
	     "<begin; >\n<alter table c rename to d; > 1+2\n"
	     "<drop table d; commit> 2+1"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, false);
}

/* A row that somebody has is not waited for with locks of a later statement. */
static void
script_cut_plans_no_further_than_to_what_may_wait(void **state)
{
	static const struct example examples[] = {
	    {"update y set k = 1; drop table c",
	     "<update y set k = 1; > block\n<drop table c> 1+1 block"},
	    {"drop table c; update y set k = 1; drop table d; drop table e",
	     "<drop table c; update y set k = 1; > 0+2 block\n"
	     "<drop table d; drop table e> 2+2 block"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, false);
}

/* In a block of ours it would do what it does not do without. */
static void
script_cut_leaves_alone_what_a_block_changes(void **state)
{
	static const struct example examples[] = {
	    {"lock table a, b;", "<lock table a, b;>"},
	    {"select 1; lock table a, b",
	     "<select 1; > block\n<lock table a, b> 1+1 block"},
	    {"lock table a, b; drop table c",
	     "<lock table a, b; drop table c> 0+2 block"},
	    {"begin; drop table c; commit; cluster t",
	     "<begin; >\n<drop table c; commit; cluster t> 1+1"},
	    {"begin; lock table a, b; commit",
	     "<begin; >\n<lock table a, b; commit> 1+1"},
	};
	static const struct example in_block[] = {
	    {"lock table a, b", "<lock table a, b> 0+1"},
	};

	(void)state;
	CHECK_EXAMPLES(examples, false);
	CHECK_EXAMPLES(in_block, true);
}

/* What has no plan is not worth a cut, nor a warning here. */
static void
script_cut_passes_what_has_no_plan(void **state)
{
	static const char sql[] = "begin; drop table c; commit";
	struct statement_list list;
	struct script script;
	char *text;

	(void)state;
	parse(&list, sql);
	list.items[1].has_plan = false;
	assert_true(script_cut(&script, &list, sizeof(sql) - 1, false));
	text = print_script(&script, sql);
	assert_string_equal(text, "<begin; drop table c; commit>");
	free(text);
	script_clear(&script);
	statement_list_clear(&list);
}

static void
script_cut_is_false_when_memory_is_out(void **state)
{
	struct statement_list list;
	struct script script;
	bool is_cut;

	(void)state;
	parse(&list, "drop table c");
	allocation_fail_after(0);
	is_cut = script_cut(&script, &list, 12, false);
	assert_true(allocation_restore());
	assert_false(is_cut);
	script_clear(&script);
	statement_list_clear(&list);
}

/*
 * Any text, against a model of the server: where a text of pieces is cut, and
 * for what it is prepared there.
 */

enum model_block {
	MODEL_IDLE,
	MODEL_IMPLICIT, /* lost, or committed, where the message ends */
	MODEL_BLOCK,
};

static const char *const parts[] = {
    "select 1",
    "drop table c",
    "drop table a, b",
    "truncate t",
    "begin",
    "commit",
    "rollback",
    "commit and chain",
    "savepoint s",
    "rollback to s",
    "release s",
    "selec 1",
    "begin -- x;\n",
    "/*;*/ end",
    "",
    "drop view v",
    "set x = 1",
    "alter table c rename to d",
};

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* An unsound part in one text of eight. */
static void
random_sql(char *sql, size_t size, uint32_t *seed)
{
	bool may_be_unsound = next_random(seed) % 8 == 0;
	uint32_t count = next_random(seed) % 12;
	size_t len = 0;

	sql[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		const char *part =
		    parts[next_random(seed) % (sizeof(parts) / sizeof(*parts))];

		if (strcmp(part, "selec 1") == 0 && !may_be_unsound)
			continue;
		len += (size_t)snprintf(
		    sql + len, size - len, "%s%s%s", part,
		    next_random(seed) % 4 == 0 ? " " : "",
		    i + 1 < count || next_random(seed) % 2 ? ";" : "");
	}
}

static enum model_block
model_after(enum model_block block, enum statement_control control)
{
	if (control == STATEMENT_BEGIN)
		return MODEL_BLOCK;
	if (control == STATEMENT_END)
		return MODEL_IDLE;
	if (control == STATEMENT_END_CHAIN)
		return block == MODEL_BLOCK ? MODEL_BLOCK : MODEL_IDLE;
	return block == MODEL_IDLE ? MODEL_IMPLICIT : block;
}

static bool
is_guarded(const struct statement *s)
{
	return s->tag != NULL && s->has_plan;
}

static bool
ends_block(const struct statement *s)
{
	return s->control == STATEMENT_END || s->control == STATEMENT_END_CHAIN;
}

/* The statements before a piece, and what was true of them. */
struct model {
	enum model_block block;
	bool is_ours;   /* in a block of ours */
	size_t planned; /* those before are in plans */
	size_t guarded; /* of those */
};

/* No statement before one to plan for can change what that one locks. */
static void
check_plan(const struct piece *p, const struct statement_list *list,
	   size_t from, size_t to)
{
	size_t end = p->first + p->count;

	for (size_t i = from; i + 1 < to; i++)
		if (list->items[i].effect != EFFECT_LESS)
			for (size_t j = i + 1; j < to && j < end; j++)
				assert_false(is_guarded(&list->items[j]));
	/* Nor is anything waited for with a later one's locks. */
	for (size_t i = p->first; i + 1 < end; i++)
		assert_int_not_equal(list->items[i].effect, EFFECT_ANY);
}

/* The statements from..to are those of the piece. */
static void
check_piece(struct model *m, const struct piece *p,
	    const struct statement_list *list, size_t from, size_t to)
{
	if (p->needs_block)
		assert_true(m->is_ours || m->block == MODEL_IDLE);
	else
		assert_true(!m->is_ours && m->block != MODEL_IMPLICIT);
	m->is_ours = p->needs_block;
	for (size_t i = from; i < to && p->needs_block; i++)
		assert_int_equal(list->items[i].control, STATEMENT_PLAIN);
	if (p->count == 0)
		return;
	assert_true(p->first >= from && p->first < to);
	assert_true(is_guarded(&list->items[p->first]));
	assert_int_equal(m->block == MODEL_BLOCK, !p->needs_block);
	/* None is protected by locks that are gone by then. */
	for (size_t i = from; i < p->first + p->count; i++)
		assert_false(ends_block(&list->items[i]));
	for (size_t i = p->first; i < p->first + p->count; i++)
		m->guarded += i >= m->planned && is_guarded(&list->items[i]);
	if (p->first + p->count > m->planned)
		m->planned = p->first + p->count;
}

static size_t
count_guarded(const struct statement_list *list, size_t from, size_t to)
{
	size_t n = 0;

	for (; from < to; from++)
		n += is_guarded(&list->items[from]);
	return n;
}

static void
check_script(const struct script *script, const struct statement_list *list,
	     size_t len, bool in_block)
{
	struct model m = {.block = in_block ? MODEL_BLOCK : MODEL_IDLE};
	size_t at = 0;
	size_t from = 0;

	assert_true(script->count > 0);
	for (size_t i = 0; i < script->count; i++) {
		const struct piece *p = &script->pieces[i];
		size_t to = from;

		assert_int_equal(p->start, at);
		assert_true(p->end > p->start || script->count == 1);
		while (to < list->count && list->items[to].end <= p->end)
			to++;
		/* No statement lies across the cut. */
		assert_true(to == list->count ||
			    list->items[to].start >= p->end);
		check_piece(&m, p, list, from, to);
		if (list->is_sound && p->count > 0)
			check_plan(p, list, from, to);
		for (; from < to; from++)
			m.block =
			    model_after(m.block, list->items[from].control);
		at = p->end;
	}
	assert_int_equal(at, len);
	assert_int_equal(from, list->count);
	assert_int_equal(m.guarded + script->unguarded,
			 count_guarded(list, 0, list->count));
	assert_true(script->count == 1 || list->is_sound);
}

/* Empty: none has failed. */
static char text_under_way[512];

static int
print_text(void **state)
{
	(void)state;
	if (text_under_way[0] != '\0')
		print_error("of: %s\n", text_under_way);
	return 0;
}

static void
script_cut_of_any_text_is_the_text_in_safe_pieces(void **state)
{
	uint32_t seed = 20;
	char *sql = text_under_way;

	(void)state;
	print_message("seed %u\n", (unsigned)seed);
	for (int round = 0; round < 20000; round++) {
		struct statement_list list;
		struct script script;
		bool in_block = round % 2 == 0;

		random_sql(sql, sizeof(text_under_way), &seed);
		parse(&list, sql);
		assert_true(script_cut(&script, &list, strlen(sql), in_block));
		check_script(&script, &list, strlen(sql), in_block);
		script_clear(&script);
		statement_list_clear(&list);
	}
	sql[0] = '\0';
}

/* The script split at the first piece that may be: "no" where none may. */
static void
check_split(const char *sql, bool in_block, const char *expected)
{
	struct statement_list list;
	struct script script;
	char *text = NULL;
	size_t i = 0;

	parse(&list, sql);
	assert_true(script_cut(&script, &list, strlen(sql), in_block));
	while (i < script.count && !script_can_split(&script, &list, i))
		i++;
	if (i < script.count) {
		script_split(&script, &list, i);
		assert_true(script_can_split(&script, &list, i));
		script_split(&script, &list, i);
		check_script(&script, &list, strlen(sql), in_block);
		text = print_script(&script, sql);
	}
	assert_string_equal(text != NULL ? text : "no", expected);
	free(text);
	script_clear(&script);
	statement_list_clear(&list);
}

static void
script_split_leaves_what_can_be_undone(void **state)
{
	static const struct example examples[] = {
	    {"drop table c", "<drop table c> 0+1 block"},
	    {"drop table c; drop table d;",
	     "<drop table c; drop table d;> 0+2 block"},
	    {"drop table c; insert into d values (1)",
	     "<drop table c; > 0+2 block\n<insert into d values (1)> block"},
	    {"begin; drop table c; commit; select 1",
	     "<begin; >\n<drop table c; > 1+1\n<commit; select 1>"},
	    {"insert into d values (1); drop table c; select 1",
	     "<insert into d values (1); > block\n<drop table c; > 1+2 block\n"
	     "<select 1> block"},
	    {"alter table c add x int; alter table c drop y",
	     "<alter table c add x int; > 0+2 block\n"
	     "<alter table c drop y> 1+1 block"},
	    /* No rollback takes back the numbers of a sequence. */
	    {"alter table c add x int default NextVal('s')", "no"},
	    {"drop table c; alter table c add y int default nextval('s')",
	     "no"},
	    {"drop table c; select nextval('s')",
	     "<drop table c; > 0+2 block\n<select nextval('s')> block"},
	    /* A block of code, and what takes rows' locks. */
	    {"do $$ begin drop table c; end $$", "no"},
	    {"savepoint s; drop table c", "no"},
	    /* Nothing of an unsound text may run on its own. */
	    {"drop table c; select 1 1", "no"},
	    {"select 1", "no"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++)
		check_split(examples[i].sql, false, examples[i].expected);
	check_split("drop table c; commit", true,
		    "<drop table c; > 0+1\n<commit>");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(script_cut_wraps_what_stands_alone),
	    cmocka_unit_test(script_cut_leaves_alone_what_needs_no_guard),
	    cmocka_unit_test(script_cut_cuts_before_the_first_of_a_block),
	    cmocka_unit_test(script_cut_cuts_each_block),
	    cmocka_unit_test(script_cut_wraps_what_stands_behind_a_commit),
	    cmocka_unit_test(script_cut_counts_what_it_cannot_prepare_for),
	    cmocka_unit_test(script_cut_in_a_block_needs_no_block_of_ours),
	    cmocka_unit_test(script_cut_never_cuts_an_unsound_text),
	    cmocka_unit_test(script_cut_plans_apart_what_nobody_knows),
	    cmocka_unit_test(script_cut_plans_again_behind_a_change),
	    cmocka_unit_test(script_cut_plans_no_further_than_to_what_may_wait),
	    cmocka_unit_test(script_cut_leaves_alone_what_a_block_changes),
	    cmocka_unit_test(script_cut_passes_what_has_no_plan),
	    cmocka_unit_test(script_cut_is_false_when_memory_is_out),
	    cmocka_unit_test(script_split_leaves_what_can_be_undone),
	    cmocka_unit_test_teardown(
		script_cut_of_any_text_is_the_text_in_safe_pieces, print_text),
	};

	return cmocka_run_group_tests_name("policy/sql/script", tests, NULL,
					   NULL);
}
