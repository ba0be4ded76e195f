#include "proxy/base/event_log.h"

#include <event2/event.h>

#include "proxy/base/log.h"
#include "tests/support/capture.h"

/* Have libevent complain: there is no loop to be freed. */
static char *
complaint(enum log_format format)
{
	struct capture c;

	log_init(LOG_INFO, format);
	event_log_begin();
	c = capture_begin();
	event_base_free(NULL);
	return capture_end(&c);
}

static void
event_log_writes_lines_of_the_log(void **state)
{
	char *text = complaint(LOG_TEXT);

	(void)state;
	assert_non_null(strstr(text, " UTC WARN  libevent detail=\""));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	free(text);
}

static void
event_log_writes_json(void **state)
{
	char *text = complaint(LOG_JSON);

	(void)state;
	assert_memory_equal(text, "{\"time\":\"", 9);
	assert_non_null(strstr(
	    text,
	    "\"level\":\"warning\",\"message\":\"libevent\",\"detail\":"));
	assert_string_equal(text + strlen(text) - 2, "}\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(event_log_writes_lines_of_the_log),
	    cmocka_unit_test(event_log_writes_json),
	};

	return cmocka_run_group_tests_name("proxy/base/event_log", tests, NULL,
					   NULL);
}
