#include "proxy/console/console_task.h"

#include "tests/support/loop.h"

struct fixture {
	struct event_base *base;
	struct daemon daemon;
	struct mailbox mailboxes[2];
	struct mailbox *places[2];
	struct console_task *got;
	enum mail_kind kind;
};

static void
take_mail(void *arg, const struct mail *mail)
{
	struct fixture *f = arg;

	f->got = mail->data;
	f->kind = mail->kind;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = loop_new();
	for (int i = 0; i < 2; i++) {
		assert_true(
		    mailbox_open(&f->mailboxes[i], f->base, take_mail, f));
		f->places[i] = &f->mailboxes[i];
	}
	f->daemon.mailboxes = f->places;
	f->daemon.worker_count = 2;
	*state = f;
	return 0;
}

/* A task that is still in a mailbox is freed with it. */
static int
teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++)
		mailbox_close(&f->mailboxes[i]);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void
console_task_goes_there_and_back(void **state)
{
	struct fixture *f = *state;
	struct console_task *t = console_task_new(TASK_KILL, 0, 7);

	assert_non_null(t);
	assert_int_equal(t->end, TASK_UNDONE);
	assert_true(console_task_send(&f->daemon, 1, t));
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_ptr_equal(f->got, t);
	assert_int_equal(f->kind, MAIL_TASK);
	write_u8(&t->rows, 1);
	console_task_return(&f->daemon, t, TASK_NO_SESSION);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->kind, MAIL_TASK_DONE);
	assert_int_equal(t->end, TASK_NO_SESSION);
	assert_int_equal(t->asker, 7);
	console_task_free(t);
	console_task_free(NULL);
}

static void
console_task_may_have_nowhere_to_go(void **state)
{
	struct fixture *f = *state;
	struct console_task *t = console_task_new(TASK_RELOAD, 0, 7);

	assert_false(console_task_send(&f->daemon, 2, t));
	assert_false(console_task_send_main(&f->daemon, t));
	f->daemon.main = &f->mailboxes[0];
	/* The task is left there, and freed with the mailbox. */
	assert_true(console_task_send_main(&f->daemon, t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(console_task_goes_there_and_back,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(console_task_may_have_nowhere_to_go,
					    setup, teardown),
	};

	return cmocka_run_group_tests_name("proxy/console/console_task", tests,
					   NULL, NULL);
}
