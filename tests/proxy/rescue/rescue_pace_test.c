#include "proxy/rescue/rescue_pace.h"

#include "tests/support/test.h"

/* The looks within so many ms, each as soon as it may be. */
static unsigned int
looks_within(struct rescue_pace *p, uint64_t begin_ms, uint64_t ms,
	     bool is_of_use, bool is_shut)
{
	uint64_t now_ms = begin_ms;
	unsigned int looks = 0;

	while (now_ms < begin_ms + ms) {
		rescue_pace_looked(p, is_of_use, is_shut, now_ms);
		assert_true(p->next_ms > now_ms);
		now_ms = p->next_ms;
		looks++;
	}
	return looks;
}

static void
rescue_pace_has_looks_of_no_use_paid(void **state)
{
	struct rescue_pace p = {0};

	(void)state;
	/* The first ones are on credit. */
	assert_in_range(looks_within(&p, 1000, 500, false, false), 9, 11);
	assert_in_range(looks_within(&p, 1500, 10000, false, false), 50, 65);
	assert_in_range(looks_within(&p, 11500, 10000, false, false), 49, 51);
	/* So they are once more, behind a calm. */
	assert_in_range(looks_within(&p, 60000, 500, false, false), 9, 11);
}

static void
rescue_pace_is_quick_where_it_helps(void **state)
{
	struct rescue_pace p = {0};

	(void)state;
	(void)looks_within(&p, 1000, 20000, false, false);
	assert_int_equal(looks_within(&p, 21000, 1000, true, false), 20);
	assert_int_equal(looks_within(&p, 22000, 1000, true, true), 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rescue_pace_has_looks_of_no_use_paid),
	    cmocka_unit_test(rescue_pace_is_quick_where_it_helps),
	};

	return cmocka_run_group_tests_name("proxy/rescue/rescue_pace", tests,
					   NULL, NULL);
}
