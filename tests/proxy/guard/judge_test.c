#include "proxy/guard/judge.h"

#include "tests/support/exchange.h"

/*
 * A message is judged by what the session has come to.  State is
 * letters: k a cycle is kept back, s the server skips to Sync, c it wants copy
 * data, b a cycle has begun, x an error of ours stands for the server's, p
 * backslashes are plain, h only half of the message is there, l it is above
 * query_limit.
 */
static const struct row {
	const char *name;
	const char *known; /* lines that were judged before, and sent */
	const char *state;
	const char *line;
	enum judgement judgement;
} rows[] = {
    {"a guarded Query", "", "", "Q drop table c", JUDGE_GUARD_QUERY},
    {"an ordinary Query", "", "", "Q select 1", JUDGE_PASS},
    {"a Query without a plan", "", "", "Q drop cast (a as b)", JUDGE_PASS},
    {"a Query that does not parse", "", "", "Q drop table c; commit now",
     JUDGE_PASS},
    {"a Query that the grammar does not know", "", "", "Q repack c",
     JUDGE_GUARD_QUERY},
    {"one that names nothing", "", "", "Q repack (1)", JUDGE_PASS},
    {"a Parse that the grammar does not know", "", "", "P repack c",
     JUDGE_KEEP},
    {"half a Query", "", "h", "Q drop table c", JUDGE_WAIT},
    {"a Query too large", "", "l", "Q drop table c", JUDGE_PASS},
    {"a Query too large behind what is kept", "", "lk", "Q drop table c",
     JUDGE_RELEASE},
    {"a Query behind what is kept", "", "k", "Q drop table c", JUDGE_RELEASE},
    {"a Query that is skipped", "", "s", "Q drop table c", JUDGE_PASS},
    {"a Query in a copy", "", "c", "Q drop table c", JUDGE_PASS},
    {"a backslash that may be either", "", "p", "Q drop table \"\\\"",
     JUDGE_PASS},
    {"a backslash where they are plain", "", "", "Q drop table \"\\\"",
     JUDGE_GUARD_QUERY},
    {"a guarded Parse", "", "", "P drop table c", JUDGE_KEEP},
    {"half a Parse", "", "h", "P drop table c", JUDGE_WAIT},
    {"a Parse too large", "", "l", "P drop table c", JUDGE_PASS},
    {"an ordinary Parse", "", "", "P select 1", JUDGE_PASS},
    {"an ordinary Parse behind what is kept", "", "k", "P select 1",
     JUDGE_KEEP},
    {"a guarded Parse in a cycle that has begun", "", "b", "P drop table c",
     JUDGE_NOTE},
    {"a guarded Parse that is skipped", "", "s", "P drop table c", JUDGE_NOTE},
    {"a guarded Parse in a copy", "", "c", "P drop table c", JUDGE_NOTE},
    {"a Bind of nothing guarded", "", "", "B", JUDGE_PASS},
    {"a Bind of nothing guarded behind what is kept", "", "k", "B", JUDGE_KEEP},
    {"a Bind of a guarded statement", "P:s drop table c", "", "B:s",
     JUDGE_KEEP},
    {"a Bind that takes a guarded portal", "P:s drop table c\nB:s", "", "B:t",
     JUDGE_NOTE},
    {"a Parse that takes the name of a guarded one", "P:s drop table c", "",
     "P:s select 1", JUDGE_NOTE},
    {"a Bind of another", "P:s drop table c", "", "B:t", JUDGE_PASS},
    {"half a Bind of a guarded statement", "P:s drop table c", "h", "B:s",
     JUDGE_WAIT},
    {"a Bind in a cycle that has begun", "P:s drop table c", "b", "B:s",
     JUDGE_NOTE},
    {"an Execute of nothing guarded", "", "", "E", JUDGE_PASS},
    {"an Execute of nothing guarded behind what is kept", "", "k", "E",
     JUDGE_RELEASE},
    {"an Execute of a guarded portal", "P:s drop table c\nB:s", "", "E",
     JUDGE_GUARD_EXECUTE},
    {"an Execute of a guarded portal where a cycle has begun",
     "P:s drop table c\nB:s", "b", "E", JUDGE_GUARD_EXECUTE},
    {"half an Execute of a guarded portal", "P:s drop table c\nB:s", "h", "E",
     JUDGE_WAIT},
    {"an Execute that is skipped", "P:s drop table c\nB:s", "s", "E",
     JUDGE_PASS},
    {"an Execute in a copy", "P:s drop table c\nB:s", "c", "E", JUDGE_PASS},
    {"an Execute of a portal that another has taken",
     "P:s drop table c\nB:s\nB:t", "", "E", JUDGE_PASS},
    {"a Close of nothing guarded", "", "", "C:s", JUDGE_PASS},
    {"a Close behind what is kept", "", "k", "C:s", JUDGE_KEEP},
    {"a Close of a guarded statement", "P:s drop table c", "", "C:s",
     JUDGE_NOTE},
    {"half a Close of a guarded statement", "P:s drop table c", "h", "C:s",
     JUDGE_WAIT},
    {"a Bind of a statement that was closed", "P:s drop table c\nC:s", "",
     "B:t", JUDGE_PASS},
    {"a Describe", "", "", "D", JUDGE_PASS},
    {"a Describe behind what is kept", "", "k", "D", JUDGE_KEEP},
    {"half a Describe behind what is kept", "", "kh", "D", JUDGE_WAIT},
    {"a Describe behind what may not be kept", "", "kb", "D", JUDGE_RELEASE},
    {"a Sync", "", "", "S", JUDGE_PASS},
    {"a Sync behind what is kept", "", "k", "S", JUDGE_RELEASE},
    {"a Flush behind what is kept", "", "k", "H", JUDGE_RELEASE},
    {"a Terminate", "", "", "X", JUDGE_PASS},
    {"a Terminate behind what is kept", "", "k", "X", JUDGE_RELEASE},
    {"a Query behind an error of ours", "", "x", "Q drop table c", JUDGE_DROP},
    {"an Execute behind an error of ours", "", "x", "E", JUDGE_DROP},
    {"a Sync behind an error of ours", "", "x", "S", JUDGE_PASS},
    {"a Terminate behind an error of ours", "", "x", "X", JUDGE_PASS},
};

static bool
has(const struct row *r, char letter)
{
	return strchr(r->state, letter) != NULL;
}

static enum judgement
judge_front(struct scene *s, size_t len, struct finding *out)
{
	struct span in = span_of(s->inbox, len);
	struct frame_header h;

	assert_int_equal(frame_peek(&h, in), FRAME_OK);
	return judge(&s->guarded.guarded, &h, in, out);
}

static void
judge_lines(struct scene *s, const char *lines)
{
	for (; *lines != '\0'; lines += strspn(lines, "\n")) {
		size_t len = strcspn(lines, "\n");
		struct finding found = {0};

		scene_send_line(s, lines, len);
		(void)judge_front(s, s->inbox_len, &found);
		if (found.change.name.data != NULL)
			prepared_note(&s->guarded.guarded.prepared,
				      &found.change, 1);
		s->inbox_len = 0;
		lines += len;
	}
}

static void
set_state(struct scene *s, const struct row *r)
{
	struct guarded *g = &s->guarded.guarded;
	struct pipeline *p = &scene_pair(s)->pipeline;

	if (has(r, 'k'))
		assert_true(kept_add(&g->kept, "P\0\0\0\4", 5));
	p->skipping = has(r, 's');
	p->in_copy = has(r, 'c');
	p->tail_began = has(r, 'b');
	g->skips_to_sync = has(r, 'x');
	scene_pair(s)->sends_plain_backslashes = has(r, 'p');
	if (has(r, 'l'))
		s->guarded.pair.config.query_limit_bytes = 8;
}

static void
judge_goes_by_the_row(void **state)
{
	const struct row *r = *state;
	struct scene *s = scene_begin(NULL, "");
	struct finding found = {0};
	size_t len;

	judge_lines(s, r->known);
	set_state(s, r);
	scene_send_line(s, r->line, strlen(r->line));
	len = has(r, 'h') ? s->inbox_len - 1 : s->inbox_len;
	assert_int_equal(judge_front(s, len, &found), r->judgement);
	assert_int_equal(found.list.count > 0,
			 r->judgement == JUDGE_GUARD_QUERY);
	assert_int_equal(found.facts != NULL,
			 r->judgement == JUDGE_GUARD_EXECUTE);
	assert_int_equal(scene_pair(s)->is_terminating, *r->line == 'X');
	if (*r->line == 'S')
		assert_false(s->guarded.guarded.skips_to_sync);
	assert_int_equal(found.change.name.data != NULL,
			 r->judgement == JUDGE_NOTE ||
			     (r->judgement == JUDGE_KEEP && !has(r, 'k')));
	statement_list_clear(&found.list);
	prepared_facts_drop(found.change.facts);
	scene_end(s);
}

/* At the gate it is judged again at each wake. */
static void
judge_counts_once_what_waits_without_a_plan(void **state)
{
	static const char line[] = "Q drop cast (text as s.t)";
	struct scene *s = scene_begin(NULL, "");
	const struct daemon *d = &s->guarded.pair.daemon;

	(void)state;
	s->guarded.pair.config.guard.scope = GUARD_SCOPE_DDL;
	judge_lines(s, line);
	assert_int_equal(atomic_load(&d->unplanned), 1);
	s->guarded.guarded.watch.held_since_ms = clock_now_ms();
	judge_lines(s, line);
	assert_int_equal(atomic_load(&d->unplanned), 1);
	s->guarded.guarded.watch.held_since_ms = 0;
	judge_lines(s, line);
	assert_int_equal(atomic_load(&d->unplanned), 2);
	scene_end(s);
}

/* Each by its reason. */
static void
judge_counts_what_passes_unjudged(void **state)
{
	struct scene *s = scene_begin(NULL, "");
	struct daemon *d = &s->guarded.pair.daemon;

	(void)state;
	judge_lines(s, "Q drop table c; commit now");
	assert_int_equal(atomic_load(&d->unjudged[UNJUDGED_UNPARSED]), 1);
	s->guarded.pair.config.parse_limit_bytes = 5;
	judge_lines(s, "Q drop table c");
	assert_int_equal(atomic_load(&d->unjudged[UNJUDGED_PARSE_LIMIT]), 1);
	s->guarded.pair.config.query_limit_bytes = 5;
	judge_lines(s, "Q drop table c");
	assert_int_equal(atomic_load(&d->unjudged[UNJUDGED_QUERY_LIMIT]), 1);
	scene_pair(s)->sends_plain_backslashes = true;
	s->guarded.pair.config.query_limit_bytes = 1000;
	judge_lines(s, "Q drop table \"\\\"");
	assert_int_equal(atomic_load(&d->unjudged[UNJUDGED_BACKSLASHES]), 1);
	assert_int_equal(atomic_load(&d->unjudged[UNJUDGED_UNPARSED]), 1);
	scene_end(s);
}

int
main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	struct CMUnitTest tests[ROWS + 2] = {{0}};
	size_t i;

	tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(
	    judge_counts_once_what_waits_without_a_plan);
	tests[ROWS + 1] = (struct CMUnitTest)cmocka_unit_test(
	    judge_counts_what_passes_unjudged);
	for (i = 0; i < ROWS; i++) {
		tests[i].name = rows[i].name;
		tests[i].test_func = judge_goes_by_the_row;
		tests[i].initial_state = (void *)(uintptr_t)&rows[i];
	}
	return cmocka_run_group_tests_name("proxy/guard/judge", tests, NULL,
					   NULL);
}
