#include "proxy/guard/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum {
	NOW_MS = 1000000,
	THREADS = 4,
	ROUNDS_OF_THREAD = 300,
};

static int
new_memory(void **state)
{
	*state = memory_new();
	return *state != NULL ? 0 : -1;
}

static int
free_memory(void **state)
{
	memory_free(*state);
	return 0;
}

static struct memory_key
key_of(uint64_t shape)
{
	return (struct memory_key){.database = "db",
				   .user = "joe",
				   .application_name = "app",
				   .is_utf8 = true,
				   .shape = shape};
}

static void
learn_as(struct memory *m, const struct memory_key *key, const char *name,
	 enum lock_mode mode, uint64_t now_ms)
{
	char copy[2048];
	struct lock_item item = {
	    .name = copy, .mode = mode, .is_lockable = true};
	const struct lock_set set = {&item, 1};

	snprintf(copy, sizeof(copy), "%s", name);
	memory_learn(m, key, &set, now_ms);
}

static void
learn(struct memory *m, uint64_t shape, const char *name, uint64_t now_ms)
{
	struct memory_key key = key_of(shape);

	learn_as(m, &key, name, LOCK_ACCESS_EXCLUSIVE, now_ms);
}

/* All that is remembered: "8"s.t" 6"s.u" ", or empty. */
static const char *
recall_as(struct memory *m, const struct memory_key *key, uint64_t now_ms)
{
	static char text[8192];
	struct statement_list list;
	size_t len = 0;

	text[0] = '\0';
	if (!memory_recall(m, key, now_ms, &list)) {
		assert_int_equal(list.count, 0);
		return text;
	}
	assert_int_equal(list.count, 1);
	for (size_t i = 0; i < list.items[0].target_count; i++) {
		const struct target *t = &list.items[0].targets[i];

		assert_int_equal(t->kind, TARGET_LOCK);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%d%s ",
					(int)t->mode, t->relation);
		assert_true(len < sizeof(text));
	}
	statement_list_clear(&list);
	return text;
}

static const char *
recall(struct memory *m, uint64_t shape, uint64_t now_ms)
{
	struct memory_key key = key_of(shape);

	return recall_as(m, &key, now_ms);
}

static bool
is_known(struct memory *m, const struct memory_key *key)
{
	struct statement_list list;
	bool is_known = memory_recall(m, key, NOW_MS, &list);

	statement_list_clear(&list);
	return is_known;
}

static void
memory_recall_tells_what_was_learned_in_the_strongest_mode(void **state)
{
	struct memory *m = *state;
	struct memory_key key = key_of(1);

	assert_string_equal(recall(m, 1, NOW_MS), "");
	learn_as(m, &key, "s.t", LOCK_SHARE_ROW_EXCLUSIVE, NOW_MS);
	learn_as(m, &key, "s.u", LOCK_SHARE, NOW_MS);
	learn_as(m, &key, "s.t", LOCK_ACCESS_EXCLUSIVE, NOW_MS);
	learn_as(m, &key, "s.t", LOCK_SHARE, NOW_MS);
	assert_string_equal(recall(m, 1, NOW_MS), "8\"s\".\"t\" 5\"s\".\"u\" ");
}

static void
memory_recall_is_for_whom_it_was_learned_of(void **state)
{
	struct memory *m = *state;
	struct memory_key others[5];

	for (size_t i = 0; i < 5; i++)
		others[i] = key_of(1);
	strcpy(others[0].database, "db2");
	strcpy(others[1].user, "eve");
	strcpy(others[2].application_name, "");
	others[3].is_utf8 = false;
	others[4].shape = 2;
	learn(m, 1, "s.t", NOW_MS);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(recall_as(m, &others[i], NOW_MS), "");
	assert_string_equal(recall(m, 1, NOW_MS), "8\"s\".\"t\" ");
}

static void
memory_learn_leaves_out_what_is_not_fit(void **state)
{
	struct memory *m = *state;
	struct memory_key key = key_of(1);
	struct lock_item item = {.name = "s.t", .mode = LOCK_SHARE};
	const struct lock_set set = {&item, 1};

	memory_learn(m, &key, &set, NOW_MS); /* not lockable */
	learn(m, 1, "pg_temp_2.t", NOW_MS);
	assert_string_equal(recall(m, 1, NOW_MS), "");
}

static void
memory_recall_forgets_what_is_old(void **state)
{
	struct memory *m = *state;
	uint64_t later_ms = NOW_MS + 1000;

	learn(m, 1, "s.t", NOW_MS);
	learn(m, 1, "s.u", later_ms);
	assert_string_equal(recall(m, 1, NOW_MS + MEMORY_AGE_MS),
			    "8\"s\".\"t\" 8\"s\".\"u\" ");
	assert_string_equal(recall(m, 1, later_ms + MEMORY_AGE_MS),
			    "8\"s\".\"u\" ");
	assert_string_equal(recall(m, 1, later_ms + MEMORY_AGE_MS + 1), "");
}

/* One that committed without it did not need it. */
static void
memory_settle_forgets_what_was_not_wanted(void **state)
{
	struct memory *m = *state;
	struct memory_key key = key_of(1);

	learn(m, 1, "s.t", NOW_MS);
	learn(m, 1, "s.u", NOW_MS);
	learn(m, 1, "s.u", NOW_MS + 2);
	memory_settle(m, &key, NOW_MS + 1);
	assert_string_equal(recall(m, 1, NOW_MS), "8\"s\".\"u\" ");
	memory_settle(m, &key, NOW_MS + 3);
	memory_settle(m, &key, NOW_MS + 3);
	assert_string_equal(recall(m, 1, NOW_MS), "");
}

static void
memory_learn_drops_what_was_asked_for_least_lately(void **state)
{
	struct memory *m = *state;

	for (uint64_t i = 0; i < MEMORY_OF_ROLE_MAX; i++)
		learn(m, i, "s.t", NOW_MS);
	assert_string_not_equal(recall(m, 0, NOW_MS), "");
	learn(m, MEMORY_OF_ROLE_MAX, "s.t", NOW_MS);
	assert_string_not_equal(recall(m, 0, NOW_MS), "");
	assert_string_equal(recall(m, 1, NOW_MS), "");
}

/* One role cannot make another one's migrations forgotten. */
static void
memory_learn_drops_that_of_the_role_itself_first(void **state)
{
	struct memory *m = *state;
	struct memory_key eve = key_of(0);

	strcpy(eve.user, "eve");
	learn(m, 7, "s.t", NOW_MS);
	for (; eve.shape < 10ull * MEMORY_MAX; eve.shape++)
		learn_as(m, &eve, "s.t", LOCK_SHARE, NOW_MS);
	assert_string_not_equal(recall(m, 7, NOW_MS), "");
}

/* Nor by names that are long. */
static void
memory_learn_bounds_the_bytes_of_a_role(void **state)
{
	struct memory *m = *state;
	struct memory_key eve = key_of(0);
	char name[2000];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	strcpy(eve.user, "eve");
	learn(m, 7, "s.t", NOW_MS);
	for (; eve.shape < MEMORY_OF_ROLE_MAX; eve.shape++) {
		for (int i = 0; i < 9; i++) {
			name[0] = (char)('a' + i);
			learn_as(m, &eve, name, LOCK_SHARE, NOW_MS);
		}
		assert_true(is_known(m, &eve));
	}
	assert_string_not_equal(recall(m, 7, NOW_MS), "");
	eve.shape = 0;
	assert_false(is_known(m, &eve));
}

static void
memory_learn_bounds_the_number_of_all(void **state)
{
	struct memory *m = *state;
	struct memory_key key = key_of(0);

	learn(m, 7, "s.t", NOW_MS);
	for (int i = 0; i < MEMORY_MAX; i++) {
		snprintf(key.user, sizeof(key.user), "role%d", i);
		learn_as(m, &key, "s.t", LOCK_SHARE, NOW_MS);
	}
	assert_string_equal(recall(m, 7, NOW_MS), "");
	assert_string_not_equal(recall_as(m, &key, NOW_MS), "");
}

static void
memory_learn_bounds_the_relations_of_one(void **state)
{
	struct memory *m = *state;
	struct memory_key key = key_of(1);
	struct statement_list list;
	char name[16];

	for (int i = 0; i < MEMORY_RELATIONS_MAX + 9; i++) {
		snprintf(name, sizeof(name), "s.t%d", i);
		learn(m, 1, name, NOW_MS);
	}
	assert_true(memory_recall(m, &key, NOW_MS, &list));
	assert_int_equal(list.items[0].target_count, MEMORY_RELATIONS_MAX);
	statement_list_clear(&list);
}

static void
memory_learn_bounds_the_bytes_of_all(void **state)
{
	struct memory *m = *state;
	struct memory_key key = key_of(0);
	char name[2000];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 1000; i++) {
		snprintf(key.user, sizeof(key.user), "role%d", i / 50);
		key.shape = (uint64_t)i;
		learn_as(m, &key, name, LOCK_SHARE, NOW_MS);
	}
	assert_string_not_equal(recall_as(m, &key, NOW_MS), "");
	strcpy(key.user, "role0");
	key.shape = 0;
	assert_string_equal(recall_as(m, &key, NOW_MS), "");
}

static void
memory_bears_that_memory_is_out(void **state)
{
	struct memory *m = *state;
	struct memory_key key = key_of(1);
	struct statement_list list;
	unsigned int n = 0;

	do {
		allocation_fail_after(n++);
		learn(m, 1, "s.t", NOW_MS);
	} while (allocation_restore());
	assert_string_equal(recall(m, 1, NOW_MS), "8\"s\".\"t\" ");
	/* What the first targets own is freed when a later one fails. */
	learn(m, 1, "s.u", NOW_MS);
	learn(m, 1, "s.v", NOW_MS);
	n = 0;
	do {
		bool is_known;

		allocation_fail_after(n++);
		is_known = memory_recall(m, &key, NOW_MS, &list);
		assert_int_equal(is_known, list.count == 1);
		statement_list_clear(&list);
	} while (allocation_restore());
	allocation_fail_after(0);
	assert_null(memory_new());
	assert_true(allocation_restore());
}

static void *
learn_and_recall(void *arg)
{
	struct memory *m = arg;

	for (uint64_t i = 0; i < ROUNDS_OF_THREAD; i++) {
		struct memory_key key = key_of(i % 80);
		struct statement_list list;

		learn(m, i % 80, "s.t", NOW_MS + i);
		if (memory_recall(m, &key, NOW_MS, &list))
			statement_list_clear(&list);
		memory_settle(m, &key, NOW_MS + i);
	}
	return NULL;
}

static void
memory_may_be_used_by_many_threads(void **state)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, learn_and_recall, *state),
		    0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* A relation that is told is appended: "app:8s.t/age ". */
static void
tell_into(void *arg, const struct recollection *r)
{
	char *text = arg;
	size_t len = strlen(text);

	snprintf(text + len, 256 - len, "%s:%d%s/%d ", r->application_name,
		 (int)r->mode, r->relation, (int)r->age_ms);
}

static void
assert_tells(struct memory *m, const struct memory_key *key, uint64_t now_ms,
	     const char *expected)
{
	char text[256] = "";

	memory_tell(m, key, now_ms, tell_into, text);
	assert_string_equal(text, expected);
}

static void
memory_tell_tells_a_role_of_its_statement(void **state)
{
	struct memory_key key = key_of(1);
	struct memory_key other = key_of(2);

	key.statement = other.statement = 9;
	learn_as(*state, &key, "s.t", LOCK_SHARE, NOW_MS);
	strcpy(other.application_name, "else");
	learn_as(*state, &other, "s.u", LOCK_ACCESS_EXCLUSIVE, NOW_MS + 5);
	assert_tells(*state, &key, NOW_MS + 7, "else:8s.u/2 app:5s.t/7 ");
	assert_tells(*state, &key, NOW_MS + MEMORY_AGE_MS + 1,
		     "else:8s.u/"
		     "86399996 ");
	key.statement = 8;
	assert_tells(*state, &key, NOW_MS, "");
	key.statement = 9;
	strcpy(key.user, "ann");
	assert_tells(*state, &key, NOW_MS, "");
}

static void
memory_tell_leaves_out_names_of_another_encoding(void **state)
{
	struct memory_key key = key_of(1);

	learn_as(*state, &key, "s.t", LOCK_SHARE, NOW_MS);
	key.is_utf8 = false;
	assert_tells(*state, &key, NOW_MS, "");
	learn_as(*state, &key, "s.u", LOCK_SHARE, NOW_MS);
	assert_tells(*state, &key, NOW_MS, "app:5s.u/0 ");
	key.is_utf8 = true;
	assert_tells(*state, &key, NOW_MS, "app:5s.u/0 app:5s.t/0 ");
}

static void
count_told(void *arg, const struct recollection *r)
{
	(void)r;
	++*(size_t *)arg;
}

static void
memory_tell_is_bounded(void **state)
{
	struct memory_key key = key_of(0);
	char name[32];
	size_t told = 0;

	for (int i = 0; i < 2 * MEMORY_TELLS_MAX; i++) {
		key.shape = (uint64_t)i / 100;
		snprintf(name, sizeof(name), "s.t%d", i);
		learn_as(*state, &key, name, LOCK_SHARE, NOW_MS);
	}
	memory_tell(*state, &key, NOW_MS, count_told, &told);
	assert_int_equal(told, MEMORY_TELLS_MAX);
}

#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, new_memory, free_memory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(memory_recall_tells_what_was_learned_in_the_strongest_mode),
	    TEST(memory_recall_is_for_whom_it_was_learned_of),
	    TEST(memory_learn_leaves_out_what_is_not_fit),
	    TEST(memory_recall_forgets_what_is_old),
	    TEST(memory_settle_forgets_what_was_not_wanted),
	    TEST(memory_learn_drops_what_was_asked_for_least_lately),
	    TEST(memory_learn_drops_that_of_the_role_itself_first),
	    TEST(memory_learn_bounds_the_bytes_of_a_role),
	    TEST(memory_learn_bounds_the_number_of_all),
	    TEST(memory_learn_bounds_the_relations_of_one),
	    TEST(memory_learn_bounds_the_bytes_of_all),
	    TEST(memory_bears_that_memory_is_out),
	    TEST(memory_tell_tells_a_role_of_its_statement),
	    TEST(memory_tell_leaves_out_names_of_another_encoding),
	    TEST(memory_tell_is_bounded),
	    TEST(memory_may_be_used_by_many_threads),
	};

	return cmocka_run_group_tests_name("proxy/guard/memory", tests, NULL,
					   NULL);
}
