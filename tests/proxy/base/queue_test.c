#include "proxy/base/queue.h"

#include "tests/support/test.h"

struct item {
	char name;
	LIST_ENTRY(item) link;
	STAILQ_ENTRY(item) behind;
	TAILQ_ENTRY(item) place;
};

LIST_HEAD(item_list, item);
STAILQ_HEAD(item_line, item);
TAILQ_HEAD(item_queue, item);

static struct item items[3];

static int
setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		items[i] = (struct item){.name = (char)('a' + i)};
	return 0;
}

static void
add_name(char *names, const struct item *i)
{
	size_t len = strlen(names);

	names[len] = i->name;
	names[len + 1] = '\0';
}

static void
assert_list(const struct item_list *list, const char *expected)
{
	char names[4] = "";
	const struct item *i;

	LIST_FOREACH(i, list, link)
		add_name(names, i);
	assert_string_equal(names, expected);
	assert_int_equal(LIST_EMPTY(list), *expected == '\0');
}

static void
assert_queue(const struct item_queue *queue, const char *expected)
{
	char names[4] = "";
	const struct item *i;

	TAILQ_FOREACH(i, queue, place)
		add_name(names, i);
	assert_string_equal(names, expected);
	assert_int_equal(TAILQ_EMPTY(queue), *expected == '\0');
	if (*expected != '\0')
		assert_int_equal(TAILQ_LAST(queue, item_queue)->name,
				 expected[strlen(expected) - 1]);
}

static void
list_loses_any_item(void **state)
{
	static const char *const left[3] = {"cb", "ca", "ba"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct item_list list;

		LIST_INIT(&list);
		assert_list(&list, "");
		LIST_INSERT_HEAD(&list, &items[0], link);
		LIST_INSERT_HEAD(&list, &items[1], link);
		LIST_INSERT_HEAD(&list, &items[2], link);
		assert_list(&list, "cba");
		LIST_REMOVE(&items[i], link);
		assert_list(&list, left[i]);
	}
}

static void
stailq_is_first_in_first_out(void **state)
{
	struct item_line line;

	(void)state;
	STAILQ_INIT(&line);
	for (size_t round = 0; round < 2; round++) {
		assert_true(STAILQ_EMPTY(&line));
		STAILQ_INSERT_TAIL(&line, &items[0], behind);
		STAILQ_INSERT_TAIL(&line, &items[1], behind);
		assert_ptr_equal(STAILQ_FIRST(&line), &items[0]);
		STAILQ_REMOVE_HEAD(&line, behind);
		assert_ptr_equal(STAILQ_FIRST(&line), &items[1]);
		STAILQ_REMOVE_HEAD(&line, behind);
	}
	assert_true(STAILQ_EMPTY(&line));
}

static void
tailq_loses_any_item(void **state)
{
	static const char *const left[3] = {"cb", "ca", "ab"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct item_queue queue;

		TAILQ_INIT(&queue);
		assert_queue(&queue, "");
		TAILQ_INSERT_HEAD(&queue, &items[0], place);
		TAILQ_INSERT_TAIL(&queue, &items[1], place);
		TAILQ_INSERT_HEAD(&queue, &items[2], place);
		assert_queue(&queue, "cab");
		TAILQ_REMOVE(&queue, &items[i], place);
		assert_queue(&queue, left[i]);
	}
}

static void
tailq_is_added_to_when_it_was_emptied(void **state)
{
	struct item_queue queue;

	(void)state;
	TAILQ_INIT(&queue);
	TAILQ_INSERT_TAIL(&queue, &items[0], place);
	TAILQ_REMOVE(&queue, &items[0], place);
	assert_queue(&queue, "");
	TAILQ_INSERT_TAIL(&queue, &items[1], place);
	TAILQ_INSERT_TAIL(&queue, &items[2], place);
	assert_queue(&queue, "bc");
	assert_ptr_equal(TAILQ_NEXT(&items[1], place), &items[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(list_loses_any_item, setup),
	    cmocka_unit_test_setup(stailq_is_first_in_first_out, setup),
	    cmocka_unit_test_setup(tailq_loses_any_item, setup),
	    cmocka_unit_test_setup(tailq_is_added_to_when_it_was_emptied,
				   setup),
	};

	return cmocka_run_group_tests_name("proxy/base/queue", tests, NULL,
					   NULL);
}
