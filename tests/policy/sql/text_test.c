#include "policy/sql/text.h"

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static void
text_finish_gives_all_that_was_put(void **state)
{
	struct text t = {0};
	char *data;

	(void)state;
	text_put(&t, 'a');
	text_put_string(&t, "bc");
	text_put_string(&t, "");
	text_put_bytes(&t, "defg", 2);
	text_put_bytes(&t, NULL, 0);
	text_print(&t, " %d %s", 42, "x");
	data = text_finish(&t);
	assert_non_null(data);
	assert_string_equal(data, "abcde 42 x");
	assert_null(t.data);
	assert_int_equal(t.len, 0);
	free(data);
}

static void
text_finish_of_nothing_is_an_empty_text(void **state)
{
	struct text t = {0};
	char *data = text_finish(&t);

	(void)state;
	assert_non_null(data);
	assert_string_equal(data, "");
	free(data);
}

/* Each length in one piece and byte by byte, around each doubling. */
static void
text_grows_by_any_length(void **state)
{
	char long_one[1100];

	(void)state;
	memset(long_one, 'x', sizeof(long_one));
	for (size_t len = 0; len < sizeof(long_one); len++) {
		struct text t = {0};
		char *data;

		text_put_bytes(&t, long_one, len);
		text_print(&t, "%.*s", (int)len, long_one);
		for (size_t i = 0; i < len; i++)
			text_put(&t, 'y');
		data = text_finish(&t);
		assert_non_null(data);
		assert_int_equal(strlen(data), 3 * len);
		assert_int_equal(strspn(data, "x"), 2 * len);
		free(data);
	}
}

static void
write_all(struct text *t)
{
	text_put(t, 'a');
	text_put_string(t, "0123456789012345678901234567890123456789"
			   "0123456789012345678901234567890123456789");
	text_print(t, "%200d", 7);
	text_put_bytes(t, "bc", 2);
}

static void
text_failed_is_sticky_at_each_allocation(void **state)
{
	bool failed = true;

	(void)state;
	for (unsigned n = 0; failed; n++) {
		struct text t = {0};
		char *data;

		allocation_fail_after(n);
		write_all(&t);
		data = text_finish(&t);
		failed = allocation_restore();
		assert_int_equal(data == NULL, failed);
		assert_null(t.data);
		free(data);
		assert_true(n < 10);
	}
}

static void
text_clear_takes_a_text_of_any_state(void **state)
{
	struct text t = {0};

	(void)state;
	text_clear(&t);
	text_put(&t, 'a');
	text_clear(&t);
	assert_null(t.data);
	assert_int_equal(t.capacity, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_finish_gives_all_that_was_put),
	    cmocka_unit_test(text_finish_of_nothing_is_an_empty_text),
	    cmocka_unit_test(text_grows_by_any_length),
	    cmocka_unit_test(text_failed_is_sticky_at_each_allocation),
	    cmocka_unit_test(text_clear_takes_a_text_of_any_state),
	};

	return cmocka_run_group_tests_name("policy/sql/text", tests, NULL,
					   NULL);
}
