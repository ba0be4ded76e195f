/*
 * Who asks for whom, and what each gets of the answer.
 */
#include "proxy/gate/lookout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/catalog/lock_set.h"
#include "proxy/pair/pair.h"
#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum {
	NOW_MS = 1000000,
	PLAYERS = 4,
};

struct player {
	struct pair pair;
	struct lookout_watch watch;
	struct lock_item items[LOOKOUT_RELIDS_MAX];
	struct lock_set set;
	struct holders known;
	int called;
};

struct scene {
	struct lookout lookout;
	struct player players[PLAYERS];
};

static void
be_called(void *owner)
{
	struct player *p = owner;

	p->called++;
}

/* Each wants the relation of its number, 100 and on, and all want 99. */
static void
fill_player(struct scene *s, size_t i)
{
	struct player *p = &s->players[i];

	strcpy(p->pair.database, "db");
	strcpy(p->pair.user, "joe");
	p->pair.server_pid = 10 + (uint32_t)i;
	p->items[0].relid = 99;
	p->items[1].relid = 100 + (uint32_t)i;
	p->items[0].mode = p->items[1].mode = LOCK_ACCESS_EXCLUSIVE;
	p->set = (struct lock_set){p->items, 2};
	lookout_watch_init(&p->watch, &s->lookout, &p->pair, be_called, p);
}

static int
begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	lookout_init(&s->lookout);
	for (size_t i = 0; i < PLAYERS; i++)
		fill_player(s, i);
	*state = s;
	return 0;
}

static int
end(void **state)
{
	struct scene *s = *state;

	for (size_t i = 0; i < PLAYERS; i++)
		lookout_leave(&s->players[i].watch);
	assert_true(TAILQ_EMPTY(&s->lookout.watches));
	free(s);
	return 0;
}

static void
join(struct player *p)
{
	lookout_join(&p->watch, &p->set, &p->known);
}

static void
join_all_but_first(struct scene *s)
{
	for (size_t i = 1; i < PLAYERS; i++)
		join(&s->players[i]);
}

/* Ask, and check for what. */
static void
ask(struct player *p, const char *expected, uint64_t now_ms)
{
	char *relids = lookout_ask(&p->watch, &p->set, now_ms);

	assert_non_null(relids);
	assert_string_equal(relids, expected);
	free(relids);
}

/* A row about a session that holds a relation. */
static void
add_row(struct player *asker, const char *relid)
{
	const char *texts[HOLDERS_COLUMNS] = {
	    [HOLDERS_PID] = "4711",
	    [HOLDERS_RELID] = relid,
	    [HOLDERS_MODE] = "AccessShareLock",
	    [HOLDERS_AGE] = "5",
	    [HOLDERS_TRANSACTION] = "3/7",
	    [HOLDERS_BLOCKER] = "10",
	};
	struct row_value row[HOLDERS_COLUMNS];

	for (size_t i = 0; i < HOLDERS_COLUMNS; i++)
		row[i] = (struct row_value){
		    texts[i], texts[i] != NULL ? strlen(texts[i]) : 0};
	lookout_add_row(&asker->watch, row);
}

static void
lookout_asks_for_all_and_gives_each_its_part(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	join_all_but_first(s);
	ask(&p[0], "{99,100,101,102,103}", NOW_MS);
	add_row(&p[0], "101");
	add_row(&p[0], "99");
	add_row(&p[0], "4712"); /* of nobody's set */
	add_row(&p[0], NULL);   /* a waiter: for who asked */
	assert_int_equal(lookout_answer(&p[0].watch), 4);
	assert_false(lookout_has_answer(&p[0].watch));
	for (size_t i = 1; i < PLAYERS; i++) {
		const struct holders *seen = &p[i].watch.seen;

		assert_true(lookout_has_answer(&p[i].watch));
		assert_int_equal(p[i].watch.shared_by, 4);
		assert_int_equal(p[i].called, 1);
		assert_int_equal(seen->count, i == 1 ? 2 : 1);
		assert_int_equal(seen->near_count, 0);
		assert_int_equal(seen->waiter_count, 0);
		assert_int_equal(seen->cycle, 0);
		assert_int_equal(seen->shown[0].relid, i == 1 ? 101 : 99);
	}
}

static void
lookout_who_is_asked_for_waits_for_a_moment(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	join(&p[1]);
	assert_int_equal(lookout_patience_ms(&p[1].watch, NOW_MS), 0);
	ask(&p[0], "{99,100,101}", NOW_MS);
	assert_int_equal(lookout_patience_ms(&p[1].watch, NOW_MS),
			 LOOKOUT_PATIENCE_MS);
	assert_int_equal(
	    lookout_patience_ms(&p[1].watch, NOW_MS + LOOKOUT_PATIENCE_MS), 0);
}

/* Another one asks then, and what comes so late is for nobody. */
static void
lookout_another_asks_where_one_falls_silent(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	join_all_but_first(s);
	ask(&p[0], "{99,100,101,102,103}", NOW_MS);
	ask(&p[1], "{99,101}", NOW_MS + 1); /* the others are asked for */
	lookout_leave(&p[1].watch);
	join(&p[1]);
	ask(&p[2], "{99,101,102,103}", NOW_MS + LOOKOUT_PATIENCE_MS);
	add_row(&p[0], "99");
	assert_int_equal(lookout_answer(&p[0].watch), 1);
	assert_false(lookout_has_answer(&p[3].watch));
	assert_int_equal(lookout_answer(&p[2].watch), 3);
	assert_true(lookout_has_answer(&p[3].watch));
	assert_int_equal(p[3].watch.seen.count, 0);
}

static void
lookout_who_gives_up_calls_the_others(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	join_all_but_first(s);
	ask(&p[0], "{99,100,101,102,103}", NOW_MS);
	lookout_leave(&p[0].watch);
	for (size_t i = 1; i < PLAYERS; i++) {
		assert_int_equal(p[i].called, 1);
		assert_false(lookout_has_answer(&p[i].watch));
		assert_int_equal(lookout_patience_ms(&p[i].watch, NOW_MS), 0);
	}
	ask(&p[1], "{99,101,102,103}", NOW_MS);
}

static void
lookout_who_comes_or_goes_meanwhile_has_no_answer(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	join(&p[1]);
	ask(&p[0], "{99,100,101}", NOW_MS);
	lookout_leave(&p[1].watch);
	join(&p[1]);
	join(&p[2]);
	add_row(&p[0], "99");
	assert_int_equal(lookout_answer(&p[0].watch), 1);
	assert_false(lookout_has_answer(&p[1].watch));
	assert_false(lookout_has_answer(&p[2].watch));
	assert_int_equal(p[1].called + p[2].called, 0);
}

static void
lookout_joining_again_forgets_the_answer(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	join(&p[1]);
	ask(&p[0], "{99,100,101}", NOW_MS);
	assert_int_equal(lookout_answer(&p[0].watch), 2);
	join(&p[1]);
	assert_false(lookout_has_answer(&p[1].watch));
}

static void
lookout_an_answer_that_is_not_taken_is_kept(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	join(&p[1]);
	ask(&p[0], "{99,100,101}", NOW_MS);
	add_row(&p[0], "99");
	(void)lookout_answer(&p[0].watch);
	ask(&p[0], "{99,100}", NOW_MS);
	assert_int_equal(lookout_answer(&p[0].watch), 1);
	assert_int_equal(p[1].watch.seen.count, 1);
}

static void
check_alone(struct scene *s)
{
	struct player *p = s->players;

	join(&p[1]);
	ask(&p[0], "{99,100}", NOW_MS);
	assert_int_equal(lookout_answer(&p[0].watch), 1);
	assert_false(lookout_has_answer(&p[1].watch));
}

static void
lookout_shares_with_the_same_database_role_and_server_only(void **state)
{
	struct scene *s = *state;
	struct pair *other = &s->players[1].pair;
	struct sockaddr_storage *address = &other->server_address.address;

	strcpy(other->database, "db2");
	check_alone(s);
	strcpy(other->database, "db");
	strcpy(other->user, "jim");
	check_alone(s);
	strcpy(other->user, "joe");
	other->server_address.len = sizeof(*address);
	check_alone(s);
	s->players[0].pair.server_address.len = sizeof(*address);
	address->ss_family = AF_INET;
	check_alone(s);
}

static void
lookout_asks_for_no_more_than_there_is_room(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;
	char *relids;

	for (size_t i = 0; i < LOOKOUT_RELIDS_MAX; i++)
		p[1].items[i].relid = 1000 + (uint32_t)i;
	p[1].set.count = LOOKOUT_RELIDS_MAX - 2;
	join_all_but_first(s);
	relids = lookout_ask(&p[0].watch, &p[0].set, NOW_MS);
	assert_non_null(relids);
	free(relids);
	assert_int_equal(lookout_answer(&p[0].watch), 2);
	assert_true(lookout_has_answer(&p[1].watch));
	/* A set beyond the room is asked for by its own. */
	p[1].set.count = LOOKOUT_RELIDS_MAX;
	lookout_leave(&p[2].watch);
	lookout_leave(&p[3].watch);
	join(&p[1]);
	ask(&p[0], "{99,100}", NOW_MS);
	lookout_leave(&p[0].watch);
	relids = lookout_ask(&p[1].watch, &p[1].set, NOW_MS);
	assert_non_null(relids);
	free(relids);
}

static void
lookout_out_of_memory_asks_for_nobody(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	join(&p[1]);
	for (unsigned int allocations = 0;; allocations++) {
		char *relids;

		allocation_fail_after(allocations);
		relids = lookout_ask(&p[0].watch, &p[0].set, NOW_MS);
		if (!allocation_restore()) {
			assert_non_null(relids);
			free(relids);
			break;
		}
		assert_null(relids);
		assert_int_equal(lookout_patience_ms(&p[1].watch, NOW_MS), 0);
	}
}

static void
lookout_rouses_those_in_whose_way_it_was(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	p[1].known.count = 2;
	p[1].known.shown[1].pid = p[0].pair.server_pid;
	p[2].known.count = 1;
	p[2].known.shown[1].pid = p[0].pair.server_pid; /* beyond the count */
	join_all_but_first(s);
	lookout_rouse(&s->lookout, &p[0].pair);
	lookout_rouse(&s->lookout, &p[0].pair);
	assert_true(p[1].watch.is_roused);
	assert_int_equal(p[1].called, 1);
	assert_int_equal(p[2].called + p[3].called, 0);
	lookout_leave(&p[1].watch);
	assert_false(p[1].watch.is_roused);
}

/* A backend of another server may have the same pid. */
static void
lookout_rouses_nobody_of_another_server(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	p[1].known.count = 1;
	p[1].known.shown[0].pid = p[0].pair.server_pid;
	p[1].pair.server_address.len = sizeof(struct sockaddr_storage);
	join(&p[1]);
	lookout_rouse(&s->lookout, &p[0].pair);
	assert_false(p[1].watch.is_roused);
}

/* The answer under way may be older than that end. */
static void
lookout_who_is_roused_waits_for_no_answer(void **state)
{
	struct scene *s = *state;
	struct player *p = s->players;

	p[1].known.count = 1;
	p[1].known.shown[0].pid = p[3].pair.server_pid;
	join(&p[1]);
	ask(&p[0], "{99,100,101}", NOW_MS);
	lookout_rouse(&s->lookout, &p[3].pair);
	assert_int_equal(lookout_patience_ms(&p[1].watch, NOW_MS), 0);
	assert_int_equal(lookout_answer(&p[0].watch), 1);
	assert_false(lookout_has_answer(&p[1].watch));
	/* The next one asks for it. */
	ask(&p[0], "{99,100,101}", NOW_MS);
	assert_int_equal(lookout_answer(&p[0].watch), 2);
}

#define scene_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    scene_test(lookout_asks_for_all_and_gives_each_its_part),
	    scene_test(lookout_who_is_asked_for_waits_for_a_moment),
	    scene_test(lookout_another_asks_where_one_falls_silent),
	    scene_test(lookout_who_gives_up_calls_the_others),
	    scene_test(lookout_who_comes_or_goes_meanwhile_has_no_answer),
	    scene_test(lookout_joining_again_forgets_the_answer),
	    scene_test(lookout_an_answer_that_is_not_taken_is_kept),
	    scene_test(
		lookout_shares_with_the_same_database_role_and_server_only),
	    scene_test(lookout_asks_for_no_more_than_there_is_room),
	    scene_test(lookout_out_of_memory_asks_for_nobody),
	    scene_test(lookout_rouses_those_in_whose_way_it_was),
	    scene_test(lookout_rouses_nobody_of_another_server),
	    scene_test(lookout_who_is_roused_waits_for_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
