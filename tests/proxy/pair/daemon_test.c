#include "proxy/pair/daemon.h"

#include "tests/support/allocation.h"
#include "tests/support/loop.h"

enum {
	WORKERS = 2,
};

struct fixture {
	struct event_base *base;
	struct daemon daemon;
	struct mailbox boxes[WORKERS];
	struct mailbox *mailboxes[WORKERS];
	struct mail got[WORKERS]; /* the last one of each */
	unsigned int count[WORKERS];
};

static struct fixture *current;

static void
take(void *arg, const struct mail *mail)
{
	size_t worker = (size_t)((struct mail *)arg - current->got);

	current->got[worker] = *mail;
	current->count[worker]++;
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
		    mailbox_open(&f->boxes[i], f->base, take, &f->got[i]));
	}
	f->daemon.mailboxes = f->mailboxes;
	f->daemon.worker_count = WORKERS;
	current = f;
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

static void
daemon_post_tells_the_worker_of_that_index(void **state)
{
	struct fixture *f = *state;
	const struct mail mail = {.kind = MAIL_CANCEL, .id = 7, .worker = 0};

	assert_true(daemon_post(&f->daemon, 1, mail));
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->count[0], 0);
	assert_int_equal(f->count[1], 1);
	assert_int_equal(f->got[1].kind, MAIL_CANCEL);
	assert_int_equal(f->got[1].id, 7);
}

static void
daemon_post_without_memory_takes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct mail mail = {.kind = MAIL_STOP};

	allocation_fail_after(0);
	assert_false(daemon_post(&f->daemon, 0, mail));
	assert_true(allocation_restore());
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->count[0], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void
daemon_want_fleet_mails_once_until_somebody_has_looked(void **state)
{
	struct fixture *f = *state;

	daemon_want_fleet(&f->daemon); /* there is none */
	assert_false(atomic_load(&f->daemon.is_fleet_wanted));
	f->daemon.fleet = &f->boxes[1];
	daemon_want_fleet(&f->daemon);
	daemon_want_fleet(&f->daemon);
	loop_for(f->base, 0);
	assert_int_equal(f->got[1].kind, MAIL_WANTED);
	assert_int_equal(f->count[1], 1);
	assert_true(atomic_exchange(&f->daemon.is_fleet_wanted, false));
	daemon_want_fleet(&f->daemon);
	loop_for(f->base, 0);
	assert_int_equal(f->count[1], 2);
}

static void
daemon_want_fleet_tells_it_once_and_again_where_memory_was_out(void **state)
{
	struct fixture *f = *state;

	f->daemon.fleet = &f->boxes[0];
	allocation_fail_after(0);
	daemon_want_fleet(&f->daemon);
	assert_true(allocation_restore());
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->count[0], 0);
	daemon_want_fleet(&f->daemon);
	daemon_want_fleet(&f->daemon);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->count[0], 1);
	assert_int_equal(f->got[0].kind, MAIL_WANTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		daemon_want_fleet_mails_once_until_somebody_has_looked, setup,
		teardown),
	    TEST(
		daemon_want_fleet_tells_it_once_and_again_where_memory_was_out),
	    TEST(daemon_post_tells_the_worker_of_that_index),
	    TEST(daemon_post_without_memory_takes_nothing),
	};

	return cmocka_run_group_tests_name("proxy/pair/daemon", tests, NULL,
					   NULL);
}
