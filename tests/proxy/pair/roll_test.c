#include "proxy/pair/roll.h"

#include "tests/support/allocation.h"
#include "tests/support/loop.h"

enum {
	WORKERS = 3,
};

struct fixture {
	struct event_base *base;
	struct daemon daemon;
	struct mailbox boxes[WORKERS];
	struct mailbox *mailboxes[WORKERS];
	struct roll *asked[WORKERS]; /* what the worker was asked */
};

/* A mail_handler. */
static void
take(void *arg, const struct mail *mail)
{
	assert_int_equal(mail->kind, MAIL_ROLL);
	*(struct roll **)arg = mail->data;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = loop_new();
	for (size_t i = 0; i < WORKERS; i++) {
		f->mailboxes[i] = &f->boxes[i];
		assert_true(
		    mailbox_open(&f->boxes[i], f->base, take, &f->asked[i]));
	}
	f->daemon.mailboxes = f->mailboxes;
	f->daemon.worker_count = WORKERS;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < WORKERS; i++)
		mailbox_close(&f->boxes[i]);
	event_base_free(f->base);
	free(f);
	return 0;
}

static struct roll *
call(struct fixture *f)
{
	struct roll *r = roll_call(&f->daemon);

	assert_non_null(r);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(roll_missing(r), WORKERS);
	return r;
}

/* Have a worker tell of sessions that have worked for so long. */
static void
answer(struct fixture *f, uint32_t worker, uint64_t total, size_t count,
       uint64_t for_ms)
{
	struct roll_part *part = roll_part(f->asked[worker], worker);

	part->total = total;
	part->count = count;
	part->entries = calloc(count + 1, sizeof(*part->entries));
	assert_non_null(part->entries);
	for (size_t i = 0; i < count; i++)
		part->entries[i].order =
		    (struct roll_order){.id = worker * 1000 + i,
					.for_ms = for_ms + i,
					.is_busy = i % 2 == 0};
	roll_answer(f->asked[worker], worker);
}

static void
roll_merge_sorts_what_all_have_told(void **state)
{
	struct fixture *f = *state;
	struct roll *r = call(f);
	struct roll_entry *all;
	uint64_t total;

	answer(f, 0, 7, 4, 100);
	answer(f, 1, 5, 0, 0);
	answer(f, 2, 3, 3, 101);
	assert_int_equal(roll_missing(r), 0);
	assert_int_equal(roll_merge(r, &all, &total), 7);
	assert_int_equal(total, 15);
	for (size_t i = 1; i < 7; i++)
		assert_true(roll_is_before(&all[i - 1].order, &all[i].order));
	assert_int_equal(all[0].order.id, 2002); /* busy, for 103 ms */
	free(all);
	roll_release(r);
}

static void
roll_merge_keeps_the_first(void **state)
{
	struct fixture *f = *state;
	struct roll *r = call(f);
	struct roll_entry *all;
	uint64_t total;

	for (uint32_t i = 0; i < WORKERS; i++)
		answer(f, i, 1000, ROLL_MAX, 10);
	assert_int_equal(roll_merge(r, &all, &total), ROLL_MAX);
	assert_int_equal(total, 3000);
	assert_true(all[ROLL_MAX - 1].order.is_busy);
	free(all);
	roll_release(r);
}

static void
roll_goes_without_a_worker_that_is_stuck(void **state)
{
	struct fixture *f = *state;
	struct roll *r = call(f);
	struct roll_entry *all;
	uint64_t total;

	answer(f, 1, 2, 2, 5);
	assert_int_equal(roll_missing(r), WORKERS - 1);
	assert_int_equal(roll_merge(r, &all, &total), 2);
	assert_int_equal(total, 2);
	free(all);
	roll_release(r);
	/* Nobody reads what comes later, and it is freed. */
	answer(f, 0, 2, 2, 5);
	answer(f, 2, 2, 2, 5);
}

static void
roll_of_nobody_is_empty(void **state)
{
	struct fixture *f = *state;
	struct roll *r = call(f);
	struct roll_entry *all;
	uint64_t total;

	assert_int_equal(roll_merge(r, &all, &total), 0);
	assert_null(all);
	for (uint32_t i = 0; i < WORKERS; i++)
		roll_answer(f->asked[i], i);
	assert_int_equal(roll_merge(r, &all, &total), 0);
	roll_release(r);
}

/* The worker ends with the question in its mailbox. */
static void
roll_that_nobody_takes_is_freed(void **state)
{
	struct fixture *f = *state;
	struct roll *r = roll_call(&f->daemon);

	assert_non_null(r);
	roll_release(r);
}

static void
roll_call_without_memory_is_null_or_goes_without_a_worker(void **state)
{
	struct fixture *f = *state;
	bool has_failed = true;
	unsigned n;

	for (n = 0; has_failed; n++) {
		struct roll *r;

		allocation_fail_after(n);
		r = roll_call(&f->daemon);
		has_failed = allocation_restore();
		assert_true(r != NULL || has_failed);
		if (r != NULL) {
			assert_int_equal(roll_missing(r), WORKERS);
			roll_release(r);
		}
		for (uint32_t i = 0; i < WORKERS; i++)
			f->asked[i] = NULL;
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		for (uint32_t i = 0; i < WORKERS; i++)
			if (f->asked[i] != NULL)
				roll_answer(f->asked[i], i);
	}
	assert_true(n > 1);
}

static void
roll_is_before_goes_by_busy_then_time_then_id(void **state)
{
	static const struct roll_order in_order[] = {
	    {.id = 9, .for_ms = 5, .is_busy = true},
	    {.id = 1, .for_ms = 4, .is_busy = true},
	    {.id = 2, .for_ms = 4, .is_busy = true},
	    {.id = 3, .for_ms = 900},
	    {.id = 4, .for_ms = 0},
	};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (size_t j = 0; j < 5; j++)
			assert_int_equal(
			    roll_is_before(&in_order[i], &in_order[j]), i < j);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(roll_merge_sorts_what_all_have_told),
	    TEST(roll_merge_keeps_the_first),
	    TEST(roll_goes_without_a_worker_that_is_stuck),
	    TEST(roll_of_nobody_is_empty),
	    TEST(roll_that_nobody_takes_is_freed),
	    TEST(roll_call_without_memory_is_null_or_goes_without_a_worker),
	    TEST(roll_is_before_goes_by_busy_then_time_then_id),
	};

	return cmocka_run_group_tests_name("proxy/pair/roll", tests, NULL,
					   NULL);
}
