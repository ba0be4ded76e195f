#include "policy/guard/report.h"

#include <stdio.h>

#include "tests/support/test.h"

enum {
	TABLES_MAX = 20,
};

static char name_a[] = "public.a";
static char name_c[] = "public.\"C\"";
static struct lock_item two[] = {
    {.relid = 10, .name = name_a, .mode = LOCK_SHARE_ROW_EXCLUSIVE},
    {.relid = 20, .name = name_c, .mode = LOCK_ACCESS_EXCLUSIVE},
};

static const struct lock_set set_of_two = {two, 2};
/* The account under test has these. */
static struct holders holders;
static struct past past;
static struct guard_settings settings;

static struct guard_account
account_of(enum guard_outcome outcome)
{
	memset(&settings, 0, sizeof(settings));
	memset(&holders, 0, sizeof(holders));
	memset(&past, 0, sizeof(past));
	return (struct guard_account){
	    .outcome = outcome,
	    .settings = &settings,
	    .set = &set_of_two,
	    .holders = &holders,
	    .past = &past,
	    .attempts = 7,
	};
}

static void
add_holder(uint32_t pid, uint32_t relid)
{
	struct holder *h = &holders.shown[holders.count % HOLDERS_SHOWN];

	holders.count++;
	*h = (struct holder){
	    .pid = pid,
	    .relid = relid,
	    .mode = LOCK_ACCESS_SHARE,
	    .user = "alice",
	    .application_name = "psql",
	    .state = "idle in transaction",
	    .transaction_age_ms = 61540,
	};
}

static void
assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in '%s'", part, text);
}

static void
assert_begins(const char *text, const char *head)
{
	if (strncmp(text, head, strlen(head)) != 0)
		fail_msg("'%s' does not begin with '%s'", text, head);
}

static void
report_refusal_of_a_spent_budget_tells_all(void **state)
{
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	struct report r;

	(void)state;
	add_holder(4711, 20);
	a.held_ms = 300012;
	report_refusal(&r, &a, "DROP TABLE");
	assert_string_equal(r.sqlstate, "55P03");
	assert_string_equal(r.message,
			    "canceling statement due to lock timeout:"
			    " DROP TABLE was held for 300012 ms");
	assert_string_equal(
	    r.detail,
	    "Lock set in order: public.a (ShareRowExclusiveLock),"
	    " public.\"C\" (AccessExclusiveLock). 7 attempts in 300012 ms."
	    " Blockers: pid 4711 (user \"alice\", application_name \"psql\","
	    " state \"idle in transaction\", transaction age 61.5 s)"
	    " holds AccessShareLock on public.\"C\".");
	assert_string_equal(r.hint, "End the transactions named above, or raise"
				    " Lockstep's hold_timeout.");
}

static void
add_past(size_t count, const char *name)
{
	past.count += count;
	(void)snprintf(past.names[past.name_count++], HOLDERS_NAME_BYTES, "%s",
		       name);
}

static void
report_tells_who_came_past_the_gate(void **state)
{
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	char names[64];
	struct report r;

	(void)state;
	add_past(1, "cron");
	report_refusal(&r, &a, "DROP TABLE");
	assert_contains(r.detail, " 1 transaction came past the gate"
				  " (application_name \"cron\").");
	add_past(40, "");
	past.has_more_names = true;
	report_refusal(&r, &a, "DROP TABLE");
	assert_contains(r.detail, " 41 transactions came past the gate"
				  " (application_name \"cron\", \"\" and"
				  " others).");
	assert_string_equal(r.hint,
			    "Try again, or raise Lockstep's hold_timeout. Let"
			    " what came past the gate come through this"
			    " Lockstep, or one that shares its setting"
			    " \"fleet\".");
	report_waiting(&r, &a, "DROP TABLE");
	assert_contains(r.detail, " 41 transactions came past the gate");
	report_past(names, sizeof(names), &a);
	assert_string_equal(names, "\"cron\", \"\" and others");
}

static void
report_tells_of_nobody_who_came_past_where_there_was_none(void **state)
{
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	char names[64];
	struct report r;

	(void)state;
	report_refusal(&r, &a, "DROP TABLE");
	assert_null(strstr(r.detail, "gate"));
	assert_null(strstr(r.hint, "fleet"));
	report_waiting(&r, &a, "DROP TABLE");
	assert_null(strstr(r.detail, "gate"));
	report_past(names, sizeof(names), &a);
	assert_string_equal(names, "");
}

/* Code in the wild compares with what the server itself says. */
static void
report_refusal_begins_as_the_server_does(void **state)
{
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	struct report r;

	(void)state;
	report_refusal(&r, &a, "TRUNCATE");
	assert_begins(r.message, "canceling statement due to lock timeout");
	a.limit = GUARD_LIMIT_LOCK;
	report_refusal(&r, &a, "TRUNCATE");
	assert_begins(r.message, "canceling statement due to lock timeout");
	assert_string_equal(r.sqlstate, "55P03");
	a.limit = GUARD_LIMIT_STATEMENT;
	report_refusal(&r, &a, "TRUNCATE");
	assert_begins(r.message,
		      "canceling statement due to statement timeout");
	assert_string_equal(r.sqlstate, "57014");
	a.outcome = GUARD_CANCELED;
	report_refusal(&r, &a, "TRUNCATE");
	assert_string_equal(r.message,
			    "canceling statement due to user request");
	assert_string_equal(r.sqlstate, "57014");
	assert_string_equal(r.detail, "");
	assert_string_equal(r.hint, "");
}

static void
report_refusal_says_so_when_nobody_holds_anything(void **state)
{
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	struct report r;

	(void)state;
	a.held_ms = 2000;
	report_refusal(&r, &a, "DROP TABLE");
	assert_contains(r.detail, " Nobody holds a conflicting lock at this"
				  " moment.");
	assert_null(strstr(r.detail, "Blockers"));
}

static void
report_refusal_by_policy_names_the_tables(void **state)
{
	struct guard_account a = account_of(GUARD_REJECTED);
	struct report r;

	(void)state;
	report_refusal(&r, &a, "DROP TABLE");
	assert_string_equal(r.sqlstate, "42501");
	assert_begins(r.message, "DROP TABLE is refused by Lockstep");
	assert_contains(r.detail, "public.a (ShareRowExclusiveLock)");
	assert_contains(r.detail, "public.\"C\" (AccessExclusiveLock)");
	assert_string_equal(r.hint, "The setting \"policy\" is \"reject\".");
	settings.rule = "nightly";
	report_refusal(&r, &a, "DROP TABLE");
	assert_string_equal(r.hint, "The setting \"policy\" is \"reject\". The "
				    "rule \"nightly\" applies.");
}

static void
report_refusal_hints_at_the_limit_that_was_reached(void **state)
{
	static const char *const names[] = {
	    [GUARD_LIMIT_HOLD] = "raise Lockstep's hold_timeout.",
	    [GUARD_LIMIT_IN_TRANSACTION] =
		"raise Lockstep's in_transaction_timeout.",
	    [GUARD_LIMIT_LOCK] = "raise the session's lock_timeout.",
	    [GUARD_LIMIT_STATEMENT] = "raise the session's statement_timeout.",
	};
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	struct report r;

	(void)state;
	for (int i = GUARD_LIMIT_HOLD; i <= GUARD_LIMIT_STATEMENT; i++) {
		a.limit = (enum guard_limit)i;
		report_refusal(&r, &a, "DROP TABLE");
		assert_contains(r.hint, names[i]);
	}
}

static void
report_refusal_shows_a_few_holders_and_counts_the_rest(void **state)
{
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	struct report r;

	(void)state;
	for (uint32_t i = 0; i < HOLDERS_SHOWN; i++)
		add_holder(100 + i, 10);
	report_refusal(&r, &a, "DROP TABLE");
	assert_contains(r.detail, "pid 104 ");
	assert_null(strstr(r.detail, "more"));
	holders.count += 37;
	report_refusal(&r, &a, "DROP TABLE");
	assert_contains(r.detail, "; and 37 more.");
}

/* A holder may be one of a set that has been planned anew since. */
static void
report_refusal_takes_odd_holders(void **state)
{
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	struct report r;

	(void)state;
	add_holder(0, 10);
	add_holder(5, 999);
	report_refusal(&r, &a, "DROP TABLE");
	assert_contains(r.detail, "Blockers: a prepared transaction holds"
				  " AccessShareLock on public.a; pid 5 ");
	assert_contains(r.detail, " holds AccessShareLock on ?.");
}

static void
fill(char *out, size_t size, const char *character)
{
	size_t len = strlen(character);
	size_t at;

	for (at = 0; at + len < size; at += len)
		memcpy(out + at, character, len);
	out[at] = '\0';
}

static void
assert_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s != '\0') {
		int more = *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : *s >= 0xc0;

		assert_true(*s < 0x80 || *s >= 0xc0);
		for (s++; more > 0; more--, s++)
			assert_int_equal(*s & 0xc0, 0x80);
	}
}

/* Huge names in all places, of characters of one to four bytes. */
static void
report_refusal_is_cut_between_characters(void **state)
{
	static const char *const characters[] = {
	    "x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\x98", "%n%s"};
	struct lock_item items[TABLES_MAX];
	struct lock_set set = {items, TABLES_MAX};
	char name[600];
	struct report r;

	(void)state;
	memset(items, 0, sizeof(items));
	for (size_t size = 2; size <= sizeof(name); size++) {
		struct guard_account a = account_of(GUARD_TIMED_OUT);

		fill(name, size, characters[size % 5]);
		for (size_t i = 0; i < TABLES_MAX; i++) {
			items[i].name = name;
			items[i].mode = LOCK_ACCESS_EXCLUSIVE;
		}
		a.set = &set;
		for (int i = 0; i < HOLDERS_SHOWN; i++)
			add_holder(1, 0);
		for (int i = 0; i < HOLDERS_SHOWN; i++)
			fill(holders.shown[i].user, 64, characters[size % 5]);
		report_refusal(&r, &a, "DROP TABLE");
		assert_non_null(memchr(r.detail, '\0', sizeof(r.detail)));
		assert_begins(r.detail, "Lock set in order: ");
		assert_utf8(r.detail);
		report_waiting(&r, &a, "DROP TABLE");
		assert_non_null(memchr(r.detail, '\0', sizeof(r.detail)));
		assert_utf8(r.detail);
	}
}

static void
report_refusal_hints_at_a_right_that_lacks(void **state)
{
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	struct report r;

	(void)state;
	a.limit = GUARD_LIMIT_IN_TRANSACTION;
	two[1].relkind = 'v';
	report_refusal(&r, &a, "DROP TABLE");
	assert_null(strstr(r.hint, "MAINTAIN"));
	two[1].relkind = 'r';
	report_refusal(&r, &a, "DROP TABLE");
	two[1].relkind = 0;
	assert_contains(r.hint, "in_transaction_timeout.");
	assert_contains(r.hint, "GRANT MAINTAIN");
	assert_contains(r.hint, "would let it.");
}

/* The longest there are: years of waiting, the longest limit. */
static void
report_refusal_has_room_for_message_and_hint(void **state)
{
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	struct report r;

	(void)state;
	a.limit = GUARD_LIMIT_STATEMENT;
	a.held_ms = UINT64_MAX;
	report_refusal(&r, &a, "ALTER TABLE DROP CONSTRAINT CASCADE");
	assert_contains(r.message, " ms");
	assert_contains(r.hint, "statement_timeout.");
}

static void
add_waiter(uint32_t pid, uint32_t blocker, const char *waits_on)
{
	struct waiter *w = &holders.waiters[holders.waiter_count];

	holders.waiter_count++;
	w->pid = pid;
	w->blocker = blocker;
	(void)snprintf(w->waits_on, sizeof(w->waits_on), "%s", waits_on);
}

/* In PostgreSQL's words, and then what it does not say. */
static void
report_refusal_of_a_deadlock_tells_who_waits_for_whom(void **state)
{
	struct guard_account a = account_of(GUARD_DEADLOCK);
	struct report r;

	(void)state;
	add_holder(34, 20);
	holders.cycle_holder = holders.shown[0];
	holders.own_pid = 12;
	add_waiter(56, 12, "ShareLock on transaction 733");
	add_waiter(34, 56, "RowExclusiveLock on relation 7 of database 5");
	report_refusal(&r, &a, "DROP TABLE");
	assert_string_equal(r.sqlstate, "40P01");
	assert_string_equal(r.message, "deadlock detected");
	assert_string_equal(
	    r.detail,
	    "Process 12 waits for AccessExclusiveLock on public.\"C\"; blocked"
	    " by process 34.\n"
	    "Process 34 waits for RowExclusiveLock on relation 7 of database 5;"
	    " blocked by process 56.\n"
	    "Process 56 waits for ShareLock on transaction 733; blocked by"
	    " process 12.\n"
	    "pid 34 (user \"alice\", application_name \"psql\", state \"idle"
	    " in transaction\", transaction age 61.5 s) holds AccessShareLock"
	    " on public.\"C\".");
	assert_string_equal(
	    r.hint, "Repeat the whole transaction. Nobody else was canceled.");
}

/* Nor does a chain that bites its own tail, or goes to somebody unknown. */
static void
report_refusal_of_a_deadlock_ends_whatever_is_told(void **state)
{
	struct guard_account a = account_of(GUARD_DEADLOCK);
	struct report r;

	(void)state;
	add_waiter(34, 34, "ShareLock on transaction 733");
	holders.cycle_holder.pid = 34;
	report_refusal(&r, &a, "DROP TABLE");
	assert_begins(r.detail, "Process 0 waits for NoLock on ?; blocked by"
				" process 34.\nProcess 34 waits for ");
	holders.waiters[0].blocker = 99;
	report_refusal(&r, &a, "DROP TABLE");
	assert_contains(r.detail, "; blocked by process 99.\npid 34 (");
}

static void
report_refusal_says_how_many_wait_for_the_transaction(void **state)
{
	struct guard_account a = account_of(GUARD_TIMED_OUT);
	struct report r;

	(void)state;
	add_holder(4711, 10);
	a.limit = GUARD_LIMIT_IN_TRANSACTION;
	holders.stalled_count = 1;
	report_refusal(&r, &a, "DROP TABLE");
	assert_contains(r.detail, " 1 session waits for this transaction.");
	holders.stalled_count = 3;
	report_refusal(&r, &a, "DROP TABLE");
	assert_contains(r.detail, " 3 sessions wait for this transaction.");
	assert_contains(r.hint, "Lockstep's in_transaction_timeout.");
}

static void
report_waiting_names_whom_it_waits_for(void **state)
{
	struct guard_account a = account_of(GUARD_PENDING);
	struct report r;

	(void)state;
	add_holder(4711, 10);
	a.held_ms = 1300;
	report_waiting(&r, &a, "DROP TABLE");
	assert_string_equal(r.sqlstate, "00000");
	assert_string_equal(r.message, "DROP TABLE is held by Lockstep for"
				       " 1.3 s");
	assert_string_equal(
	    r.detail,
	    "Lock set in order: public.a, public.\"C\". In its way: pid 4711"
	    " (user \"alice\", application_name \"psql\","
	    " state \"idle in transaction\", transaction age 61.5 s)"
	    " holds AccessShareLock on public.a.");
	assert_string_equal(r.hint, "");
}

static void
report_waiting_counts_attempts_when_nobody_is_known(void **state)
{
	struct guard_account a = account_of(GUARD_PENDING);
	struct report r;

	(void)state;
	report_waiting(&r, &a, "DROP TABLE");
	assert_contains(r.detail, ". 7 attempts to lock it found it in use.");
}

static void
report_lock_set_names_a_few_and_counts_the_rest(void **state)
{
	struct lock_item items[TABLES_MAX];
	char names[TABLES_MAX][4];
	char text[256];

	(void)state;
	memset(items, 0, sizeof(items));
	for (size_t i = 0; i < TABLES_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "t%zu", i % 100);
		items[i].name = names[i];
	}
	report_lock_set(text, sizeof(text), &(struct lock_set){items, 0});
	assert_string_equal(text, "");
	report_lock_set(text, sizeof(text), &(struct lock_set){items, 1});
	assert_string_equal(text, "t0");
	report_lock_set(text, sizeof(text), &(struct lock_set){items, 8});
	assert_string_equal(text, "t0, t1, t2, t3, t4, t5, t6, t7");
	report_lock_set(text, sizeof(text), &(struct lock_set){items, 20});
	assert_string_equal(text, "t0, t1, t2, t3, t4, t5, t6, t7 and 12 more");
}

static void
report_unlockable_names_those_that_no_attempt_locks(void **state)
{
	static char names[][2] = {"a", "b", "c"};
	struct lock_item items[] = {
	    {.name = names[0]},
	    {.name = names[1], .is_lockable = true},
	    {.name = names[2]},
	};
	char text[64];

	(void)state;
	report_unlockable(text, sizeof(text), &(struct lock_set){items, 3});
	assert_string_equal(text, "a, c");
	report_unlockable(text, sizeof(text), &(struct lock_set){items + 1, 1});
	assert_string_equal(text, "");
}

/* Text behind a cut must not close the gap that it left. */
static void
report_lock_set_is_cut_to_every_size(void **state)
{
	static char euro[] = "\xe2\x82\xac\xe2\x82\xac";
	struct lock_item items[] = {
	    {.name = name_a}, {.name = euro}, {.name = name_c}};
	struct lock_set set = {items, 3};
	static const char whole[] =
	    "public.a, \xe2\x82\xac\xe2\x82\xac, public.\"C\"";

	(void)state;
	for (size_t size = 1; size <= sizeof(whole); size++) {
		char *text = malloc(size);

		assert_non_null(text);
		report_lock_set(text, size, &set);
		assert_true(strlen(text) < size);
		assert_begins(whole, text);
		assert_utf8(text);
		if (size == sizeof(whole))
			assert_string_equal(text, whole);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(report_refusal_of_a_spent_budget_tells_all),
	    cmocka_unit_test(report_refusal_begins_as_the_server_does),
	    cmocka_unit_test(report_tells_who_came_past_the_gate),
	    cmocka_unit_test(
		report_tells_of_nobody_who_came_past_where_there_was_none),
	    cmocka_unit_test(report_refusal_says_so_when_nobody_holds_anything),
	    cmocka_unit_test(report_refusal_by_policy_names_the_tables),
	    cmocka_unit_test(
		report_refusal_hints_at_the_limit_that_was_reached),
	    cmocka_unit_test(
		report_refusal_shows_a_few_holders_and_counts_the_rest),
	    cmocka_unit_test(report_refusal_takes_odd_holders),
	    cmocka_unit_test(report_refusal_is_cut_between_characters),
	    cmocka_unit_test(report_refusal_hints_at_a_right_that_lacks),
	    cmocka_unit_test(report_refusal_has_room_for_message_and_hint),
	    cmocka_unit_test(
		report_refusal_of_a_deadlock_tells_who_waits_for_whom),
	    cmocka_unit_test(
		report_refusal_of_a_deadlock_ends_whatever_is_told),
	    cmocka_unit_test(
		report_refusal_says_how_many_wait_for_the_transaction),
	    cmocka_unit_test(report_waiting_names_whom_it_waits_for),
	    cmocka_unit_test(
		report_waiting_counts_attempts_when_nobody_is_known),
	    cmocka_unit_test(report_lock_set_names_a_few_and_counts_the_rest),
	    cmocka_unit_test(report_lock_set_is_cut_to_every_size),
	    cmocka_unit_test(
		report_unlockable_names_those_that_no_attempt_locks),
	};

	return cmocka_run_group_tests_name("policy/guard/report", tests, NULL,
					   NULL);
}
