#include "proxy/guard/deadlock.h"

#include "proxy/history/history.h"
#include "proxy/pair/cancel.h"
#include "tests/support/guarded.h"

#define ERROR(sqlstate, detail, more)                                          \
	"SERROR\0VERROR\0C" sqlstate "\0Mdeadlock detected\0D" detail          \
	"\0RDeadLockReport\0" more "\0"
#define CYCLE                                                                  \
	"Process 12 waits for ShareLock on transaction 7; blocked by process " \
	"11.\n"                                                                \
	"Process 11 waits for ShareLock on transaction 8; blocked by process " \
	"12."

enum {
	OWN = 11,
	OTHER = 12,
};

struct fixture {
	struct guarded_fixture guarded;
	struct mailbox mailbox;
	struct mailbox *mailboxes[1];
	struct mail mail; /* the last that came */
	size_t mails;
};

static void
take_mail(void *arg, const struct mail *mail)
{
	struct fixture *f = arg;

	f->mail = *mail;
	f->mails++;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct daemon *d;

	assert_non_null(f);
	guarded_fixture_begin(&f->guarded);
	d = &f->guarded.pair.daemon;
	d->history = history_new();
	d->cancels = cancel_registry_new();
	f->mailboxes[0] = &f->mailbox;
	d->mailboxes = f->mailboxes;
	d->worker_count = 1;
	assert_true(
	    mailbox_open(&f->mailbox, f->guarded.pair.base, take_mail, f));
	f->guarded.pair.pair.server_pid = OWN;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	struct history *h = f->guarded.pair.daemon.history;
	struct cancel_registry *cancels = f->guarded.pair.daemon.cancels;

	mailbox_close(&f->mailbox);
	guarded_fixture_end(&f->guarded);
	history_free(h);
	cancel_registry_free(cancels);
	free(f);
	return 0;
}

static struct history *
history_of(struct fixture *f)
{
	return f->guarded.pair.daemon.history;
}

static void
note(struct fixture *f, const char *body, size_t len)
{
	struct span copy = bytes_copy(span_of(body, len));

	deadlock_note(&f->guarded.guarded, copy);
	bytes_free(copy);
	loop_for(f->guarded.pair.base, 0);
}

static void
deadlock_note_has_the_victim_first(void **state)
{
	struct fixture *f = *state;
	struct history_deadlock d;

	note(f, BYTES(ERROR(
		    "40P01", CYCLE,
		    "Wwhile locking tuple (0,1) in relation \"orders\"\0")));
	assert_true(history_next_deadlock(history_of(f), UINT64_MAX, &d));
	assert_int_equal(d.side_count, 2);
	assert_true(d.sides[0].is_victim);
	assert_int_equal(d.sides[0].who.pid, OWN);
	assert_int_equal(d.sides[0].who.session, 1);
	assert_int_equal(d.sides[0].blocker, OTHER);
	assert_string_equal(d.sides[0].who.database, "db");
	assert_string_equal(d.sides[0].waits_for, "ShareLock on transaction 8");
	assert_string_equal(d.sides[0].tables, "orders");
	assert_false(d.sides[1].is_victim);
	assert_int_equal(d.sides[1].who.pid, OTHER);
	assert_int_equal(d.sides[1].who.session, 0);
	assert_string_equal(d.detail, CYCLE);
	assert_int_equal(f->mails, 0);
}

static void
deadlock_note_asks_the_others_that_are_ours(void **state)
{
	struct fixture *f = *state;
	struct cancel_registry *cancels = f->guarded.pair.daemon.cancels;
	const struct cancel_target target = {.session = 9};
	struct cancel_entry *e =
	    cancel_remember(cancels, OTHER, span_of("abcd", 4), &target);
	struct history_deadlock d;

	note(f, BYTES(ERROR("40P01", CYCLE, "")));
	assert_true(history_next_deadlock(history_of(f), UINT64_MAX, &d));
	assert_int_equal(d.sides[1].who.session, 9);
	assert_int_equal(f->mails, 1);
	assert_int_equal(f->mail.kind, MAIL_DEADLOCK);
	assert_int_equal(f->mail.id, 9);
	assert_int_equal(f->mail.asker, d.id);
	cancel_forget(cancels, e);
}

static void
deadlock_note_is_about_deadlocks_alone(void **state)
{
	struct fixture *f = *state;
	struct history_deadlock d;

	note(f, BYTES(ERROR("40001", CYCLE, "")));
	note(f, BYTES(ERROR("40P01", "Process 1 likes process 2.", "")));
	note(f, BYTES(ERROR("40P01", "", "")));
	note(f, BYTES("SERROR\0VERROR\0C40P01\0\0"));
	/* A function of anybody's RAISEs it. */
	note(f,
	     BYTES("SERROR\0VERROR\0C40P01\0D" CYCLE "\0Rexec_stmt_raise\0\0"));
	note(f, BYTES("SERROR\0VERROR\0C40P01"));
	note(f, "", 0);
	assert_false(history_next_deadlock(history_of(f), UINT64_MAX, &d));
}

static void
deadlock_tell_side_has_the_guarded_statement(void **state)
{
	struct fixture *f = *state;
	struct history *h = history_of(f);
	struct history_deadlock d = {.side_count = 1,
				     .sides = {{.who.pid = OWN}}};
	struct history_entry first = {
	    .statement = "DROP TABLE",
	    .text = "drop table a",
	    .who.session = 1,
	};
	struct history_facts facts = {.tables = "public.a"};
	struct history_note *n = history_begin(h, &first);
	uint64_t id = history_add_deadlock(h, &d);

	history_tell(h, n, &facts);
	deadlock_tell_side(&f->guarded.guarded, id);
	assert_true(history_find_deadlock(h, id, &d));
	assert_int_equal(d.sides[0].guarded, history_id(n));
	assert_string_equal(d.sides[0].text, "drop table a");
	assert_string_equal(d.sides[0].tables, "public.a");
	assert_int_equal(d.sides[0].who.session, 1);
	history_drop(h, n);
}

static size_t
read_detail(struct history_side sides[HISTORY_SIDES_MAX], const char *detail)
{
	struct span copy = bytes_copy(span_of(detail, strlen(detail)));
	size_t count;

	memset(sides, 0, HISTORY_SIDES_MAX * sizeof(sides[0]));
	count = deadlock_read_detail(sides, HISTORY_SIDES_MAX, copy);
	bytes_free(copy);
	return count;
}

static void
deadlock_read_detail_bears_any_text(void **state)
{
	struct history_side s[HISTORY_SIDES_MAX];

	(void)state;
	assert_int_equal(read_detail(s, ""), 0);
	assert_int_equal(read_detail(s, "\n\n"), 0);
	assert_int_equal(read_detail(s, "Process 1 waits"), 0);
	assert_int_equal(read_detail(s, "Prozess 1 wartet auf Sperre auf "
					"Transaktion 7; blockiert von Prozess "
					"2."),
			 1);
	assert_int_equal(s[0].who.pid, 1);
	assert_int_equal(s[0].blocker, 2);
	assert_string_equal(s[0].waits_for, "");
	assert_int_equal(read_detail(s, "1 2\n3 4\n5 6\n7 8\n9 10\n"),
			 HISTORY_SIDES_MAX);
	assert_int_equal(read_detail(s, "99999999999999999999 1"), 1);
}

int
main(void)
{
#define NOTED(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    NOTED(deadlock_note_has_the_victim_first),
	    NOTED(deadlock_note_asks_the_others_that_are_ours),
	    NOTED(deadlock_note_is_about_deadlocks_alone),
	    NOTED(deadlock_tell_side_has_the_guarded_statement),
	    cmocka_unit_test(deadlock_read_detail_bears_any_text),
	};

	return cmocka_run_group_tests_name("proxy/guard/deadlock", tests, NULL,
					   NULL);
}
