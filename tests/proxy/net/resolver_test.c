#include "proxy/net/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "tests/support/allocation.h"
#include "tests/support/loop.h"
#include "tests/support/moved_clock.h"
#include "tests/support/names.h"

enum {
	ASKERS = 4,
	PORT = 5432,
};

struct answer {
	unsigned calls;
	int error;
	uint32_t address; /* of the first that was found; 0: none */
	uint16_t port;
};

struct fixture {
	struct event_base *base;
	struct mailbox mailbox;
	struct resolver *resolver;
	struct resolution *asked[ASKERS];
	struct answer answers[ASKERS];
	unsigned wanted;
};

static void
handle_mail(void *arg, const struct mail *mail)
{
	(void)arg;
	assert_int_equal(mail->kind, MAIL_RESOLVED);
	resolution_answered(mail->data);
}

static int
start(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	clock_reset();
	names_begin();
	f->base = loop_new();
	assert_true(mailbox_open(&f->mailbox, f->base, handle_mail, f));
	f->resolver = resolver_new();
	assert_non_null(f->resolver);
	*state = f;
	return 0;
}

static int
stop(void **state)
{
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < ASKERS; i++)
		resolution_cancel(f->asked[i]);
	resolver_leave(f->resolver);
	names_be(NAMES_UNKNOWN); /* whoever hangs goes on */
	mailbox_close(&f->mailbox);
	event_base_free(f->base);
	free(f);
	return 0;
}

static void
resolved(void *arg, int error, const struct addrinfo *found)
{
	const struct sockaddr_in *in;
	struct answer *a = arg;

	a->calls++;
	a->error = error;
	assert_int_equal(found == NULL, error != 0);
	if (found == NULL)
		return;
	in = (const struct sockaddr_in *)found->ai_addr;
	assert_int_equal(found->ai_family, AF_INET);
	assert_int_equal(found->ai_socktype, SOCK_STREAM);
	a->address = ntohl(in->sin_addr.s_addr);
	a->port = ntohs(in->sin_port);
}

static void
ask(struct fixture *f, size_t i, const char *host)
{
	f->asked[i] = resolver_ask(f->resolver, &f->mailbox, host, PORT,
				   resolved, &f->answers[i]);
	assert_non_null(f->asked[i]);
	assert_int_equal(f->answers[i].calls, 0);
}

static void
give_up(struct fixture *f, size_t i)
{
	resolution_cancel(f->asked[i]);
	f->asked[i] = NULL;
}

static bool
has_asked(void *arg)
{
	struct fixture *f = arg;

	return names_asked() >= f->wanted;
}

static void
wait_until_asked(struct fixture *f, unsigned count)
{
	f->wanted = count;
	loop_until(f->base, has_asked, f);
	assert_int_equal(names_asked(), count);
}

static bool
has_answers(void *arg)
{
	struct fixture *f = arg;
	unsigned calls = 0;

	for (size_t i = 0; i < ASKERS; i++)
		calls += f->answers[i].calls;
	return calls >= f->wanted;
}

static void
wait_for_answers(struct fixture *f, unsigned count)
{
	f->wanted = count;
	loop_until(f->base, has_answers, f);
	loop_for(f->base, 5);
	for (size_t i = 0; i < ASKERS; i++)
		assert_true(f->answers[i].calls <= 1);
}

static void
resolver_finds_a_name(void **state)
{
	struct fixture *f = *state;

	names_be(NAMES_KNOWN);
	ask(f, 0, "db.invalid");
	wait_for_answers(f, 1);
	assert_int_equal(f->answers[0].error, 0);
	assert_int_equal(f->answers[0].address, INADDR_LOOPBACK);
	assert_int_equal(f->answers[0].port, PORT);
}

static void
resolver_says_why_it_finds_none(void **state)
{
	struct fixture *f = *state;

	names_be(NAMES_UNKNOWN);
	ask(f, 0, "db.invalid");
	wait_for_answers(f, 1);
	assert_int_equal(f->answers[0].error, EAI_NONAME);
}

static void
resolver_shares_a_young_look_up(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, "db.invalid");
	clock_advance(RESOLVER_SHARED_MS - 1);
	ask(f, 1, "db.invalid");
	ask(f, 2, "other.invalid");
	wait_until_asked(f, 2);
	names_be(NAMES_KNOWN);
	wait_for_answers(f, 3);
	assert_int_equal(f->answers[1].address, INADDR_LOOPBACK);
}

/* A primary may have moved since. */
static void
resolver_asks_anew_beside_an_old_look_up(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, "db.invalid");
	clock_advance(RESOLVER_SHARED_MS);
	ask(f, 1, "db.invalid");
	wait_until_asked(f, 2);
}

static void
resolver_asks_anew_behind_an_answer(void **state)
{
	struct fixture *f = *state;

	names_be(NAMES_KNOWN);
	ask(f, 0, "db.invalid");
	wait_for_answers(f, 1);
	ask(f, 1, "db.invalid");
	wait_for_answers(f, 2);
	assert_int_equal(names_asked(), 2);
}

/* Threads that hang are bounded, whoever asks for whatever. */
static void
resolver_bounds_the_look_ups(void **state)
{
	struct fixture *f = *state;
	struct resolution *all[RESOLVER_LOOKUPS_MAX];
	struct answer unheard = {0};
	char host[32];
	size_t i;

	for (i = 0; i < RESOLVER_LOOKUPS_MAX; i++) {
		snprintf(host, sizeof(host), "db%zu.invalid", i);
		all[i] = resolver_ask(f->resolver, &f->mailbox, host, PORT,
				      resolved, &unheard);
		assert_non_null(all[i]);
	}
	assert_null(resolver_ask(f->resolver, &f->mailbox, "db.invalid", PORT,
				 resolved, &unheard));
	assert_int_equal(errno, EAGAIN);
	clock_advance(RESOLVER_SHARED_MS);
	ask(f, 0, "db0.invalid"); /* an old one is better than none */
	wait_until_asked(f, RESOLVER_LOOKUPS_MAX);
	for (i = 0; i < RESOLVER_LOOKUPS_MAX; i++)
		resolution_cancel(all[i]);
	assert_int_equal(unheard.calls, 0);
}

static void
resolution_cancel_while_the_name_server_is_silent(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, "db.invalid");
	ask(f, 1, "db.invalid");
	wait_until_asked(f, 1);
	give_up(f, 0);
	names_be(NAMES_KNOWN);
	wait_for_answers(f, 1);
	assert_int_equal(f->answers[0].calls, 0);
	assert_int_equal(f->answers[1].calls, 1);
}

static bool
has_mail(void *arg)
{
	struct fixture *f = arg;
	bool has;

	pthread_mutex_lock(&f->mailbox.lock);
	has = f->mailbox.count > 0;
	pthread_mutex_unlock(&f->mailbox.lock);
	return has;
}

static void
wait_for_mail(struct fixture *f)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (!has_mail(f))
		nanosleep(&pause, NULL);
}

/* The mail is on its way, and finds nobody. */
static void
resolution_cancel_before_the_mail_comes(void **state)
{
	struct fixture *f = *state;

	names_be(NAMES_KNOWN);
	ask(f, 0, "db.invalid");
	wait_for_mail(f);
	give_up(f, 0);
	loop_for(f->base, 5);
	assert_int_equal(f->answers[0].calls, 0);
}

/* Nor does anybody take it out. */
static void
resolution_cancel_before_the_mailbox_closes(void **state)
{
	struct fixture *f = *state;

	names_be(NAMES_KNOWN);
	ask(f, 0, "db.invalid");
	wait_for_mail(f);
	give_up(f, 0);
}

static void
resolver_may_be_left_while_a_look_up_hangs(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, "db.invalid");
	wait_until_asked(f, 1);
	give_up(f, 0);
}

static void
resolver_without_memory_is_null(void **state)
{
	struct fixture *f = *state;
	unsigned allowed;

	allocation_fail_after(0);
	assert_null(resolver_new());
	assert_true(allocation_restore());
	for (allowed = 0; allowed < 2; allowed++) {
		allocation_fail_after(allowed);
		assert_null(resolver_ask(f->resolver, &f->mailbox, "db", PORT,
					 resolved, &f->answers[0]));
		assert_true(allocation_restore());
	}
	resolver_leave(NULL);
	resolution_cancel(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(resolver_finds_a_name),
	    TEST(resolver_says_why_it_finds_none),
	    TEST(resolver_shares_a_young_look_up),
	    TEST(resolver_asks_anew_beside_an_old_look_up),
	    TEST(resolver_asks_anew_behind_an_answer),
	    TEST(resolver_bounds_the_look_ups),
	    TEST(resolution_cancel_while_the_name_server_is_silent),
	    TEST(resolution_cancel_before_the_mail_comes),
	    TEST(resolution_cancel_before_the_mailbox_closes),
	    TEST(resolver_may_be_left_while_a_look_up_hangs),
	    TEST(resolver_without_memory_is_null),
	};

	return cmocka_run_group_tests_name("proxy/net/resolver", tests, NULL,
					   NULL);
}
