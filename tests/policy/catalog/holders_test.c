#include "policy/catalog/holders.h"

#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/row.h"
#include "tests/support/sql.h"
#include "tests/support/test.h"

static struct lock_item items[] = {
    {.relid = 100, .mode = LOCK_ACCESS_EXCLUSIVE, .is_lockable = true},
    {.relid = 4294967295u, .mode = LOCK_SHARE_ROW_EXCLUSIVE},
    {.relid = 200, .mode = LOCK_SHARE, .is_lockable = true},
};
static const struct lock_set set = {items, 3};

static void
plain_row(struct row_value row[HOLDERS_COLUMNS])
{
	row[HOLDERS_PID] = value("4711");
	row[HOLDERS_RELID] = value("100");
	row[HOLDERS_MODE] = value("AccessShareLock");
	row[HOLDERS_USER] = value("alice");
	row[HOLDERS_APPLICATION_NAME] = value("web");
	row[HOLDERS_STATE] = value("idle in transaction");
	row[HOLDERS_AGE] = value("1500");
	row[HOLDERS_AUTOVACUUM] = value("f");
	row[HOLDERS_TRANSACTION] = value("3/4711");
	for (int c = HOLDERS_BLOCKER; c < HOLDERS_COLUMNS; c++)
		row[c] = value(NULL);
}

/* Each value an exact copy. */
static bool
add_row(struct holders *h, const struct row_value row[HOLDERS_COLUMNS])
{
	struct row_value exact[HOLDERS_COLUMNS];
	struct span copies[HOLDERS_COLUMNS];
	bool is_added;

	for (int i = 0; i < HOLDERS_COLUMNS; i++) {
		copies[i] = bytes_copy(span_of(row[i].data, row[i].len));
		exact[i] = row[i];
		if (row[i].data != NULL)
			exact[i].data = (const char *)copies[i].data;
	}
	is_added = holders_add_row(h, &set, exact);
	for (int i = 0; i < HOLDERS_COLUMNS; i++)
		bytes_free(copies[i]);
	return is_added;
}

static bool
add_with(struct holders *h, enum holders_column column,
	 struct row_value changed)
{
	struct row_value row[HOLDERS_COLUMNS];

	plain_row(row);
	row[column] = changed;
	return add_row(h, row);
}

static void
holders_query_is_qualified_and_names_what_is_read(void **state)
{
	static const char *const columns[] = {
#define X(id, name) #name,
	    HOLDERS_COLUMN_TABLE(X)
#undef X
	};

	(void)state;
	sql_check_operators(holders_query());
	sql_check_params(holders_query(), HOLDERS_PARAMS);
	sql_check_columns(holders_query(), columns, HOLDERS_COLUMNS);
}

static void
check_look(const struct lock_set *of_set, const char *begins)
{
	char *look = holders_signed(of_set, holders_query());

	assert_non_null(look);
	assert_memory_equal(look, begins, strlen(begins));
	assert_string_equal(look + strlen(begins), holders_query());
	free(look);
}

/* holders.sql looks for this text in the looks of others. */
static void
holders_signed_says_what_the_session_waits_for(void **state)
{
	struct lock_item many[HOLDERS_NAMED + 1] = {{0}};
	struct lock_set first = {items, 1};
	struct lock_set large = {many, HOLDERS_NAMED + 1};
	char *look;

	(void)state;
	check_look(&first,
		   "/* Lockstep waits for 100 AccessExclusiveLock; */\n");
	check_look(&set, "/* Lockstep waits for 100 AccessExclusiveLock, "
			 "4294967295 ShareRowExclusiveLock, "
			 "200 ShareLock; */\n");
	assert_non_null(strstr(holders_query(), "'/* Lockstep waits for '"));
	for (uint32_t i = 0; i <= HOLDERS_NAMED; i++)
		many[i].relid = 1000 + i;
	look = holders_signed(&large, "");
	assert_non_null(strstr(look, "1023 NoLock;"));
	assert_null(strstr(look, "1024"));
	free(look);
}

static void
holders_signed_is_null_when_memory_is_out(void **state)
{
	char *look;

	(void)state;
	allocation_fail_after(0);
	look = holders_signed(&set, "");
	assert_true(allocation_restore());
	assert_null(look);
}

static void
check_param(const struct lock_set *of_set, const char *expected)
{
	char *param = holders_param(of_set);

	assert_non_null(param);
	assert_string_equal(param, expected);
	free(param);
}

static void
holders_param_lists_the_relations_to_ask_for(void **state)
{
	static const struct lock_set none;
	struct lock_set first = {items, 1};

	(void)state;
	check_param(&set, "{100,4294967295,200}");
	check_param(&first, "{100}");
	check_param(&none, "{}");
}

static void
holders_param_has_room_for_the_longest_numbers(void **state)
{
	struct lock_item *many = calloc(1000, sizeof(*many));
	struct lock_set large = {many, 1000};
	char *param;

	(void)state;
	assert_non_null(many);
	for (size_t i = 0; i < 1000; i++)
		many[i].relid = UINT32_MAX;
	param = holders_param(&large);
	assert_non_null(param);
	assert_int_equal(strlen(param), 2 + 1000 * 10 + 999);
	free(param);
	free(many);
}

static void
holders_param_of_lists_what_it_is_told(void **state)
{
	static const uint32_t relids[] = {4711, 12, UINT32_MAX};
	char *param = holders_param_of(relids, 3);

	(void)state;
	assert_non_null(param);
	assert_string_equal(param, "{4711,12,4294967295}");
	free(param);
	param = holders_param_of(relids, 0);
	assert_non_null(param);
	assert_string_equal(param, "{}");
	free(param);
}

/* Another session's answer: of it nothing counts that is beside the set, and
 * nobody who waits for that session. */
static void
holders_add_shared_row_takes_what_is_of_the_set(void **state)
{
	struct row_value row[HOLDERS_COLUMNS];
	struct holders h = {0};

	(void)state;
	plain_row(row);
	row[HOLDERS_RELID] = (struct row_value){"4711", 4};
	holders_add_shared_row(&h, &set, row);
	row[HOLDERS_RELID] = (struct row_value){0};
	holders_add_shared_row(&h, &set, row);
	assert_int_equal(h.count + h.near_count + h.waiter_count, 0);
	plain_row(row);
	row[HOLDERS_BLOCKER] = (struct row_value){"12", 2};
	holders_add_shared_row(&h, &set, row);
	assert_int_equal(h.count, 1);
	assert_int_equal(h.cycle, 0);
}

static void
holders_show_knows_those_that_are_kept(void **state)
{
	struct row_value row[HOLDERS_COLUMNS];
	struct holders h = {0};

	(void)state;
	plain_row(row);
	assert_true(add_row(&h, row));
	assert_true(holders_show(&h, h.shown[0].pid));
	assert_false(holders_show(&h, h.shown[0].pid + 1));
	assert_false(holders_show(&h, 0));
	for (int i = 0; i < HOLDERS_SHOWN; i++)
		assert_true(add_row(&h, row));
	row[HOLDERS_PID] = (struct row_value){"99", 2};
	assert_true(add_row(&h, row));
	assert_false(holders_show(&h, 99));
}

static void
holders_param_is_null_when_memory_is_out(void **state)
{
	char *param;

	(void)state;
	allocation_fail_after(0);
	param = holders_param(&set);
	assert_true(allocation_restore());
	assert_null(param);
}

static void
holders_add_row_counts_what_is_beside_the_set_apart(void **state)
{
	struct row_value row[HOLDERS_COLUMNS];
	struct holders h = {0};

	(void)state;
	plain_row(row);
	row[HOLDERS_RELID] = (struct row_value){"4711", 4};
	assert_true(add_row(&h, row));
	assert_int_equal(h.near_count, 1);
	assert_int_equal(h.count, 0);
	assert_int_equal(h.oldest_ms, 0);
}

static void
holders_add_row_reads_every_column(void **state)
{
	struct row_value row[HOLDERS_COLUMNS];
	struct holders h = {0};

	(void)state;
	plain_row(row);
	row[HOLDERS_RELID] = value("4294967295");
	row[HOLDERS_MODE] = value("RowExclusiveLock");
	assert_true(add_row(&h, row));
	assert_int_equal(h.count, 1);
	assert_int_equal(h.shown[0].pid, 4711);
	assert_int_equal(h.shown[0].relid, 4294967295u);
	assert_int_equal(h.shown[0].mode, LOCK_ROW_EXCLUSIVE);
	assert_string_equal(h.shown[0].user, "alice");
	assert_string_equal(h.shown[0].application_name, "web");
	assert_string_equal(h.shown[0].state, "idle in transaction");
	assert_int_equal(h.shown[0].transaction_age_ms, 1500);
}

/* A prepared transaction has none of what pg_stat_activity knows. */
static void
holders_add_row_takes_null_for_what_is_not_known(void **state)
{
	struct row_value row[HOLDERS_COLUMNS];
	struct holders h;

	(void)state;
	memset(&h, 0, sizeof(h));
	memset(h.shown, 0xff, sizeof(h.shown));
	plain_row(row);
	row[HOLDERS_PID] = value("0");
	for (int c = HOLDERS_USER; c <= HOLDERS_AGE; c++)
		row[c] = value(NULL);
	assert_true(add_row(&h, row));
	assert_int_equal(h.count, 1);
	assert_int_equal(h.shown[0].pid, 0);
	assert_string_equal(h.shown[0].user, "");
	assert_string_equal(h.shown[0].application_name, "");
	assert_string_equal(h.shown[0].state, "");
	assert_int_equal(h.shown[0].transaction_age_ms, 0);
}

static void
holders_add_row_refuses_null_where_it_cannot_be(void **state)
{
	struct holders h = {0};

	(void)state;
	assert_false(add_with(&h, HOLDERS_PID, value(NULL)));
	assert_false(add_with(&h, HOLDERS_MODE, value(NULL)));
	assert_int_equal(h.count, 0);
	assert_int_equal(h.waiter_count, 0);
}

static void
waiter_row(struct row_value row[HOLDERS_COLUMNS], const char *pid,
	   const char *blocker, const char *is_direct)
{
	for (int c = 0; c < HOLDERS_COLUMNS; c++)
		row[c] = value(NULL);
	row[HOLDERS_PID] = value(pid);
	row[HOLDERS_MODE] = value("ShareLock");
	row[HOLDERS_AUTOVACUUM] = value("f");
	row[HOLDERS_BLOCKER] = value(blocker);
	row[HOLDERS_WAITS_ON] = value("transaction 733");
	row[HOLDERS_DIRECT] = value(is_direct);
	row[HOLDERS_STALLED] = value(is_direct);
	row[HOLDERS_GIVES_WAY] = value("f");
}

static void
holders_add_row_knows_who_waits_for_us(void **state)
{
	struct row_value row[HOLDERS_COLUMNS];
	struct holders h = {0};

	(void)state;
	waiter_row(row, "34", "12", "t");
	assert_true(add_row(&h, row));
	waiter_row(row, "56", "34", "f");
	assert_true(add_row(&h, row));
	assert_int_equal(h.count, 0);
	assert_int_equal(h.near_count, 0);
	assert_int_equal(h.waiter_count, 2);
	assert_int_equal(h.stalled_count, 1);
	assert_int_equal(h.own_pid, 12);
	assert_int_equal(h.waiters[0].pid, 34);
	assert_int_equal(h.waiters[1].blocker, 34);
	assert_string_equal(h.waiters[1].waits_on,
			    "ShareLock on transaction 733");
	assert_false(h.gives_way);
	assert_int_equal(h.cycle, 0);
	row[HOLDERS_GIVES_WAY] = value("t");
	for (int i = 0; i < 1000; i++)
		assert_true(add_row(&h, row));
	assert_int_equal(h.waiter_count, 1002);
	assert_true(h.gives_way);
}

/* The oldest one in the way: rows come in that order. */
static void
holders_add_row_takes_a_holder_who_waits_for_us_for_a_cycle(void **state)
{
	struct row_value row[HOLDERS_COLUMNS];
	struct holders h = {0};
	uint64_t cycle;

	(void)state;
	plain_row(row);
	row[HOLDERS_BLOCKER] = value("12");
	row[HOLDERS_RELID] = value("300"); /* beside the set */
	assert_true(add_row(&h, row));
	row[HOLDERS_RELID] = value("200"); /* no conflict there */
	assert_true(add_row(&h, row));
	assert_int_equal(h.cycle, 0);
	row[HOLDERS_RELID] = value("100");
	assert_true(add_row(&h, row));
	assert_int_equal(h.cycle_holder.pid, 4711);
	cycle = h.cycle;
	assert_int_not_equal(cycle, 0);
	row[HOLDERS_PID] = value("4712");
	row[HOLDERS_TRANSACTION] = value("4/1");
	assert_true(add_row(&h, row));
	assert_int_equal(h.cycle_holder.pid, 4711);
	assert_int_equal(h.cycle, cycle);
	memset(&h, 0, sizeof(h));
	assert_true(add_row(&h, row));
	assert_int_not_equal(h.cycle, cycle);
}

static void
check_conflict(const char *relid, const char *mode, size_t expected)
{
	struct row_value row[HOLDERS_COLUMNS];
	struct holders h = {0};

	plain_row(row);
	row[HOLDERS_RELID] = value(relid);
	row[HOLDERS_MODE] = value(mode);
	assert_true(add_row(&h, row));
	if (h.count != expected)
		fail_msg("%s on %s counts %zu", mode, relid, h.count);
}

static void
holders_add_row_counts_only_what_conflicts_there(void **state)
{
	static const struct {
		const char *mode;
		size_t count[3]; /* against ACCESS EXCLUSIVE, SHARE ROW
				    EXCLUSIVE and SHARE */
	} modes[] = {
	    {"AccessShareLock", {1, 0, 0}},
	    {"RowShareLock", {1, 0, 0}},
	    {"RowExclusiveLock", {1, 1, 1}},
	    {"ShareUpdateExclusiveLock", {1, 1, 1}},
	    {"ShareLock", {1, 1, 0}},
	    {"ShareRowExclusiveLock", {1, 1, 1}},
	    {"ExclusiveLock", {1, 1, 1}},
	    {"AccessExclusiveLock", {1, 1, 1}},
	    {"SIReadLock", {0, 0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		check_conflict("100", modes[i].mode, modes[i].count[0]);
		check_conflict("4294967295", modes[i].mode, modes[i].count[1]);
		check_conflict("200", modes[i].mode, modes[i].count[2]);
		check_conflict("300", modes[i].mode, 0);
	}
}

static void
holders_add_row_shows_the_first_and_counts_all(void **state)
{
	struct holders h = {0};
	char pid[16];

	(void)state;
	for (int i = 1; i <= 1000; i++) {
		(void)snprintf(pid, sizeof(pid), "%d", i);
		assert_true(add_with(&h, HOLDERS_PID, value(pid)));
	}
	assert_int_equal(h.count, 1000);
	for (uint32_t i = 0; i < HOLDERS_SHOWN; i++)
		assert_int_equal(h.shown[i].pid, i + 1);
}

static void
holders_add_row_counts_no_mode_that_it_does_not_know(void **state)
{
	static const char *const modes[] = {
	    "", "accesssharelock", "AccessShareLock ", "NoLock", "8",
	};
	struct holders h = {0};
	char longest[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		assert_true(add_with(&h, HOLDERS_MODE, value(modes[i])));
	memset(longest, 'A', sizeof(longest));
	assert_true(add_with(&h, HOLDERS_MODE,
			     (struct row_value){longest, sizeof(longest)}));
	assert_int_equal(h.count, 0);
}

static void
holders_add_row_cuts_long_names(void **state)
{
	struct holders h = {0};
	char longest[4096];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	for (size_t len = 62; len <= 65; len++) {
		struct row_value v = {longest, len};

		h.count = 0;
		assert_true(add_with(&h, HOLDERS_USER, v));
		assert_int_equal(strlen(h.shown[0].user), len < 63 ? len : 63);
	}
	h.count = 0;
	assert_true(add_with(&h, HOLDERS_APPLICATION_NAME,
			     (struct row_value){longest, sizeof(longest)}));
	assert_int_equal(strlen(h.shown[0].application_name), 63);
	assert_string_equal(h.shown[0].state, "idle in transaction");
}

/* A name of 63 bytes in the server's encoding may be longer in the client's. */
static void
holders_add_row_cuts_between_characters(void **state)
{
	static const struct {
		const char *character;
		size_t kept;
	} characters[] = {
	    {"\xc3\xa4", 62},         /* U+00E4 */
	    {"\xe2\x82\xac", 63},     /* U+20AC */
	    {"\xf0\x9f\x90\x98", 60}, /* U+1F418 */
	};
	char name[240];

	(void)state;
	for (size_t i = 0; i < sizeof(characters) / sizeof(*characters); i++) {
		size_t len = strlen(characters[i].character);
		struct holders h = {0};

		for (size_t at = 0; at < sizeof(name); at += len)
			memcpy(name + at, characters[i].character, len);
		assert_true(add_with(&h, HOLDERS_STATE,
				     (struct row_value){name, sizeof(name)}));
		assert_int_equal(strlen(h.shown[0].state), characters[i].kept);
		assert_memory_equal(h.shown[0].state, name, characters[i].kept);
	}
}

/* The server's clock may have been set back: no age then. */
static void
holders_add_row_takes_an_odd_age_for_none(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} ages[] = {
	    {"0", 0},
	    {"-1", 0},
	    {"", 0},
	    {"x", 0},
	    {"31536000000", 31536000000},
	    {"999999999999999999", 999999999999999999},
	    {"99999999999999999999999999", 999999999999999999},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ages) / sizeof(*ages); i++) {
		struct holders h = {0};

		assert_true(add_with(&h, HOLDERS_AGE, value(ages[i].text)));
		assert_true(h.shown[0].transaction_age_ms == ages[i].ms);
	}
}

/* So long and so many are in the way of the whole set. */

static void
holders_add_row_keeps_the_greatest_age(void **state)
{
	static const char *const ages[] = {"20", "1500", "3", "0"};
	struct holders h = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_true(add_with(&h, HOLDERS_AGE, value(ages[i])));
	assert_int_equal(h.oldest_ms, 1500);
	/* Not of those whose lock is in nobody's way. */
	assert_true(add_with(&h, HOLDERS_RELID, value("300")));
	assert_int_equal(h.count, 4);
	assert_int_equal(h.untold_count, 0);
}

static void
holders_add_row_counts_autovacuums(void **state)
{
	static const struct {
		const char *text;
		size_t count;
	} columns[] = {{"t", 1}, {"f", 0}, {"", 0}, {"true", 0}, {NULL, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		struct holders h = {0};

		assert_true(
		    add_with(&h, HOLDERS_AUTOVACUUM, value(columns[i].text)));
		assert_true(add_with(&h, HOLDERS_PID, value("1")));
		assert_int_equal(h.count, 2);
		assert_int_equal(h.autovacuum_count, columns[i].count);
	}
}

/* An autovacuum whose mode does not conflict is in nobody's way. */
static void
holders_add_row_counts_no_autovacuum_that_does_not_conflict(void **state)
{
	struct row_value row[HOLDERS_COLUMNS];
	struct holders h = {0};

	(void)state;
	plain_row(row);
	row[HOLDERS_AUTOVACUUM] = value("t");
	row[HOLDERS_RELID] = value("300");
	assert_true(add_row(&h, row));
	row[HOLDERS_RELID] = value("200"); /* wanted in SHARE mode */
	assert_true(add_row(&h, row));
	assert_int_equal(h.count, 0);
	assert_int_equal(h.autovacuum_count, 0);
	row[HOLDERS_MODE] = value("ShareUpdateExclusiveLock");
	assert_true(add_row(&h, row));
	assert_int_equal(h.count, 1);
	assert_int_equal(h.autovacuum_count, 1);
}

static void
holders_add_row_counts_those_on_what_cannot_be_locked(void **state)
{
	struct row_value row[HOLDERS_COLUMNS];
	struct holders h = {0};

	(void)state;
	plain_row(row);
	assert_true(add_row(&h, row));
	assert_int_equal(h.unlockable_count, 0);
	row[HOLDERS_RELID] = value("4294967295");
	assert_true(add_row(&h, row)); /* does not conflict */
	assert_int_equal(h.unlockable_count, 0);
	row[HOLDERS_MODE] = value("RowExclusiveLock");
	assert_true(add_row(&h, row));
	assert_true(add_row(&h, row));
	assert_int_equal(h.unlockable_count, 2);
	assert_int_equal(h.count, 3);
}

static bool
add_untold(struct holders *h, const char *transaction)
{
	struct row_value row[HOLDERS_COLUMNS];

	plain_row(row);
	row[HOLDERS_AGE] = value(NULL);
	row[HOLDERS_TRANSACTION] = value(transaction);
	return add_row(h, row);
}

static void
holders_add_row_tells_transactions_apart_whose_age_is_not_told(void **state)
{
	struct holders h = {0};
	struct holders again = {0};

	(void)state;
	assert_true(add_untold(&h, "3/4711"));
	assert_true(add_untold(&h, "3/4712"));
	assert_true(add_untold(&h, "3/4711")); /* another lock of it */
	assert_true(add_untold(&h, "34/711"));
	assert_true(add_untold(&h, "-1/4711")); /* a prepared one */
	assert_true(add_untold(&h, NULL));
	assert_int_equal(h.count, 6);
	assert_int_equal(h.untold_count, 5);
	assert_int_equal(h.oldest_ms, 0);
	for (size_t i = 0; i < h.untold_count; i++)
		for (size_t j = 0; j < i; j++)
			assert_true(h.untold[i] != h.untold[j]);
	/* And it is the same in the next look. */
	assert_true(add_untold(&again, "3/4711"));
	assert_true(again.untold[0] == h.untold[0]);
}

static void
holders_add_row_keeps_no_more_of_them_than_fit(void **state)
{
	struct holders h = {0};
	char transaction[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(transaction, sizeof(transaction), "3/%d", i);
		assert_true(add_untold(&h, transaction));
	}
	assert_int_equal(h.count, 1000);
	assert_int_equal(h.untold_count, HOLDERS_UNTOLD_MAX);
}

static bool
add_young(struct holders *h, const char *transaction, const char *age)
{
	struct row_value row[HOLDERS_COLUMNS];

	plain_row(row);
	row[HOLDERS_AGE] = value(age);
	row[HOLDERS_TRANSACTION] = value(transaction);
	row[HOLDERS_APPLICATION_NAME] = value("web");
	return add_row(h, row);
}

static void
holders_add_row_keeps_the_youngest_each_once(void **state)
{
	struct holders h = {0};
	char transaction[16];

	(void)state;
	for (int i = 1; i <= 100; i++) {
		char age[16];

		(void)snprintf(transaction, sizeof(transaction), "3/%d", i);
		(void)snprintf(age, sizeof(age), "%d", 1000 - i);
		assert_true(add_young(&h, transaction, age));
		assert_true(add_young(&h, transaction, age));
	}
	assert_int_equal(h.youngest_count, HOLDERS_YOUNGEST_MAX);
	for (size_t i = 0; i < h.youngest_count; i++) {
		const struct holder_transaction *t = &h.youngest[i];

		assert_true(t->has_age);
		assert_int_equal(t->age_ms, 900 + HOLDERS_YOUNGEST_MAX - 1 - i);
		assert_string_equal(t->application_name, "web");
		for (size_t j = 0; j < i; j++)
			assert_true(h.youngest[j].id != t->id);
	}
	assert_true(add_young(&h, "4/1", NULL));
	assert_false(h.youngest[HOLDERS_YOUNGEST_MAX - 1].has_age);
	assert_true(h.untold[0] == h.youngest[HOLDERS_YOUNGEST_MAX - 1].id);
}

/* They came by no gate that anybody could shut. */
static void
holders_add_row_counts_no_autovacuum_among_the_youngest(void **state)
{
	struct holders h = {0};

	(void)state;
	assert_true(add_with(&h, HOLDERS_AUTOVACUUM, value("t")));
	assert_true(add_with(&h, HOLDERS_PID, value("0")));
	assert_true(add_with(&h, HOLDERS_RELID, value("300")));
	assert_int_equal(h.count, 2);
	assert_int_equal(h.youngest_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(holders_query_is_qualified_and_names_what_is_read),
	    cmocka_unit_test(holders_signed_says_what_the_session_waits_for),
	    cmocka_unit_test(holders_signed_is_null_when_memory_is_out),
	    cmocka_unit_test(holders_add_row_knows_who_waits_for_us),
	    cmocka_unit_test(
		holders_add_row_takes_a_holder_who_waits_for_us_for_a_cycle),
	    cmocka_unit_test(holders_param_lists_the_relations_to_ask_for),
	    cmocka_unit_test(holders_param_has_room_for_the_longest_numbers),
	    cmocka_unit_test(holders_param_is_null_when_memory_is_out),
	    cmocka_unit_test(holders_param_of_lists_what_it_is_told),
	    cmocka_unit_test(holders_add_shared_row_takes_what_is_of_the_set),
	    cmocka_unit_test(holders_show_knows_those_that_are_kept),
	    cmocka_unit_test(
		holders_add_row_counts_what_is_beside_the_set_apart),
	    cmocka_unit_test(holders_add_row_reads_every_column),
	    cmocka_unit_test(holders_add_row_takes_null_for_what_is_not_known),
	    cmocka_unit_test(holders_add_row_refuses_null_where_it_cannot_be),
	    cmocka_unit_test(holders_add_row_counts_only_what_conflicts_there),
	    cmocka_unit_test(holders_add_row_shows_the_first_and_counts_all),
	    cmocka_unit_test(
		holders_add_row_counts_no_mode_that_it_does_not_know),
	    cmocka_unit_test(holders_add_row_cuts_long_names),
	    cmocka_unit_test(holders_add_row_cuts_between_characters),
	    cmocka_unit_test(holders_add_row_takes_an_odd_age_for_none),
	    cmocka_unit_test(holders_add_row_keeps_the_greatest_age),
	    cmocka_unit_test(holders_add_row_counts_autovacuums),
	    cmocka_unit_test(
		holders_add_row_counts_no_autovacuum_that_does_not_conflict),
	    cmocka_unit_test(
		holders_add_row_counts_those_on_what_cannot_be_locked),
	    cmocka_unit_test(
		holders_add_row_tells_transactions_apart_whose_age_is_not_told),
	    cmocka_unit_test(holders_add_row_keeps_no_more_of_them_than_fit),
	    cmocka_unit_test(holders_add_row_keeps_the_youngest_each_once),
	    cmocka_unit_test(
		holders_add_row_counts_no_autovacuum_among_the_youngest),
	};

	return cmocka_run_group_tests_name("policy/catalog/holders", tests,
					   NULL, NULL);
}
