#include "proxy/http/http_status.h"

#include <stdlib.h>

#include "proxy/pair/counts.h"
#include "tests/support/test.h"

enum {
	WORKERS = 2,
};

static int
setup(void **state)
{
	*state = counts_new(WORKERS);
	assert_non_null(*state);
	return 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

/* Tell of these counts; the text is the caller's to free. */
static char *
status_of(const struct counts *counts, const char *fleet)
{
	struct http_facts facts = {
	    .counts = counts,
	    .workers = WORKERS,
	    .is_listening = true,
	    .is_guard_off = true,
	    .connections = 3,
	    .max_connections = 10,
	    .unjudged = 4,
	    .unplanned = 5,
	    .reached_ms = fleet != NULL ? 2000 : 0,
	    .now_ms = 2500,
	    .started_s = 1769860790,
	    .wall_ms = 1769860800123,
	    .history = {.under_way = 2, .over = 1000, .windows = 6},
	    .fleet = fleet,
	};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	http_status_write(out, &facts);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
assert_tells(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("%s is not in %s", part, text);
}

static void
counts_of_all_workers_are_added_up(void **state)
{
	struct counts *counts = *state;
	char *text;

	counts_add(&counts[0], COUNT_LOGINS, 2);
	counts_add(&counts[1], COUNT_LOGINS, 3);
	counts_add(&counts[1], COUNT_STATES + SESSION_READY, 7);
	counts_add(&counts[0], COUNT_HELD, 1);
	counts_observe(&counts[0], COUNT_GATE_WAIT_MS, 20);
	counts_observe(&counts[1], COUNT_GATE_WAIT_MS, 30);
	counts_add_error(&counts[0], span_of("40P01", 5));
	counts_add_error(&counts[1], span_of("42P01", 5));
	text = status_of(counts, "listening");
	assert_tells(text, "\"now\":\"2026-01-31T12:00:00.123Z\"");
	assert_tells(text, ",\"is_ready\":true,\"is_draining\":false,"
			   "\"is_guard_off\":true,\"why_not_ready\":null,"
			   "\"fleet\":\"listening\","
			   "\"started\":1769860790,\"uptime_ms\":10123,"
			   "\"workers\":2,\"connections\":3,"
			   "\"max_connections\":10,");
	assert_tells(text, "\"ready\":7");
	assert_tells(text, ",\"held\":1,\"gated\":0,\"paused\":0,"
			   "\"under_way\":2,"
			   "\"over\":1000,\"windows\":6,");
	assert_tells(text, ",\"logins\":5,");
	assert_tells(text, ",\"deadlocks\":1,");
	assert_tells(text, ",\"errors\":2,\"gate_waits\":2,"
			   "\"gate_wait_ms\":50,\"unparsed\":4,"
			   "\"unplanned\":5}}\n");
	free(text);
}

static void
what_is_not_there_is_null(void **state)
{
	char *text = status_of(*state, NULL);

	assert_tells(text, ",\"is_ready\":false,");
	assert_tells(text, ",\"why_not_ready\":\"the upstream was not reached "
			   "lately\",\"fleet\":null,");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(counts_of_all_workers_are_added_up,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_not_there_is_null, setup,
					    teardown),
	};

	return cmocka_run_group_tests_name("proxy/http/http_status", tests,
					   NULL, NULL);
}
