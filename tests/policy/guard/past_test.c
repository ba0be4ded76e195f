/*
 * past_test.c - transactions that came past the gate, as looks show them.
 */
#include "policy/guard/past.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

enum {
	SHUT_MS = 1000000,
	LENGTH_MS = 300,
};

static const struct window window = {.begun_ms = SHUT_MS,
				     .until_ms = SHUT_MS + LENGTH_MS};

static void
add(struct holders *h, uint64_t id, bool has_age, uint64_t age_ms,
    const char *name)
{
	struct holder_transaction *t = &h->youngest[h->youngest_count++];

	*t = (struct holder_transaction){
	    .id = id, .has_age = has_age, .age_ms = age_ms};
	(void)snprintf(t->application_name, sizeof(t->application_name), "%s",
		       name);
	if (!has_age)
		h->untold[h->untold_count++] = id;
}

/* So long behind the shutting, by a look that took a millisecond. */
static bool
note_at(struct past *p, const struct holders *h, struct holder_age *age,
	uint64_t at_ms)
{
	(void)holder_age_oldest(age, h, SHUT_MS + at_ms + 1);
	return past_note(p, h, age, &window, SHUT_MS + at_ms,
			 SHUT_MS + at_ms + 1);
}

static void
past_note_takes_those_that_are_younger_than_the_window(void **state)
{
	static const struct {
		uint64_t at_ms;
		uint64_t age_ms;
		bool is_past;
	} cases[] = {
	    {0, 0, false},    {20, 0, false},    {21, 0, true},
	    {21, 1, false},   {100, 0, true},    {100, 79, true},
	    {100, 80, false}, {100, 100, false}, {100, 5000, false},
	    {299, 278, true}, {299, 279, false}, {100, UINT32_MAX, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct past past = {0};
		struct holder_age age = {0};
		struct holders h = {0};

		add(&h, 1, true, cases[i].age_ms, "app");
		assert_int_equal(note_at(&past, &h, &age, cases[i].at_ms),
				 cases[i].is_past);
		assert_int_equal(past.count, cases[i].is_past);
	}
}

/* Transactions that were under way have shown by then. */
static void
past_note_takes_untold_ones_that_show_late(void **state)
{
	static const uint64_t first_ms[] = {0, 50, 168, 169, 250};

	(void)state;
	for (size_t i = 0; i < sizeof(first_ms) / sizeof(*first_ms); i++) {
		struct past past = {0};
		struct holder_age age = {0};
		struct holders h = {0};
		bool is_past = i >= 3;

		add(&h, 1, false, 0, "app");
		assert_int_equal(note_at(&past, &h, &age, first_ms[i]),
				 is_past);
		/* The transaction is older at each look, and the same. */
		assert_int_equal(note_at(&past, &h, &age, first_ms[i] + 30),
				 is_past);
		assert_int_equal(past.count, is_past);
	}
}

static void
past_note_counts_each_once(void **state)
{
	struct past past = {0};
	struct holder_age age = {0};

	(void)state;
	for (uint64_t look = 0; look < 40; look++) {
		struct holders h = {0};

		for (uint64_t id = look; id < look + 4; id++)
			add(&h, id, true, 0, "app");
		assert_true(note_at(&past, &h, &age, 100 + look));
		assert_int_equal(past.count, look + 4);
	}
	assert_int_equal(past.name_count, 1);
	assert_false(past.has_more_names);
}

static void
past_note_keeps_a_few_names(void **state)
{
	static const char *const names[] = {"web", "", "web", "cron", "etl"};
	struct past past = {0};
	struct holder_age age = {0};
	struct holders h = {0};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		add(&h, i, true, 0, names[i]);
	add(&h, 5, true, 5000, "old");
	assert_true(note_at(&past, &h, &age, 100));
	assert_int_equal(past.count, 5);
	assert_int_equal(past.name_count, 3);
	assert_string_equal(past.names[0], "web");
	assert_string_equal(past.names[1], "");
	assert_string_equal(past.names[2], "cron");
	assert_true(past.has_more_names);
}

static void
past_note_of_nobody_is_nothing(void **state)
{
	struct past past = {0};
	struct holder_age age = {0};
	struct holders h = {0};

	(void)state;
	assert_false(note_at(&past, &h, &age, 250));
	assert_int_equal(past.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		past_note_takes_those_that_are_younger_than_the_window),
	    cmocka_unit_test(past_note_takes_untold_ones_that_show_late),
	    cmocka_unit_test(past_note_counts_each_once),
	    cmocka_unit_test(past_note_keeps_a_few_names),
	    cmocka_unit_test(past_note_of_nobody_is_nothing),
	};

	return cmocka_run_group_tests_name("policy/guard/past", tests, NULL,
					   NULL);
}
