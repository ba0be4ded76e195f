#include "proxy/base/mailbox.h"

#include <stdatomic.h>
#include <sys/resource.h>

#include "tests/support/allocation.h"
#include "tests/support/loop.h"

enum {
	THREADS = 4,
	MAILS_OF_THREAD = 2000,
	MAILS_MAX = 64,
};

struct fixture {
	struct event_base *base;
	struct mailbox mailbox;
	struct mail got[MAILS_MAX];
	size_t count;
	bool answers; /* the handler posts one more */
};

static void
take(void *arg, const struct mail *mail)
{
	struct fixture *f = arg;

	assert_true(f->count < MAILS_MAX);
	f->got[f->count++] = *mail;
	if (f->answers) {
		f->answers = false;
		assert_true(mailbox_post(&f->mailbox,
					 (struct mail){.kind = MAIL_STOP}));
	}
}

static int
open_mailbox(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base = loop_new();
	assert_true(mailbox_open(&f->mailbox, f->base, take, f));
	*state = f;
	return 0;
}

static int
close_mailbox(void **state)
{
	struct fixture *f = *state;

	mailbox_close(&f->mailbox);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void
post(struct fixture *f, enum mail_kind kind, uint64_t id)
{
	assert_true(
	    mailbox_post(&f->mailbox, (struct mail){.kind = kind, .id = id}));
}

static void
mailbox_delivers_in_the_order_of_posting(void **state)
{
	struct fixture *f = *state;
	uint64_t i;

	for (i = 0; i < 20; i++)
		post(f, MAIL_CANCEL, i);
	assert_int_equal(f->count, 0);
	loop_for(f->base, 0);
	assert_int_equal(f->count, 20);
	for (i = 0; i < 20; i++) {
		assert_int_equal(f->got[i].kind, MAIL_CANCEL);
		assert_int_equal(f->got[i].id, i);
	}
	loop_for(f->base, 0);
	assert_int_equal(f->count, 20);
}

static bool
has_two(void *arg)
{
	const struct fixture *f = arg;

	return f->count == 2;
}

static void
mailbox_delivers_what_its_handler_posts(void **state)
{
	struct fixture *f = *state;

	f->answers = true;
	post(f, MAIL_DRAIN, 0);
	loop_until(f->base, has_two, f);
	assert_int_equal(f->got[0].kind, MAIL_DRAIN);
	assert_int_equal(f->got[1].kind, MAIL_STOP);
}

static void
mailbox_close_closes_connections_not_taken_out(void **state)
{
	struct fixture f = {0};
	int fds[2];
	char byte;

	(void)state;
	loop_socketpair(fds);
	f.base = loop_new();
	assert_true(mailbox_open(&f.mailbox, f.base, take, &f));
	post(&f, MAIL_CANCEL, 1);
	assert_true(mailbox_post(
	    &f.mailbox, (struct mail){.kind = MAIL_CONNECTION, .fd = fds[0]}));
	mailbox_close(&f.mailbox);
	assert_int_equal(f.count, 0);
	assert_false(loop_fd_is_open(fds[0]));
	assert_int_equal(read(fds[1], &byte, 1), 0);
	close(fds[1]);
	event_base_free(f.base);
}

static void
mailbox_post_without_memory_takes_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t i;

	allocation_fail_after(0);
	assert_false(
	    mailbox_post(&f->mailbox, (struct mail){.kind = MAIL_CANCEL}));
	assert_true(allocation_restore());
	for (i = 0; i < 8; i++)
		post(f, MAIL_CANCEL, i);
	allocation_fail_after(0);
	assert_false(mailbox_post(&f->mailbox,
				  (struct mail){.kind = MAIL_CANCEL, .id = 8}));
	assert_true(allocation_restore());
	loop_for(f->base, 0);
	assert_int_equal(f->count, 8);
	for (i = 0; i < 8; i++)
		assert_int_equal(f->got[i].id, i);
}

static void
mailbox_open_without_descriptors_fails(void **state)
{
	struct fixture f = {.base = loop_new()};
	struct rlimit before;
	struct rlimit none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_false(mailbox_open(&f.mailbox, f.base, take, &f));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	event_base_free(f.base);
}

/* Several threads to one loop: nothing is lost, no wake either. */
struct gathering {
	struct event_base *base;
	struct mailbox mailbox;
	uint64_t next[THREADS]; /* id that is due from each */
	size_t count;
	bool is_disordered;
};

struct sender {
	struct mailbox *mailbox;
	int number;
};

static void
gather(void *arg, const struct mail *mail)
{
	struct gathering *g = arg;

	if (mail->id != g->next[mail->fd]++)
		g->is_disordered = true;
	g->count++;
}

static void *
send_all(void *arg)
{
	const struct sender *s = arg;
	struct mail mail = {.kind = MAIL_CANCEL, .fd = s->number};

	for (mail.id = 0; mail.id < MAILS_OF_THREAD; mail.id++)
		if (!mailbox_post(s->mailbox, mail))
			abort();
	return NULL;
}

static bool
has_all(void *arg)
{
	const struct gathering *g = arg;

	return g->count == THREADS * MAILS_OF_THREAD;
}

static void
mailbox_takes_mail_of_several_threads(void **state)
{
	struct gathering g = {.base = loop_new()};
	struct sender senders[THREADS];
	pthread_t threads[THREADS];
	int i;

	(void)state;
	assert_true(mailbox_open(&g.mailbox, g.base, gather, &g));
	for (i = 0; i < THREADS; i++) {
		senders[i] = (struct sender){&g.mailbox, i};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, send_all, &senders[i]),
		    0);
	}
	loop_until(g.base, has_all, &g);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_false(g.is_disordered);
	loop_for(g.base, 0);
	assert_true(has_all(&g));
	mailbox_close(&g.mailbox);
	event_base_free(g.base);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, open_mailbox, close_mailbox)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(mailbox_delivers_in_the_order_of_posting),
	    TEST(mailbox_delivers_what_its_handler_posts),
	    cmocka_unit_test(mailbox_close_closes_connections_not_taken_out),
	    TEST(mailbox_post_without_memory_takes_nothing),
	    cmocka_unit_test(mailbox_open_without_descriptors_fails),
	    cmocka_unit_test(mailbox_takes_mail_of_several_threads),
	};

	return cmocka_run_group_tests_name("proxy/base/mailbox", tests, NULL,
					   NULL);
}
