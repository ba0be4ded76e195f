#include "proxy/history/history.h"

#include "proxy/guard/exchange_state.h"
#include "tests/support/exchange.h"

/* Print a step: its name, and all that is told of it. */
static void
print_step(FILE *out, const struct history_step *s)
{
	fprintf(out, "%s", history_step_name(s->kind));
	if (s->pid != 0)
		fprintf(out, " pid=%u", s->pid);
	if (s->who[0] != '\0')
		fprintf(out, " who=%s", s->who);
	if (s->what[0] != '\0')
		fprintf(out, " what=%s", s->what);
	if (s->number != 0)
		fprintf(out, " number=%u", s->number);
	if (s->times > 1)
		fprintf(out, " times=%u", s->times);
	fputc('\n', out);
}

/* The stories of all statements, the newest first; free. */
static char *
stories_of(struct history *h)
{
	struct history_entry e = {.id = UINT64_MAX};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	while (history_next(h, e.id, &e)) {
		fprintf(out, "%s %s: %s [%s]\n", history_state_name(e.state),
			e.text, e.facts.outcome != NULL ? e.facts.outcome : "-",
			e.facts.tables);
		if (e.facts.why[0] != '\0')
			fprintf(out, "why %s\n", e.facts.why);
		for (size_t i = 0; i < e.step_count; i++)
			print_step(out, &e.steps[i]);
	}
	fclose(out);
	return text;
}

static void
assert_stories(const char *script, const char *client, const char *expected)
{
	struct scene *s = scene_begin(script, client);
	struct history *h = history_new();
	char *text;

	s->guarded.pair.daemon.history = h;
	s->guarded.pair.config.guard.replay = GUARD_REPLAY_DDL;
	s->guarded.pair.config.records = GUARD_REPLAY_DDL;
	scene_run(s);
	s->guarded.pair.daemon.history = NULL;
	text = stories_of(h);
	s->guarded.pair.daemon.history = h;
	assert_string_equal(text, expected);
	free(text);
	scene_end(s);
	history_free(h);
}

static void
a_statement_that_has_its_locks_at_once(void **state)
{
	(void)state;
	assert_stories(NULL, "Q drop table c",
		       "over drop table c: protected [public.a, public.b, "
		       "public.c]\n"
		       "planned number=3\n"
		       "locked number=1\n"
		       "ran\n"
		       "done what=DROP TABLE\n");
}

static void
attempts_and_a_window(void **state)
{
	(void)state;
	assert_stories(
	    "attempt: 1; attempt: 0; look: young; look: young; "
	    "look: ; drop: error 42P01",
	    "Q drop table c -- secret",
	    "over drop table c: protected [public.b, public.a, public.c]\n"
	    "planned number=3\n"
	    "attempt-lost what=public.b was in use number=2 times=2\n"
	    "in-the-way pid=4711 who=shop what=active, AccessShareLock on "
	    "public.a number=1 times=2\n"
	    "window-opened\n"
	    "drained\n"
	    "locked number=3\n"
	    "ran\n"
	    "failed what=42P01\n");
}

static void
one_that_is_refused(void **state)
{
	(void)state;
	assert_stories("settings: hold_timeout=10ms policy=hold; look: old; "
		       "wait: !late 20; look: old",
		       "Q drop table c",
		       "over drop table c: timed-out [public.a, public.b, "
		       "public.c]\n"
		       "planned number=3\n"
		       "in-the-way pid=4711 who=shop what=active, "
		       "AccessShareLock on public.a number=1 times=2\n"
		       "refused what=55P03\n");
}

static void
one_that_is_not_worth_it(void **state)
{
	(void)state;
	assert_stories("plan: set=c", "Q drop table c", "");
}

static void
one_that_cannot_be_planned(void **state)
{
	(void)state;
	assert_stories("plan: error 42501", "P drop table c\nB\nE\nS",
		       "over drop table c: unplanned []\n"
		       "why ours failed\n"
		       "ran\n"
		       "done what=DROP TABLE\n");
}

static void
a_run_on_trial(void **state)
{
	(void)state;
	assert_stories("settings: policy=lock; plan: set=aB; plan: set=aB; "
		       "plan: set=aB; drop: notice bound; drop: notice",
		       "Q drop table c",
		       "over drop table c: protected [public.a, public.b]\n"
		       "planned number=2\n"
		       "locked number=1\n"
		       "tried times=2\n"
		       "trial-undone\n"
		       "locked number=2\n"
		       "done what=DROP TABLE\n");
}

static void
pieces_have_stories_of_their_own(void **state)
{
	(void)state;
	assert_stories(NULL,
		       "Q drop table c; create table d (i int); drop table b",
		       "over drop table b: protected [public.a, public.b, "
		       "public.c]\n"
		       "planned number=3\n"
		       "locked number=1\n"
		       "ran\n"
		       "done what=DROP TABLE\n"
		       "over drop table c; create table d (i int);: protected "
		       "[public.a, public.b, public.c]\n"
		       "planned number=3\n"
		       "locked number=1\n"
		       "ran\n"
		       "done what=DROP TABLE\n");
}

static void
keys_that_go_ahead(void **state)
{
	(void)state;
	assert_stories("settings: drop_in_steps=on; plan: set=abc; keys: ab; "
		       "plan: set=ac; plan: set=ac; plan: set=bc; "
		       "plan: set=bc; plan: set=c; plan: set=c",
		       "Q drop table c",
		       "over drop table c: protected [public.c]\n"
		       "planned number=3\n"
		       "planned number=2\n"
		       "locked number=1\n"
		       "key-dropped what=c_a of public.c\n"
		       "planned number=2\n"
		       "locked number=1\n"
		       "key-dropped what=c_b of public.c\n"
		       "planned number=1\n"
		       "locked number=1\n"
		       "ran\n"
		       "done what=DROP TABLE\n");
}

static void
a_transaction_that_is_started_over(void **state)
{
	(void)state;
	assert_stories(
	    "attempt:; attempt: 1; look: cycle; look: cycle",
	    "Q begin\n--\nQ drop table a\n--\nQ drop table c\n--\nQ commit",
	    "over drop table c: protected [public.a, public.b, public.c]\n"
	    "planned number=3\n"
	    "attempt-lost what=public.b was in use number=1\n"
	    "in-the-way pid=4711 who=shop what=active, AccessShareLock on "
	    "public.a number=1 times=2\n"
	    "planned number=3\n"
	    "locked number=1\n"
	    "started-over number=1\n"
	    "planned number=3\n"
	    "locked number=1\n"
	    "ran\n"
	    "done what=DROP TABLE\n"
	    "over drop table a: protected [public.a, public.b, public.c]\n"
	    "planned number=3\n"
	    "locked number=1\n"
	    "ran\n"
	    "done what=DROP TABLE\n");
}

static void
one_whose_turn_is_another_s(void **state)
{
	(void)state;
	assert_stories("plan: !taken; wait: !late 200 !given", "Q drop table c",
		       "over drop table c: protected [public.a, public.b, "
		       "public.c]\n"
		       "planned number=3\n"
		       "turn-denied what=another guarded statement\n"
		       "locked number=1\n"
		       "ran\n"
		       "done what=DROP TABLE\n");
}

/* The lock set of the newest statement, and who is in its way, as one line;
 * free. */
static char *
picture_of(struct history *h)
{
	struct history_entry e;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	uint32_t i;

	assert_non_null(out);
	assert_true(history_next(h, UINT64_MAX, &e));
	for (i = 0; i < e.facts.lock_count; i++)
		fprintf(out, "%s %s %u; ", e.facts.locks[i].name,
			lock_mode_name(e.facts.locks[i].mode),
			e.facts.locks[i].before);
	for (i = 0; i < e.facts.holder_count; i++)
		fprintf(out, "pid %u %s %s %s on %u; ", e.facts.holders[i].pid,
			e.facts.holders[i].who, e.facts.holders[i].state,
			lock_mode_name(e.facts.holders[i].mode),
			e.facts.holders[i].lock);
	fclose(out);
	return text;
}

static void
assert_picture(const char *script, const char *expected)
{
	struct scene *s = scene_begin(script, "Q drop table c");
	struct history *h = history_new();
	char *text;

	s->guarded.pair.daemon.history = h;
	scene_run(s);
	text = picture_of(h);
	assert_string_equal(text, expected);
	free(text);
	scene_end(s);
	history_free(h);
}

static void
who_holds_what_of_the_set(void **state)
{
	(void)state;
	assert_picture("settings: hold_timeout=10ms policy=hold; look: old; "
		       "wait: !late 20; look: old",
		       "public.a AccessExclusiveLock 0; "
		       "public.b AccessExclusiveLock 0; "
		       "public.c AccessExclusiveLock 0; "
		       "pid 4711 shop active AccessShareLock on 0; ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_statement_that_has_its_locks_at_once),
	    cmocka_unit_test(attempts_and_a_window),
	    cmocka_unit_test(one_that_is_refused),
	    cmocka_unit_test(one_that_is_not_worth_it),
	    cmocka_unit_test(one_that_cannot_be_planned),
	    cmocka_unit_test(a_run_on_trial),
	    cmocka_unit_test(pieces_have_stories_of_their_own),
	    cmocka_unit_test(keys_that_go_ahead),
	    cmocka_unit_test(a_transaction_that_is_started_over),
	    cmocka_unit_test(one_whose_turn_is_another_s),
	    cmocka_unit_test(who_holds_what_of_the_set),
	};

	return cmocka_run_group_tests_name("proxy/guard/exchange_history",
					   tests, NULL, NULL);
}
