#include "policy/catalog/attempt.h"

#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

/* One lock that the text is to ask for; the last of a list has none. */
struct step {
	size_t index;
	const char *lock;
};

static char name_a[] = "public.a";
static char name_b[] = "\"S\".b";
static char name_c[] = "public.c";

static struct lock_item three[] = {
    {.name = name_a, .mode = LOCK_ACCESS_EXCLUSIVE, .is_lockable = true},
    {.name = name_b, .mode = LOCK_SHARE_ROW_EXCLUSIVE, .is_lockable = false},
    {.name = name_c, .mode = LOCK_SHARE_ROW_EXCLUSIVE, .is_lockable = true},
};

static void
print_step(FILE *to, const struct step *step, bool is_timed)
{
	fprintf(to, "s := %zu;\n", step->index);
	if (is_timed)
		fprintf(
		    to,
		    "l := 200 OPERATOR(pg_catalog.-) (EXTRACT(epoch FROM"
		    " pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) b)\n"
		    "OPERATOR(pg_catalog.*) 1000)::pg_catalog.int4;\n"
		    "IF l OPERATOR(pg_catalog.<=) 0 THEN\n"
		    "RAISE lock_not_available;\nEND IF;\n"
		    "PERFORM pg_catalog.set_config('lock_timeout',"
		    " l::pg_catalog.text, true);\n");
	fprintf(to, "LOCK TABLE ONLY %s;\n", step->lock);
}

/* Of a set of `count`, with a bound of 200 ms and a lock_timeout of 5s. */
static char *
expected_sql(const struct step *steps, size_t count, bool is_timed)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	fprintf(to,
		"DO $lockstep0$ DECLARE\n"
		"b pg_catalog.timestamptz := pg_catalog.clock_timestamp();\n"
		"l pg_catalog.int4; s pg_catalog.int4;"
		" r pg_catalog.text := '';\n"
		"BEGIN\n");
	for (; steps->lock != NULL; steps++)
		print_step(to, steps, is_timed);
	if (is_timed)
		fprintf(to, "PERFORM pg_catalog.set_config('lock_timeout',"
			    " '5s', true);\n");
	fprintf(to,
		"RAISE INFO USING MESSAGE = '%zu', ERRCODE = 'LKSTP';\n"
		"EXCEPTION WHEN lock_not_available OR deadlock_detected THEN\n"
		"RAISE INFO USING MESSAGE = s::pg_catalog.text,"
		" DETAIL = COALESCE(r, ''),\nERRCODE = 'LKSTP';\n"
		"WHEN OTHERS THEN\n"
		"RAISE INFO USING MESSAGE = SQLERRM, ERRCODE = 'LKSTP';\n"
		"END $lockstep0$",
		count);
	fclose(to);
	return text;
}

static void
check_sql(const struct attempt *a, const struct step *steps)
{
	char *expected =
	    expected_sql(steps, a->set->count, a->manner != ATTEMPT_AT_ONCE);
	char *sql = attempt_sql(a);

	assert_non_null(sql);
	assert_string_equal(sql, expected);
	free(sql);
	free(expected);
}

static void
attempt_sql_at_once_locks_one_table_after_the_other(void **state)
{
	static const struct step steps[] = {
	    {0, "public.a IN ACCESS EXCLUSIVE MODE NOWAIT"},
	    {1, "\"S\".b IN SHARE ROW EXCLUSIVE MODE NOWAIT"},
	    {2, "public.c IN SHARE ROW EXCLUSIVE MODE NOWAIT"},
	    {0, NULL},
	};
	struct lock_item items[3];
	struct lock_set set = {items, 3};
	struct attempt a = {.set = &set,
			    .manner = ATTEMPT_AT_ONCE,
			    .bound_ms = 200,
			    .lock_timeout = "5s"};

	(void)state;
	memcpy(items, three, sizeof(items));
	items[1].is_lockable = true;
	check_sql(&a, steps);
}

static size_t
count_of(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		n++;
	}
	return n;
}

/*
 * For what is not lockable, before any lock, and by an index of its own; what
 * is lockable needs none.
 */
static void
attempt_sql_takes_the_turn_first(void **state)
{
	static const char turn[] =
	    "s := 5;\n"
	    "IF NOT pg_catalog.pg_try_advisory_xact_lock(1282368363, -2) THEN";
	struct lock_item items[3];
	struct lock_set set = {items, 3};
	struct attempt a = {
	    .set = &set, .manner = ATTEMPT_AT_ONCE, .lock_timeout = "0"};
	char *without;
	char *with;
	size_t head;
	char *lock;

	(void)state;
	memcpy(items, three, sizeof(items));
	items[1].relid = UINT32_MAX - 1;
	without = attempt_sql(&a);
	a.takes_turn = true;
	with = attempt_sql(&a);
	assert_non_null(without);
	assert_non_null(with);
	head = (size_t)(strstr(without, "s := 0;") - without);
	lock = strstr(with, "s := 0;");
	assert_memory_equal(with, without, head);
	assert_string_equal(lock, without + head);
	*lock = '\0';
	assert_memory_equal(with + head, turn, strlen(turn));
	assert_non_null(strstr(with + head, "'4294967294'::pg_catalog.oid"));
	assert_int_equal(count_of(with + head, "s := "), 1);
	free(with);
	free(without);
}

/* A change to the present owner, for a moment at most. */
static void
attempt_sql_alters_what_has_an_owner(void **state)
{
	static char owner[] = "\"Joe\"";
	struct lock_item item = {.name = name_b,
				 .mode = LOCK_ACCESS_EXCLUSIVE,
				 .is_lockable = true,
				 .owner = owner};
	struct lock_set set = {&item, 1};
	struct attempt a = {
	    .set = &set, .manner = ATTEMPT_AT_ONCE, .lock_timeout = "5s"};
	char *sql = attempt_sql(&a);

	(void)state;
	assert_non_null(sql);
	assert_non_null(strstr(
	    sql, "s := 0;\n"
		 "PERFORM pg_catalog.set_config('lock_timeout', '1', true);\n"
		 "ALTER TABLE ONLY \"S\".b OWNER TO \"Joe\";\n"
		 "PERFORM pg_catalog.set_config('lock_timeout', '5s', true);\n"
		 "RAISE INFO USING MESSAGE = '1'"));
	free(sql);
}

static void
attempt_sql_takes_no_turn_for_what_it_locks(void **state)
{
	struct lock_item items[3];
	struct lock_set set = {items, 3};
	struct attempt a = {.set = &set,
			    .manner = ATTEMPT_AT_ONCE,
			    .takes_turn = true,
			    .lock_timeout = "0"};
	char *sql;

	(void)state;
	memcpy(items, three, sizeof(items));
	items[1].is_lockable = true;
	sql = attempt_sql(&a);
	assert_non_null(sql);
	assert_null(strstr(sql, "advisory"));
	free(sql);
}

static void
check_lacks(const struct attempt *a, const char *text)
{
	char *sql = attempt_sql(a);

	assert_non_null(sql);
	assert_null(strstr(sql, text));
	free(sql);
}

/* The attempt locks its set anyway, and asks only for the others. */
static void
attempt_sql_asks_for_what_is_near_if_it_is_to(void **state)
{
	uint32_t before[] = {7, 8, 1};
	struct lock_item item = {.relid = 7,
				 .name = name_a,
				 .mode = LOCK_ACCESS_EXCLUSIVE,
				 .is_lockable = true,
				 .before = before,
				 .before_count = 3};
	struct lock_set set = {&item, 1};
	struct attempt a = {.set = &set, .manner = ATTEMPT_AT_ONCE};

	(void)state;
	for (int minds = 0; minds < 2; minds++) {
		char *sql;

		a.minds_near = minds == 1;
		sql = attempt_sql(&a);
		assert_non_null(sql);
		assert_int_equal(strstr(sql, "'{8,1}'") != NULL, minds);
		free(sql);
	}
	item.before_count = 1;
	check_lacks(&a, "pg_locks");
}

static void
attempt_read_rival_reads_who_has_the_turn(void **state)
{
	static const struct {
		const char *detail;
		struct rival rival;
	} cases[] = {
	    {"4712 psql\neve", {0, 4712, "eve", "psql", 0}},
	    {"1 \n", {.pid = 1}},
	    {"1  a b \ne\nv e", {0, 1, "e\nv e", " a b ", 0}},
	    {"", {0}},
	    {" \n", {0}},
	    {"7", {.pid = 7}},
	    {"7 psql", {.pid = 7}},
	};
	struct rival rival;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		memset(&rival, 0xff, sizeof(rival));
		attempt_read_rival(&rival, cases[i].detail,
				   strlen(cases[i].detail));
		assert_int_equal(rival.session, 0);
		assert_int_equal(rival.pid, cases[i].rival.pid);
		assert_string_equal(rival.user, cases[i].rival.user);
		assert_string_equal(rival.application_name,
				    cases[i].rival.application_name);
	}
	attempt_read_rival(&rival, NULL, 0);
	assert_int_equal(rival.pid, 0);
}

/* It counts in the indexes all the same: they are those of the set. */
static void
attempt_sql_leaves_out_what_is_not_lockable(void **state)
{
	static const struct step steps[] = {
	    {0, "public.a IN ACCESS EXCLUSIVE MODE NOWAIT"},
	    {2, "public.c IN SHARE ROW EXCLUSIVE MODE NOWAIT"},
	    {0, NULL},
	};
	struct lock_set set = {three, 3};
	struct attempt a = {
	    .set = &set, .manner = ATTEMPT_AT_ONCE, .lock_timeout = "0"};

	(void)state;
	check_sql(&a, steps);
}

static void
attempt_sql_that_queues_gives_each_lock_what_is_left(void **state)
{
	static const struct step steps[] = {
	    {0, "public.a IN ACCESS EXCLUSIVE MODE"},
	    {2, "public.c IN SHARE ROW EXCLUSIVE MODE"},
	    {0, NULL},
	};
	struct lock_set set = {three, 3};
	struct attempt a = {.set = &set,
			    .manner = ATTEMPT_QUEUES,
			    .bound_ms = 200,
			    .lock_timeout = "5s"};

	(void)state;
	check_sql(&a, steps);
}

#define LEFT                                                                   \
	"l := 200 OPERATOR(pg_catalog.-) (EXTRACT(epoch FROM"                  \
	" pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) b)\n"            \
	"OPERATOR(pg_catalog.*) 1000)::pg_catalog.int4;\n"                     \
	"IF l OPERATOR(pg_catalog.<=) 0 THEN\n"                                \
	"RAISE lock_not_available;\nEND IF;\n"
#define AGAIN                                                                  \
	"EXIT;\nEXCEPTION WHEN lock_not_available THEN\nEND;\n"                \
	"PERFORM pg_catalog.pg_sleep(0.001);\n" LEFT "END LOOP;\n"
#define RESTORE "PERFORM pg_catalog.set_config('lock_timeout', '5s', true);\n"

static void
check_middle(enum attempt_manner manner, const struct lock_set *set,
	     const char *middle)
{
	struct attempt a = {.set = set,
			    .manner = manner,
			    .bound_ms = 200,
			    .lock_timeout = "5s"};
	char *sql = attempt_sql(&a);
	char *begin;
	char *end;

	assert_non_null(sql);
	begin = strstr(sql, "BEGIN\n") + 6;
	end = strstr(sql, "RAISE INFO");
	*end = '\0';
	assert_string_equal(begin, middle);
	free(sql);
}

/* The attempt waits for one lock while it holds none, and gives back the others
 * at once. */
static void
attempt_sql_that_polls_queues_for_the_first_only(void **state)
{
	struct lock_set set = {three, 3};
	struct lock_set alone = {three, 1};

	(void)state;
	check_middle(ATTEMPT_POLLS, &set,
		     "s := 0;\n" LEFT
		     "PERFORM pg_catalog.set_config('lock_timeout',"
		     " l::pg_catalog.text, true);\n"
		     "LOCK TABLE ONLY public.a IN ACCESS EXCLUSIVE MODE;\n"
		     "LOOP\nBEGIN\ns := 2;\n"
		     "LOCK TABLE ONLY public.c IN SHARE ROW EXCLUSIVE MODE "
		     "NOWAIT;\n" AGAIN RESTORE);
	check_middle(
	    ATTEMPT_POLLS, &alone,
	    "s := 0;\n" LEFT "PERFORM pg_catalog.set_config('lock_timeout',"
	    " l::pg_catalog.text, true);\n"
	    "LOCK TABLE ONLY public.a IN ACCESS EXCLUSIVE MODE;\n" RESTORE);
}

/* NOWAIT would not let it past those who wait for its own transaction. */
static void
attempt_sql_that_nudges_queues_for_each_for_a_moment(void **state)
{
	struct lock_set set = {three, 3};

	(void)state;
	check_middle(
	    ATTEMPT_NUDGES, &set,
	    "PERFORM pg_catalog.set_config('lock_timeout', '1', true);\n"
	    "LOOP\nBEGIN\ns := 0;\n"
	    "LOCK TABLE ONLY public.a IN ACCESS EXCLUSIVE MODE;\n"
	    "s := 2;\n"
	    "LOCK TABLE ONLY public.c IN SHARE ROW EXCLUSIVE MODE;\n" AGAIN
		RESTORE);
}

static void
attempt_sql_of_nothing_lockable_is_granted(void **state)
{
	static const struct step steps[] = {{0, NULL}};
	struct lock_set set = {&three[1], 1};
	struct attempt a = {
	    .set = &set, .manner = ATTEMPT_AT_ONCE, .lock_timeout = "0"};

	(void)state;
	check_sql(&a, steps);
}

static void
attempt_sql_quotes_with_what_no_name_contains(void **state)
{
	static char hostile[] = "public.\"$lockstep0$; drop table x; --\"";
	static char sly[] = "\"$lockstep1$\".\"a\"\"'\\$$ b\"";
	static char owner[] = "\"$lockstep2$\"";
	struct lock_item items[] = {
	    {.name = hostile, .mode = LOCK_SHARE, .is_lockable = true},
	    {.name = sly,
	     .mode = LOCK_ACCESS_EXCLUSIVE,
	     .is_lockable = true,
	     .owner = owner},
	};
	struct lock_set set = {items, 2};
	struct attempt a = {
	    .set = &set, .manner = ATTEMPT_AT_ONCE, .lock_timeout = "0"};
	char *sql = attempt_sql(&a);

	(void)state;
	assert_non_null(sql);
	assert_int_equal(strncmp(sql, "DO $lockstep3$ DECLARE\n", 23), 0);
	assert_string_equal(sql + strlen(sql) - 15, "END $lockstep3$");
	assert_int_equal(count_of(sql, "$lockstep3$"), 2);
	assert_int_equal(count_of(sql, owner), 1);
	assert_int_equal(count_of(sql, hostile), 1);
	assert_int_equal(count_of(sql, sly), 1);
	free(sql);
}

/* An item that is left out has its say about the tag all the same. */
static void
attempt_sql_passes_over_a_hundred_taken_tags(void **state)
{
	char names[100][24];
	struct lock_item items[100];
	struct lock_set set = {items, 100};
	struct attempt a = {
	    .set = &set, .manner = ATTEMPT_AT_ONCE, .lock_timeout = "0"};
	char *sql;

	(void)state;
	memset(items, 0, sizeof(items));
	for (unsigned int i = 0; i < 100; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "\"$lockstep%u$\"",
			       i);
		items[i].name = names[i];
		items[i].mode = LOCK_SHARE;
	}
	sql = attempt_sql(&a);
	assert_non_null(sql);
	assert_int_equal(strncmp(sql, "DO $lockstep100$ ", 17), 0);
	free(sql);
}

/* strstr of a sanitizer measures all the rest each time. */
static size_t
count_lines(const char *text, const char *head)
{
	size_t len = strlen(head);
	size_t n = 0;

	for (; *text != '\0'; text++)
		if (*text == '\n')
			n += strncmp(text + 1, head, len) == 0;
	return n;
}

/* As large as all can be: AddressSanitizer sees a text that does not fit. */
static void
attempt_sql_has_room_for_the_largest_set(void **state)
{
	struct lock_item *items = calloc(LOCK_SET_MAX, sizeof(*items));
	struct lock_set set = {items, LOCK_SET_MAX};
	struct attempt a = {.set = &set,
			    .manner = ATTEMPT_QUEUES,
			    .takes_turn = true,
			    .bound_ms = UINT32_MAX,
			    .lock_timeout = "2147483647000000000000000000ms"};
	char name[300];
	char *sql;

	(void)state;
	assert_non_null(items);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < LOCK_SET_MAX; i++) {
		items[i].name = name;
		items[i].mode = LOCK_SHARE_UPDATE_EXCLUSIVE;
		items[i].is_lockable = true;
	}
	sql = attempt_sql(&a);
	assert_non_null(sql);
	assert_int_equal(count_lines(sql, "LOCK TABLE ONLY "), LOCK_SET_MAX);
	assert_string_equal(sql + strlen(sql) - 15, "END $lockstep0$");
	free(sql);
	sql = attempt_coax_sql(&set, LOCK_SET_MAX - 1, UINT32_MAX);
	assert_non_null(sql);
	assert_string_equal(sql + strlen(sql) - 15, "END $lockstep0$");
	free(sql);
	free(items);
}

/* What stands around the locks is as long for one as for many. */
static void
attempt_sql_has_room_for_the_smallest_set(void **state)
{
	static char name[] = "a";
	struct lock_item item = {.name = name,
				 .mode = LOCK_SHARE_UPDATE_EXCLUSIVE};

	(void)state;
	for (size_t count = 0; count < 2; count++) {
		struct lock_set set = {&item, count};
		struct attempt a = {.set = &set,
				    .takes_turn = true,
				    .bound_ms = UINT32_MAX,
				    .lock_timeout =
					"2147483647000000000000000000ms"};
		char *sql = attempt_sql(&a);

		assert_non_null(sql);
		assert_string_equal(sql + strlen(sql) - 15, "END $lockstep0$");
		free(sql);
	}
}

/* In a mode that autovacuum minds and hardly anybody else, and let go. */
static void
attempt_coax_sql_waits_for_one_table_and_lets_go(void **state)
{
	struct lock_set set = {three, 3};
	char *sql = attempt_coax_sql(&set, 2, 1200);

	(void)state;
	assert_non_null(sql);
	assert_string_equal(
	    sql,
	    "DO $lockstep0$ BEGIN\n"
	    "PERFORM pg_catalog.set_config('lock_timeout', '1200', true);\n"
	    "LOCK TABLE ONLY public.c IN SHARE UPDATE EXCLUSIVE MODE;\n"
	    "RAISE lock_not_available;\n"
	    "EXCEPTION WHEN OTHERS THEN\n"
	    "RAISE INFO USING MESSAGE = '2', ERRCODE = 'LKSTP';\n"
	    "END $lockstep0$");
	free(sql);
}

static void
attempt_coax_sql_quotes_with_what_no_name_contains(void **state)
{
	static char hostile[] = "public.\"$lockstep0$; drop table x; --\"";
	struct lock_item items[] = {
	    {.name = hostile, .mode = LOCK_SHARE, .is_lockable = true},
	    {.name = name_a, .mode = LOCK_SHARE, .is_lockable = true},
	};
	struct lock_set set = {items, 2};

	(void)state;
	for (size_t index = 0; index < 2; index++) {
		char *sql = attempt_coax_sql(&set, index, 0);

		assert_non_null(sql);
		assert_int_equal(count_of(sql, "$lockstep1$"), 2);
		assert_int_equal(count_of(sql, hostile), 1 - index);
		free(sql);
	}
}

static void
attempt_coax_sql_is_null_when_memory_is_out(void **state)
{
	struct lock_set set = {three, 3};
	char *sql;

	(void)state;
	allocation_fail_after(0);
	sql = attempt_coax_sql(&set, 0, 1200);
	assert_true(allocation_restore());
	assert_null(sql);
}

static void
attempt_sql_is_null_when_memory_is_out(void **state)
{
	struct lock_set set = {three, 3};
	struct attempt a = {
	    .set = &set, .manner = ATTEMPT_AT_ONCE, .lock_timeout = "0"};
	char *sql;

	(void)state;
	allocation_fail_after(0);
	sql = attempt_sql(&a);
	assert_true(allocation_restore());
	assert_null(sql);
}

static bool
read_message(const char *message, size_t len, size_t *index)
{
	struct lock_set set = {three, 3};
	struct span copy = bytes_copy(span_of(message, len));
	bool is_ours =
	    attempt_read(&set, (const char *)copy.data, copy.len, index);

	bytes_free(copy);
	return is_ours;
}

static void
attempt_refusal_sql_raises_what_the_server_would(void **state)
{
	(void)state;
	assert_string_equal(
	    attempt_refusal_sql(false),
	    "DO $lockstep$BEGIN\n"
	    "RAISE EXCEPTION USING ERRCODE = '55P03',\n"
	    "MESSAGE = 'canceling statement due to lock timeout';\n"
	    "END$lockstep$");
	assert_string_equal(attempt_refusal_sql(true),
			    "DO $lockstep$BEGIN\n"
			    "RAISE EXCEPTION USING ERRCODE = '40P01',\n"
			    "MESSAGE = 'deadlock detected';\n"
			    "END$lockstep$");
	assert_string_equal(
	    attempt_abort_sql(),
	    "DO $lockstep$BEGIN\n"
	    "RAISE EXCEPTION USING ERRCODE = '25P02',\n"
	    "MESSAGE = 'Lockstep: a statement of the transaction has failed';\n"
	    "END$lockstep$");
}

static void
attempt_read_reads_each_index_the_count_and_the_turn(void **state)
{
	size_t index = 99;

	(void)state;
	assert_true(read_message("0", 1, &index));
	assert_int_equal(index, 0);
	assert_true(read_message("2", 1, &index));
	assert_int_equal(index, 2);
	assert_true(read_message("3", 1, &index));
	assert_int_equal(index, 3);
	assert_true(read_message("4", 1, &index));
	assert_int_equal(index, 4);
	assert_true(read_message("6", 1, &index));
	assert_int_equal(index, 6);
}

static void
attempt_read_refuses_what_is_not_of_ours(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} wrong[] = {
	    {"", 0},
	    {"7", 1},
	    {"-1", 2},
	    {"+1", 2},
	    {" 1", 2},
	    {"1 ", 2},
	    {"1\0", 2},
	    {"\0", 1},
	    {"1.0", 3},
	    {"x", 1},
	    {"0x1", 3},
	    {"999999999", 9},
	    {"0000000001", 10},
	    {"4294967296", 10},
	    {"18446744073709551616", 20},
	    {"\xff", 1},
	    {"NULL", 4},
	    {"relation \"1\" does not exist", 27}, /* SQLERRM */
	    {"1 is not a table", 16},
	};
	size_t index;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (read_message(wrong[i].text, wrong[i].len, &index))
			fail_msg("reads '%s'", wrong[i].text);
}

/* The statement behind it locks. */
static void
attempt_sql_that_locks_nothing_takes_its_turn_only(void **state)
{
	struct lock_set set = {three, 3};
	struct attempt a = {
	    .set = &set,
	    .manner = ATTEMPT_QUEUES,
	    .locks_nothing = true,
	    .takes_turn = true,
	    .bound_ms = 200,
	    .lock_timeout = "5s",
	};
	char *sql = attempt_sql(&a);

	(void)state;
	assert_non_null(sql);
	assert_non_null(strstr(sql, "pg_try_advisory_xact_lock"));
	assert_null(strstr(sql, "LOCK TABLE"));
	assert_null(strstr(sql, "'lock_timeout'"));
	assert_non_null(strstr(sql, "MESSAGE = '3'"));
	free(sql);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		attempt_sql_that_locks_nothing_takes_its_turn_only),
	    cmocka_unit_test(
		attempt_sql_at_once_locks_one_table_after_the_other),
	    cmocka_unit_test(attempt_sql_takes_the_turn_first),
	    cmocka_unit_test(attempt_sql_alters_what_has_an_owner),
	    cmocka_unit_test(attempt_sql_takes_no_turn_for_what_it_locks),
	    cmocka_unit_test(attempt_sql_asks_for_what_is_near_if_it_is_to),
	    cmocka_unit_test(attempt_read_rival_reads_who_has_the_turn),
	    cmocka_unit_test(attempt_sql_leaves_out_what_is_not_lockable),
	    cmocka_unit_test(
		attempt_sql_that_queues_gives_each_lock_what_is_left),
	    cmocka_unit_test(attempt_sql_that_polls_queues_for_the_first_only),
	    cmocka_unit_test(
		attempt_sql_that_nudges_queues_for_each_for_a_moment),
	    cmocka_unit_test(attempt_sql_of_nothing_lockable_is_granted),
	    cmocka_unit_test(attempt_sql_quotes_with_what_no_name_contains),
	    cmocka_unit_test(attempt_sql_passes_over_a_hundred_taken_tags),
	    cmocka_unit_test(attempt_sql_has_room_for_the_largest_set),
	    cmocka_unit_test(attempt_sql_is_null_when_memory_is_out),
	    cmocka_unit_test(attempt_sql_has_room_for_the_smallest_set),
	    cmocka_unit_test(attempt_coax_sql_waits_for_one_table_and_lets_go),
	    cmocka_unit_test(
		attempt_coax_sql_quotes_with_what_no_name_contains),
	    cmocka_unit_test(attempt_coax_sql_is_null_when_memory_is_out),
	    cmocka_unit_test(
		attempt_read_reads_each_index_the_count_and_the_turn),
	    cmocka_unit_test(attempt_refusal_sql_raises_what_the_server_would),
	    cmocka_unit_test(attempt_read_refuses_what_is_not_of_ours),
	};

	return cmocka_run_group_tests_name("policy/catalog/attempt", tests,
					   NULL, NULL);
}
