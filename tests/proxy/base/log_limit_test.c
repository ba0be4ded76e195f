#include "proxy/base/log_limit.h"

#include <pthread.h>
#include <stdio.h>

#include "proxy/base/log.h"
#include "tests/support/capture.h"

enum {
	MOST = 3,
	THREADS = 4,
	LINES_OF_THREAD = 500,
};

/* How many of `count` lines at that time are written. */
static unsigned
taken(const char *kind, uint64_t now_ms, unsigned count)
{
	unsigned n = 0;

	while (count-- > 0)
		n += log_limit_takes(kind, now_ms);
	return n;
}

/* The sum of what is left out of that kind. */
static uint64_t
left_out(const char *kind)
{
	uint64_t sum = 0;
	size_t place = 0;
	const char *name;
	uint64_t n;

	while (log_limit_take_left_out(&place, &name, &n))
		if (strcmp(name, kind) == 0)
			sum += n;
	return sum;
}

static void
takes_all_without_a_limit(void **state)
{
	(void)state;
	log_limit_init(0);
	assert_int_equal(taken("a", 0, 1000), 1000);
	assert_int_equal(left_out("a"), 0);
}

static void
takes_so_many_of_a_kind_in_a_while(void **state)
{
	(void)state;
	log_limit_init(MOST);
	assert_int_equal(taken("a", 5, 10), MOST);
	assert_int_equal(taken("b", 6, 2), 2);
	assert_int_equal(taken("a", LOG_LIMIT_MS + 4, 10), 0);
	assert_int_equal(taken("a", LOG_LIMIT_MS + 5, 10), MOST);
	assert_int_equal(taken("b", LOG_LIMIT_MS + 5, 10), 1);
}

static void
what_is_left_out_is_counted_and_told_once(void **state)
{
	(void)state;
	log_limit_init(MOST);
	taken("a", 0, 10);
	taken("b", 0, MOST);
	taken("a", LOG_LIMIT_MS, 10);
	assert_int_equal(left_out("b"), 0);
	taken("a", LOG_LIMIT_MS, 1);
	assert_int_equal(left_out("a"), 1);
	assert_int_equal(left_out("a"), 0);
}

/* Another limit forgets no line that was counted. */
static void
limit_may_be_another_one_from_now_on(void **state)
{
	(void)state;
	log_limit_init(MOST);
	assert_int_equal(taken("a", 0, 10), MOST);
	log_limit_set(MOST + 2);
	assert_int_equal(taken("a", 0, 10), 2);
	log_limit_set(0);
	assert_int_equal(taken("a", 0, 10), 10);
	assert_int_equal(left_out("a"), 10 - MOST + 8);
}

/* Whoever invents kinds does not get more room by that. */
static void
more_kinds_than_there_are_places_are_one(void **state)
{
	static char names[2 * LOG_LIMIT_KINDS][8];
	unsigned n = 0;
	size_t i;

	(void)state;
	log_limit_init(MOST);
	for (i = 0; i < 2 * LOG_LIMIT_KINDS; i++) {
		snprintf(names[i], sizeof(names[i]), "k%zu", i);
		n += taken(names[i], 0, MOST);
	}
	assert_int_equal(n, LOG_LIMIT_KINDS * MOST);
	assert_int_equal(left_out("others"), LOG_LIMIT_KINDS * MOST);
}

static char *
lines_of_kind(enum log_level level, unsigned count)
{
	struct capture c = capture_begin();
	struct log_event e;

	while (count-- > 0) {
		log_begin_limited(&e, level, "something", "thing");
		log_number(&e, "field", count);
		log_end(&e);
	}
	log_left_out();
	return capture_end(&c);
}

static unsigned
count_of(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

static void
log_begin_limited_leaves_lines_out_and_log_left_out_tells(void **state)
{
	char *text;

	(void)state;
	log_init(LOG_DEBUG, LOG_TEXT);
	log_limit_init(MOST);
	text = lines_of_kind(LOG_WARNING, 10);
	assert_int_equal(count_of(text, "something"), MOST);
	assert_non_null(strstr(text, "WARN  more such lines were left out "
				     "kind=thing lines=7\n"));
	free(text);
	text = lines_of_kind(LOG_DEBUG, 10);
	assert_int_equal(count_of(text, "something"), 10);
	assert_null(strstr(text, "left out"));
	free(text);
}

static void *
take_many(void *arg)
{
	*(unsigned *)arg = taken("a", 1, LINES_OF_THREAD);
	return NULL;
}

static void
threads_share_the_limit(void **state)
{
	pthread_t threads[THREADS];
	unsigned counts[THREADS];
	unsigned sum = 0;
	size_t i;

	(void)state;
	log_limit_init(MOST);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, take_many, &counts[i]),
		    0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += counts[i];
	}
	assert_int_equal(sum, MOST);
	assert_int_equal(left_out("a"), THREADS * LINES_OF_THREAD - MOST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_all_without_a_limit),
	    cmocka_unit_test(takes_so_many_of_a_kind_in_a_while),
	    cmocka_unit_test(what_is_left_out_is_counted_and_told_once),
	    cmocka_unit_test(limit_may_be_another_one_from_now_on),
	    cmocka_unit_test(more_kinds_than_there_are_places_are_one),
	    cmocka_unit_test(
		log_begin_limited_leaves_lines_out_and_log_left_out_tells),
	    cmocka_unit_test(threads_share_the_limit),
	};

	return cmocka_run_group_tests_name("proxy/base/log_limit", tests, NULL,
					   NULL);
}
