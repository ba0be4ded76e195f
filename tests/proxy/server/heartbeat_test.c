#include "proxy/server/heartbeat.h"

#include <stddef.h>
#include <unistd.h>

#include "proxy/pair/counts.h"
#include "tests/support/loop.h"

enum {
	WORKERS = 2,
};

/* Workers whose loops turn when the test says, and a manager. */
struct fixture {
	struct daemon daemon;
	struct worker workers[WORKERS];
	struct event_base *bases[WORKERS];
	struct notify notify;
	struct heartbeat heartbeat;
	int manager;
};

/* A mail_handler, as worker.c has it. */
static void
answer(void *arg, const struct mail *mail)
{
	struct worker *w = arg;

	assert_int_equal(mail->kind, MAIL_ASK);
	atomic_store(&w->is_asked, false);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fds[2];
	size_t i;

	assert_non_null(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds),
			 0);
	f->manager = fds[0];
	f->notify.fd = fds[1];
	f->daemon.worker_count = WORKERS;
	f->daemon.counts = counts_new(WORKERS);
	assert_non_null(f->daemon.counts);
	for (i = 0; i < WORKERS; i++) {
		f->bases[i] = loop_new();
		assert_true(mailbox_open(&f->workers[i].mailbox, f->bases[i],
					 answer, &f->workers[i]));
	}
	f->heartbeat = (struct heartbeat){
	    .notify = &f->notify,
	    .daemon = &f->daemon,
	    .workers = f->workers,
	    .worker_count = WORKERS,
	};
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < WORKERS; i++) {
		mailbox_close(&f->workers[i].mailbox);
		event_base_free(f->bases[i]);
	}
	notify_close(&f->notify);
	close(f->manager);
	free(f->daemon.counts);
	free(f);
	return 0;
}

/* True if the watchdog was fed since this was asked last. */
static bool
is_fed(struct fixture *f)
{
	char text[512];
	ssize_t len = recv(f->manager, text, sizeof(text), MSG_DONTWAIT);

	return len > 0 && memmem(text, (size_t)len, "WATCHDOG=1", 10) != NULL;
}

static void
turn(struct fixture *f, size_t worker)
{
	event_base_loop(f->bases[worker], EVLOOP_NONBLOCK);
}

static void
heartbeat_feeds_once_all_have_answered(void **state)
{
	struct fixture *f = *state;

	heartbeat_beat(&f->heartbeat);
	assert_true(is_fed(f));
	heartbeat_beat(&f->heartbeat);
	assert_false(is_fed(f));
	turn(f, 0);
	heartbeat_beat(&f->heartbeat);
	assert_false(is_fed(f));
	turn(f, 1);
	heartbeat_beat(&f->heartbeat);
	assert_true(is_fed(f));
	heartbeat_beat(&f->heartbeat);
	assert_false(is_fed(f));
}

static void
heartbeat_does_not_wait_for_a_loop_that_has_ended(void **state)
{
	struct fixture *f = *state;

	heartbeat_beat(&f->heartbeat);
	assert_true(is_fed(f));
	atomic_store(&f->workers[0].has_ended, true);
	turn(f, 1);
	heartbeat_beat(&f->heartbeat);
	assert_true(is_fed(f));
}

static void
heartbeat_pause_is_well_within_the_patience(void **state)
{
	struct notify n = {.watchdog_us = 0};

	(void)state;
	assert_int_equal(heartbeat_pause_ms(&n), 10000);
	n.watchdog_us = 20 * 1000 * 1000;
	assert_int_equal(heartbeat_pause_ms(&n), 5000);
	n.watchdog_us = UINT64_MAX;
	assert_int_equal(heartbeat_pause_ms(&n), 10000);
	n.watchdog_us = 1;
	assert_int_equal(heartbeat_pause_ms(&n), 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(heartbeat_feeds_once_all_have_answered),
	    TEST(heartbeat_does_not_wait_for_a_loop_that_has_ended),
	    TEST(heartbeat_pause_is_well_within_the_patience),
	};

	return cmocka_run_group_tests_name("proxy/server/heartbeat", tests,
					   NULL, NULL);
}
