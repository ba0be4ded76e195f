#include "proxy/gate/turns.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "policy/catalog/lock_set.h"
#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum {
	NOW_MS = 1000000,
	THREADS = 4,
	ROUNDS_OF_THREAD = 2000,
};

static int
new_turns(void **state)
{
	*state = turns_new();
	return *state != NULL ? 0 : -1;
}

static int
free_turns(void **state)
{
	turns_free(*state);
	return 0;
}

/* A relation in a mode, or none. */
struct wish {
	uint32_t relid;
	enum lock_mode mode;
};

static bool
claim_turn(struct turns *t, const char *database, const struct wish *wishes,
	   struct turn_claim *claim, struct rival *rival)
{
	struct lock_item items[3] = {0};
	struct lock_set set = {items, 0};
	uint32_t allowance_ms;

	for (; set.count < 3 && wishes[set.count].relid != 0; set.count++) {
		items[set.count].relid = wishes[set.count].relid;
		items[set.count].mode = wishes[set.count].mode;
	}
	claim->set = &set;
	return turns_take(t, database, claim, NOW_MS, &allowance_ms, rival);
}

/* Take the turn for one relation, always the same. */
static bool
take(struct turns *t, const char *database, uint64_t session, uint64_t now_ms)
{
	static struct lock_item item = {.relid = 4711,
					.mode = LOCK_ACCESS_EXCLUSIVE};
	static const struct lock_set set = {&item, 1};
	const struct turn_claim claim = {.who.session = session, .set = &set};
	struct rival rival;
	uint32_t allowance_ms;

	return turns_take(t, database, &claim, now_ms, &allowance_ms, &rival);
}

/* How long the gate may be shut now; the turn is given back. */
static uint32_t
allowance(struct turns *t, const char *database, uint64_t now_ms)
{
	const struct lock_set none = {0};
	const struct turn_claim claim = {.who.session = 1, .set = &none};
	struct rival rival;
	uint32_t allowance_ms = 0;

	assert_true(
	    turns_take(t, database, &claim, now_ms, &allowance_ms, &rival));
	turns_give(t, database, 1);
	return allowance_ms;
}

static void
turns_take_grants_one_at_a_time(void **state)
{
	struct turns *t = *state;

	assert_true(take(t, "a", 1, NOW_MS));
	assert_false(take(t, "a", 2, NOW_MS));
	assert_false(take(t, "a", 3, NOW_MS + 86400000));
	turns_give(t, "a", 1);
	assert_true(take(t, "a", 3, NOW_MS));
	assert_false(take(t, "a", 1, NOW_MS));
}

static void
turns_take_again_grants_the_owner(void **state)
{
	struct turns *t = *state;

	assert_true(take(t, "a", 1, NOW_MS));
	assert_true(take(t, "a", 1, NOW_MS + 5));
	turns_give(t, "a", 1);
	turns_give(t, "a", 1);
	assert_true(take(t, "a", 2, NOW_MS));
}

static void
turns_take_keeps_databases_apart(void **state)
{
	struct turns *t = *state;
	char name[16];

	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "d%u", i);
		assert_true(take(t, name, i + 1, NOW_MS));
	}
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "d%u", i);
		assert_false(take(t, name, i + 2, NOW_MS));
		assert_true(take(t, name, i + 1, NOW_MS));
	}
	assert_true(take(t, "", 7, NOW_MS));
	assert_false(take(t, "", 8, NOW_MS));
	assert_true(take(t, "D1", 9, NOW_MS)); /* its own name */
}

static void
turns_give_is_for_the_owner_only(void **state)
{
	struct turns *t = *state;

	turns_give(t, "nowhere", 1);
	assert_true(take(t, "a", 1, NOW_MS));
	turns_give(t, "a", 2);
	turns_give(t, "b", 1);
	assert_false(take(t, "a", 2, NOW_MS));
}

/* Whose sets do not meet have nothing to do with one another. */
static void
turns_take_keeps_apart_only_who_can_meet(void **state)
{
	static const struct {
		struct wish first[3];
		struct wish second[3];
		bool meets;
	} cases[] = {
	    {{{5, LOCK_ACCESS_EXCLUSIVE}}, {{6, LOCK_ACCESS_EXCLUSIVE}}, false},
	    {{{5, LOCK_ACCESS_EXCLUSIVE}}, {{5, LOCK_ACCESS_EXCLUSIVE}}, true},
	    {{{0}}, {{5, LOCK_ACCESS_EXCLUSIVE}}, false},
	    {{{0}}, {{0}}, false},
	    /* In whatever order they come. */
	    {{{9, LOCK_SHARE}, {2, LOCK_ACCESS_EXCLUSIVE}, {7, LOCK_SHARE}},
	     {{8, LOCK_SHARE}, {1, LOCK_SHARE}, {2, LOCK_ACCESS_SHARE}},
	     true},
	    {{{9, LOCK_ACCESS_EXCLUSIVE}, {3, LOCK_ACCESS_EXCLUSIVE}},
	     {{8, LOCK_ACCESS_EXCLUSIVE}, {4, LOCK_ACCESS_EXCLUSIVE}},
	     false},
	    {{{UINT32_MAX, LOCK_ACCESS_EXCLUSIVE}},
	     {{1, LOCK_SHARE}, {UINT32_MAX, LOCK_ACCESS_SHARE}},
	     true},
	    /* Modes that others can hold beside. */
	    {{{5, LOCK_SHARE}}, {{5, LOCK_SHARE}}, false},
	    {{{5, LOCK_ROW_SHARE}}, {{5, LOCK_SHARE_ROW_EXCLUSIVE}}, false},
	    {{{5, LOCK_SHARE_ROW_EXCLUSIVE}},
	     {{5, LOCK_SHARE_ROW_EXCLUSIVE}},
	     true},
	};
	struct turns *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct turn_claim one = {.who.session = 1};
		struct turn_claim two = {.who.session = 2};
		struct rival rival;

		assert_true(claim_turn(t, "a", cases[i].first, &one, &rival));
		assert_int_equal(
		    claim_turn(t, "a", cases[i].second, &two, &rival),
		    !cases[i].meets);
		assert_int_equal(rival.session, cases[i].meets ? 1 : 0);
		turns_give(t, "a", 1);
		assert_true(claim_turn(t, "a", cases[i].second, &two, &rival));
		turns_give(t, "a", 2);
	}
}

static void
turns_take_anew_forgets_what_it_was_for(void **state)
{
	static const struct wish a[] = {{1, LOCK_ACCESS_EXCLUSIVE}, {0}};
	static const struct wish b[] = {{2, LOCK_ACCESS_EXCLUSIVE}, {0}};
	struct turn_claim one = {.who.session = 1};
	struct turn_claim two = {.who.session = 2};
	struct turn_claim three = {.who.session = 3};
	struct turns *t = *state;
	struct rival rival;

	assert_true(claim_turn(t, "a", a, &one, &rival));
	assert_true(claim_turn(t, "a", b, &one, &rival));
	assert_true(claim_turn(t, "a", a, &two, &rival));
	assert_false(claim_turn(t, "a", a, &one, &rival)); /* and loses b */
	assert_true(claim_turn(t, "a", b, &three, &rival));
}

static void
turns_take_tells_who_has_it(void **state)
{
	static const struct wish a[] = {{1, LOCK_ACCESS_EXCLUSIVE}, {0}};
	struct turn_claim eve = {.who = {.session = 7,
					 .pid = 4712,
					 .user = "eve",
					 .application_name = "loader",
					 .since_ms = NOW_MS}};
	struct turn_claim two = {.who.session = 2};
	struct turns *t = *state;
	struct rival rival;

	assert_true(claim_turn(t, "a", a, &eve, &rival));
	assert_int_equal(rival.session, 0);
	assert_false(claim_turn(t, "a", a, &two, &rival));
	assert_memory_equal(&rival, &eve.who, sizeof(rival));
}

/* A session that has waited enough has the turn beside others, each to be given
 * back. */
static void
turns_take_impatiently_is_granted(void **state)
{
	static const struct wish a[] = {{1, LOCK_ACCESS_EXCLUSIVE}, {0}};
	struct turn_claim one = {.who.session = 1};
	struct turn_claim two = {.who.session = 2, .is_impatient = true};
	struct turn_claim three = {.who.session = 3};
	struct turns *t = *state;
	struct rival rival;

	assert_true(claim_turn(t, "a", a, &one, &rival));
	assert_true(claim_turn(t, "a", a, &two, &rival));
	assert_false(claim_turn(t, "a", a, &three, &rival));
	turns_give(t, "a", 1);
	assert_false(claim_turn(t, "a", a, &three, &rival));
	assert_int_equal(rival.session, 2);
	turns_give(t, "a", 2);
	assert_true(claim_turn(t, "a", a, &three, &rival));
}

/* How long the gate may be shut */

static void
turns_take_begins_with_the_whole_allowance(void **state)
{
	struct turns *t = *state;

	assert_int_equal(allowance(t, "a", NOW_MS), TURNS_SHUT_BURST_MS);
	assert_int_equal(allowance(t, "a", NOW_MS + 86400000),
			 TURNS_SHUT_BURST_MS);
}

/* As if the gate had been shut for so long. */
static uint64_t
spend(struct turns *t, const char *database, uint64_t shut_ms, uint64_t now_ms)
{
	return turns_reserve(t, database, shut_ms, now_ms);
}

static void
turns_reserve_takes_from_the_allowance(void **state)
{
	struct turns *t = *state;

	assert_int_equal(spend(t, "a", 300, NOW_MS), 300);
	assert_int_equal(allowance(t, "a", NOW_MS), TURNS_SHUT_BURST_MS - 300);
	assert_int_equal(spend(t, "a", 0, NOW_MS), 0);
	assert_int_equal(spend(t, "a", 300, NOW_MS), 300);
	assert_int_equal(allowance(t, "a", NOW_MS), TURNS_SHUT_BURST_MS - 600);
	/* No more than there is. */
	assert_int_equal(spend(t, "a", 10000, NOW_MS), 400);
	assert_int_equal(spend(t, "a", 1, NOW_MS), 0);
	assert_int_equal(allowance(t, "a", NOW_MS), 0);
	assert_int_equal(allowance(t, "b", NOW_MS), TURNS_SHUT_BURST_MS);
}

static void
turns_reserve_knows_so_many_databases_that_nobody_took(void **state)
{
	struct turns *t = *state;
	char name[16];
	int i;

	for (i = 0; i < TURNS_RESERVED_MAX; i++) {
		(void)snprintf(name, sizeof(name), "made_up_%d", i);
		assert_int_equal(spend(t, name, 100, NOW_MS), 100);
	}
	assert_int_equal(spend(t, "b", 100, NOW_MS), 0);
	/* A session's own is none of them. */
	assert_true(take(t, "a", 1, NOW_MS));
	assert_int_equal(spend(t, "a", 100, NOW_MS), 100);
	/* The databases whose allowance is whole are forgotten, no other. */
	assert_int_equal(spend(t, "made_up_0", 900, NOW_MS), 900);
	assert_int_equal(spend(t, "b", 100, NOW_MS + 400), 100);
	assert_int_equal(spend(t, "made_up_0", 1000, NOW_MS + 400), 100);
}

/* The operator lets transactions keep the gate for longer. */
static void
turns_allow_burst_is_for_what_is_reserved(void **state)
{
	struct turns *t = *state;

	turns_allow_burst(t, 5000);
	assert_int_equal(allowance(t, "a", NOW_MS), TURNS_SHUT_BURST_MS);
	assert_int_equal(spend(t, "a", 4500, NOW_MS), 4500);
	assert_int_equal(allowance(t, "a", NOW_MS), 500);
	assert_int_equal(spend(t, "a", 4500, NOW_MS), 500);
	turns_refund(t, "a", 9000);
	assert_int_equal(spend(t, "a", 9000, NOW_MS), 5000);
}

/* As a reload does, of databases that are known by then. */
static void
turns_allow_burst_counts_at_once(void **state)
{
	struct turns *t = *state;

	turns_allow_burst(t, 5000);
	assert_int_equal(spend(t, "a", 2000, NOW_MS), 2000);
	turns_allow_burst(t, 60000);
	assert_int_equal(spend(t, "a", 60000, NOW_MS), 58000);
	turns_refund(t, "a", 60000);
	turns_allow_burst(t, 1000);
	assert_int_equal(spend(t, "a", 60000, NOW_MS), 1000);
}

/* Also while another session has the turn. */
static void
turns_refund_gives_back_what_was_not_needed(void **state)
{
	struct turns *t = *state;

	assert_true(take(t, "a", 2, NOW_MS));
	assert_int_equal(spend(t, "a", 800, NOW_MS), 800);
	turns_refund(t, "a", 500);
	turns_give(t, "a", 2);
	assert_int_equal(allowance(t, "a", NOW_MS), 700);
	turns_refund(t, "a", 500);
	assert_int_equal(allowance(t, "a", NOW_MS), TURNS_SHUT_BURST_MS);
	turns_refund(t, "nowhere", 300);
}

/* In four milliseconds as much as one that the gate was shut. */
static void
turns_take_refills_the_allowance_by_its_share(void **state)
{
	struct turns *t = *state;

	(void)spend(t, "a", TURNS_SHUT_BURST_MS, NOW_MS);
	assert_int_equal(allowance(t, "a", NOW_MS), 0);
	for (uint32_t ms = 1; ms <= 100; ms++)
		assert_int_equal(allowance(t, "a", NOW_MS + ms),
				 ms / TURNS_SHUT_SHARE);
	assert_int_equal(allowance(t, "a", NOW_MS + 2000), 500);
	assert_int_equal(allowance(t, "a", NOW_MS + 1999), 500); /* set back */
	assert_int_equal(allowance(t, "a", NOW_MS + 3999), 999);
	assert_int_equal(allowance(t, "a", NOW_MS + 4000), 1000);
	assert_int_equal(allowance(t, "a", NOW_MS + 4001), 1000);
	(void)spend(t, "a", 100, NOW_MS + 4001);
	assert_int_equal(allowance(t, "a", NOW_MS + 4101), 925);
}

/* Whoever asks, and however often: a quarter of the time, and the burst. */
static void
turns_allow_a_quarter_of_the_time(void **state)
{
	static const uint32_t wanted_ms[] = {10, 300, 1000};
	struct turns *t = *state;
	char name[] = "a";

	for (size_t i = 0; i < 3; i++, name[0]++) {
		uint64_t now_ms = NOW_MS;
		uint64_t shut_ms = 0;

		while (now_ms < NOW_MS + 600000) {
			uint64_t length_ms =
			    spend(t, name, wanted_ms[i], now_ms);

			now_ms += length_ms;
			shut_ms += length_ms;
			assert_true(4 * shut_ms <=
				    now_ms - NOW_MS + 4 * TURNS_SHUT_BURST_MS);
			now_ms++;
		}
		assert_true(4 * shut_ms > (now_ms - NOW_MS) * 9 / 10);
	}
}

static void
turns_take_without_memory_grants_nothing(void **state)
{
	struct turns *t = *state;

	allocation_fail_after(0);
	assert_false(take(t, "a", 1, NOW_MS));
	assert_true(allocation_restore());
	assert_true(take(t, "a", 1, NOW_MS));
	allocation_fail_after(1); /* the database is new, the holder fails */
	assert_false(take(t, "b", 1, NOW_MS));
	assert_true(allocation_restore());
	allocation_fail_after(0);
	assert_false(take(t, "a", 1, NOW_MS)); /* it has lost the turn */
	turns_give(t, "a", 1);
	assert_int_equal(spend(t, "c", 1, NOW_MS), 0);
	assert_true(allocation_restore());
	assert_true(take(t, "a", 2, NOW_MS));
}

static void
turns_new_without_memory_is_null(void **state)
{
	(void)state;
	allocation_fail_after(0);
	assert_null(turns_new());
	assert_true(allocation_restore());
	turns_free(NULL);
}

/* Several threads */

struct visitor {
	struct turns *turns;
	uint64_t number;
	atomic_uint *inside; /* those that have the turn: one at most */
	atomic_uint *grants;
	atomic_uint *mistakes;
};

static void *
visit(void *arg)
{
	struct visitor *v = arg;
	char own[16];

	(void)snprintf(own, sizeof(own), "own%u", (unsigned)v->number);
	for (unsigned i = 0; i < ROUNDS_OF_THREAD; i++) {
		if (!take(v->turns, own, v->number, NOW_MS + i))
			atomic_fetch_add(v->mistakes, 1);
		turns_refund(v->turns, own, spend(v->turns, own, 1, NOW_MS));
		if (!take(v->turns, "all", v->number, NOW_MS + i))
			continue;
		if (atomic_fetch_add(v->inside, 1) != 0)
			atomic_fetch_add(v->mistakes, 1);
		atomic_fetch_add(v->grants, 1);
		(void)spend(v->turns, "all", 1, NOW_MS + i);
		atomic_fetch_sub(v->inside, 1);
		turns_give(v->turns, "all", v->number);
	}
	return NULL;
}

static void
turns_serve_several_threads(void **state)
{
	struct visitor visitors[THREADS];
	pthread_t threads[THREADS];
	atomic_uint inside = 0;
	atomic_uint grants = 0;
	atomic_uint mistakes = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		visitors[i] = (struct visitor){*state, i + 1, &inside, &grants,
					       &mistakes};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, visit, &visitors[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(mistakes, 0);
	assert_true(grants > 0);
	assert_true(take(*state, "all", 99, NOW_MS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_turns, free_turns)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(turns_take_grants_one_at_a_time),
	    TEST(turns_take_again_grants_the_owner),
	    TEST(turns_take_keeps_databases_apart),
	    TEST(turns_give_is_for_the_owner_only),
	    TEST(turns_take_keeps_apart_only_who_can_meet),
	    TEST(turns_take_anew_forgets_what_it_was_for),
	    TEST(turns_take_tells_who_has_it),
	    TEST(turns_take_impatiently_is_granted),
	    TEST(turns_take_begins_with_the_whole_allowance),
	    TEST(turns_reserve_takes_from_the_allowance),
	    TEST(turns_refund_gives_back_what_was_not_needed),
	    TEST(turns_reserve_knows_so_many_databases_that_nobody_took),
	    TEST(turns_allow_burst_is_for_what_is_reserved),
	    TEST(turns_allow_burst_counts_at_once),
	    TEST(turns_take_refills_the_allowance_by_its_share),
	    TEST(turns_allow_a_quarter_of_the_time),
	    TEST(turns_take_without_memory_grants_nothing),
	    TEST(turns_new_without_memory_is_null),
	    TEST(turns_serve_several_threads),
	};

	return cmocka_run_group_tests_name("proxy/gate/turns", tests, NULL,
					   NULL);
}
