#include "proxy/console/console_show.h"

#include "proxy/config/setting.h"
#include "tests/support/console.h"

enum {
	COLUMNS_MAX = CONSOLE_COLUMNS_MAX,
};

struct shown {
	struct console_fixture fixture;
	struct writer rows;
	char text[4096]; /* the values of all rows, each behind a blank */
	size_t count;
};

static int
setup(void **state)
{
	struct shown *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	console_fixture_begin(&s->fixture, CONSOLE_MAY_ALL);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct shown *s = *state;

	writer_clear(&s->rows);
	console_fixture_end(&s->fixture);
	free(s);
	return 0;
}

static void
note_value(struct shown *s, struct span value)
{
	size_t len = strlen(s->text);

	if (len > sizeof(s->text) / 2)
		return;
	snprintf(s->text + len, sizeof(s->text) - len, " %.*s",
		 value.data == NULL ? 4 : (int)value.len,
		 value.data == NULL ? "NULL" : (const char *)value.data);
}

static void
show(struct shown *s, enum console_table table, enum console_table described)
{
	const struct console_sources from = {&s->fixture.pair.daemon,
					     &s->fixture.gate, described};
	struct console_rows rows = {.out = &s->rows, .table = table};
	struct span values[COLUMNS_MAX];
	struct frame f;
	struct span in;
	size_t columns;

	writer_reset(&s->rows);
	s->text[0] = '\0';
	s->count = 0;
	(void)console_table_columns(table, &columns);
	console_show_here(&rows, &from);
	assert_false(s->rows.failed);
	in = span_of(s->rows.data, s->rows.len);
	for (; in.len > 0; s->count++) {
		assert_int_equal(frame_next(&f, &in, in.len), FRAME_OK);
		assert_true(data_row_decode(values, columns, f.body));
		for (size_t i = 0; i < columns; i++)
			note_value(s, values[i]);
	}
}

static void
assert_shows(const struct shown *s, const char *part)
{
	if (strstr(s->text, part) == NULL)
		fail_msg("%s is not in%s", part, s->text);
}

static void
console_shows_all_that_is_here(void **state)
{
	struct shown *s = *state;

	for (int t = 0; t < CONSOLE_TABLES; t++)
		if (console_table_source((enum console_table)t) == CONSOLE_HERE)
			show(s, (enum console_table)t, CONSOLE_LISTS);
	show(s, CONSOLE_CONFIG, CONSOLE_LISTS);
	/* And two that those look for who know PgBouncer. */
	assert_int_equal(s->count, SETTING_COUNT + 2);
	show(s, CONSOLE_GDESC, CONSOLE_LISTS);
	assert_string_equal(s->text, " list text items bigint");
	show(s, CONSOLE_FLEET, CONSOLE_LISTS);
	assert_int_equal(s->count, 0);
}

static void
console_adds_up_what_workers_have_counted(void **state)
{
	struct shown *s = *state;
	struct counts *c = s->fixture.counts;

	for (int i = 0; i < CONSOLE_FIXTURE_WORKERS; i++) {
		counts_add(&c[i], COUNT_CLIENT_BYTES, 10);
		counts_add(&c[i], COUNT_SERVER_BYTES, 20);
		counts_observe(&c[i], COUNT_GATE_WAIT_MS, 3);
		counts_add(&c[i], COUNT_LOGINS, 1);
		counts_observe(&c[i], COUNT_GUARDED_MS, 1);
		counts_add(&c[i], COUNT_WINDOWS_KEPT, 1);
		counts_add(&c[i], COUNT_STATES + SESSION_READY, 4);
		counts_add(&c[i], COUNT_GATED, 1);
	}
	show(s, CONSOLE_STATS, CONSOLE_LISTS);
	assert_string_equal(s->text, " * 20 40 6000 2 2 0 2 0 0 0");
	show(s, CONSOLE_STATS_TOTALS, CONSOLE_LISTS);
	assert_string_equal(s->text, " * 20 40 6000");
	show(s, CONSOLE_POOLS, CONSOLE_LISTS);
	assert_string_equal(s->text, " * * 6 2 8 0 0 0 0 0 0 session");
	show(s, CONSOLE_LISTS, CONSOLE_LISTS);
	assert_shows(s, " used_servers 8 ");
	assert_shows(s, " gated 2");
}

static void
console_tells_the_state(void **state)
{
	struct shown *s = *state;
	struct daemon *d = &s->fixture.pair.daemon;

	s->fixture.pair.config.detect = GUARD_SCOPE_DDL;
	atomic_store(&d->is_listening, true);
	show(s, CONSOLE_STATE, CONSOLE_LISTS);
	assert_string_equal(s->text, " active yes paused no suspended no "
				     "draining no guard on "
				     "generation 1 last_reload none");
	atomic_store(&d->is_guard_off, true);
	atomic_store(&d->is_draining, true);
	show(s, CONSOLE_STATE, CONSOLE_LISTS);
	assert_shows(s, " draining yes guard off");
	atomic_store(&d->is_stale, true);
	show(s, CONSOLE_STATE, CONSOLE_LISTS);
	assert_shows(s, " generation 1 last_reload failed");
	atomic_store(&d->is_stale, false);
	s->fixture.pair.generation.number = 2;
	show(s, CONSOLE_STATE, CONSOLE_LISTS);
	assert_shows(s, " generation 2 last_reload ok");
}

static void
console_shows_windows(void **state)
{
	struct shown *s = *state;
	struct gate_names names = {0};
	uint64_t now_ms = 1000;
	struct gate_window *w;

	gate_names_seal(&names);
	w = gate_window_new(&s->fixture.pair.pair, &names, now_ms,
			    UINT64_MAX / 2);
	assert_non_null(w);
	gate_add(&s->fixture.gate, w);
	show(s, CONSOLE_WINDOWS, CONSOLE_LISTS);
	assert_int_equal(s->count, 1);
	assert_shows(s, " db 7 statement ");
}

static void
console_time_ago_is_a_time(void **state)
{
	char text[CONSOLE_TIME_BYTES];
	int year;

	(void)state;
	console_time_ago(text, 0);
	assert_int_equal(strlen(text), strlen("2026-01-31 08:15:00 UTC"));
	assert_int_equal(sscanf(text, "%d-", &year), 1);
	assert_true(year > 2000);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(console_shows_all_that_is_here),
	    TEST(console_adds_up_what_workers_have_counted),
	    TEST(console_tells_the_state),
	    TEST(console_shows_windows),
	    TEST(console_time_ago_is_a_time),
	};

	return cmocka_run_group_tests_name("proxy/console/console_show", tests,
					   NULL, NULL);
}
