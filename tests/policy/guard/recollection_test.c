#include "policy/guard/recollection.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

static void
recollection_is_asked_reads_what_was_asked(void **state)
{
	static const uint64_t shapes[] = {0, 1, UINT64_MAX,
					  0x0123456789abcdefU};
	char name[RECOLLECTION_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		uint64_t shape = 7;

		recollection_ask(name, shapes[i]);
		assert_true(recollection_is_asked(&shape, name, strlen(name)));
		assert_int_equal(shape, shapes[i]);
	}
}

static void
recollection_is_asked_leaves_other_names_alone(void **state)
{
	static const char *const names[] = {
	    "",
	    "s1",
	    "lockstep remembers ",
	    "lockstep remembers 0123456789abcde",
	    "lockstep remembers 0123456789abcdef0",
	    "lockstep remembers 0123456789abcdeX",
	    "lockstep remembers +123456789abcdef",
	    "Lockstep remembers 0123456789abcdef",
	};
	uint64_t shape;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (recollection_is_asked(&shape, names[i], strlen(names[i])))
			fail_msg("\"%s\" asks", names[i]);
}

static void
recollection_read_reads_a_detail(void **state)
{
	const struct recollection told = {.relation = "\"a, 1 ms ago: b\".t\n",
					  .mode = LOCK_SHARE_UPDATE_EXCLUSIVE,
					  .age_ms = 86400000};
	struct recollection r = {.application_name = "flyway"};
	char *detail = recollection_detail(&told);

	(void)state;
	assert_non_null(detail);
	assert_string_equal(detail, "ShareUpdateExclusiveLock, 86400000 ms "
				    "ago: \"a, 1 ms ago: b\".t\n");
	assert_true(recollection_read(&r, detail));
	assert_string_equal(r.relation, told.relation);
	assert_int_equal(r.mode, told.mode);
	assert_int_equal(r.age_ms, told.age_ms);
	assert_string_equal(r.application_name, "flyway");
	free(detail);
}

static void
recollection_read_refuses_what_is_no_detail(void **state)
{
	static const char *const details[] = {
	    "",
	    "ShareLock",
	    "ShareLock,",
	    "ShareLock, 5",
	    "ShareLock, 5 s ago: a",
	    "NoLock, 5 ms ago: a",
	    "ShareLockShareLockShareLockShareLock, 5 ms ago: a",
	};
	struct recollection r = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(details) / sizeof(*details); i++)
		if (recollection_read(&r, details[i]))
			fail_msg("\"%s\" is read", details[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(recollection_is_asked_reads_what_was_asked),
	    cmocka_unit_test(recollection_is_asked_leaves_other_names_alone),
	    cmocka_unit_test(recollection_read_reads_a_detail),
	    cmocka_unit_test(recollection_read_refuses_what_is_no_detail),
	};

	return cmocka_run_group_tests_name("policy/guard/recollection", tests,
					   NULL, NULL);
}
