#include "proxy/http/http_route.h"

#include "tests/support/test.h"

/* As a prober of a sidecar, of whichever school, asks. */
static void
probes_have_the_names_that_people_know(void **state)
{
	static const struct {
		const char *path;
		enum http_action action;
	} known[] = {
	    {"/startup", HTTP_STARTUP},    {"/live", HTTP_LIVE},
	    {"/liveness", HTTP_LIVE},      {"/livez", HTTP_LIVE},
	    {"/healthz", HTTP_LIVE},       {"/ready", HTTP_READY},
	    {"/readiness", HTTP_READY},    {"/readyz", HTTP_READY},
	    {"/metrics", HTTP_METRICS},    {"/", HTTP_PAGE},
	    {"", HTTP_NOT_FOUND},          {"/live/", HTTP_NOT_FOUND},
	    {"/metricsx", HTTP_NOT_FOUND}, {"/api/guarded", HTTP_GUARDED},
	    {"/api/held", HTTP_HELD},      {"/api/windows", HTTP_WINDOWS},
	    {"/api/status", HTTP_STATUS},  {"/index.html", HTTP_NOT_FOUND},
	    {"/api/why", HTTP_WHY},        {"/api/deadlocks", HTTP_DEADLOCKS},
	    {"/api", HTTP_NOT_FOUND},      {"/api/sessions", HTTP_SESSIONS},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(
		    http_route(HTTP_READ, known[i].path, true, true, true),
		    known[i].action);
}

static void
only_an_admin_may_stop_it_and_no_page_in_a_browser(void **state)
{
	(void)state;
	assert_int_equal(http_route(HTTP_WRITE, "/drain", true, true, true),
			 HTTP_DRAIN);
	assert_int_equal(
	    http_route(HTTP_WRITE, "/quitquitquit", true, true, true),
	    HTTP_QUIT);
	assert_int_equal(
	    http_route(HTTP_WRITE, "/quitquitquit", false, true, true),
	    HTTP_FORBIDDEN);
	assert_int_equal(
	    http_route(HTTP_WRITE, "/quitquitquit", true, false, true),
	    HTTP_FORBIDDEN);
	assert_int_equal(http_route(HTTP_WRITE, "/drain", false, false, true),
			 HTTP_FORBIDDEN);
}

static void
method_must_be_the_page_s(void **state)
{
	(void)state;
	assert_int_equal(
	    http_route(HTTP_READ, "/quitquitquit", true, true, true),
	    HTTP_WRONG_METHOD);
	assert_int_equal(http_route(HTTP_WRITE, "/live", true, true, true),
			 HTTP_WRONG_METHOD);
	assert_int_equal(http_route(HTTP_WRITE, "/nowhere", true, true, true),
			 HTTP_NOT_FOUND);
}

/* By a name that a stranger can have. */
static void
only_what_has_no_names_is_told_by_any(void **state)
{
	static const char *const open[] = {"/startup", "/live",    "/livez",
					   "/ready",   "/healthz", "/metrics"};
	static const char *const shut[] = {"/",
					   "/api/status",
					   "/api/held",
					   "/api/windows",
					   "/api/guarded",
					   "/api/deadlocks",
					   "/api/why",
					   "/api/sessions"};

	(void)state;
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		assert_int_equal(
		    http_route(HTTP_READ, open[i], true, true, false),
		    http_route(HTTP_READ, open[i], true, true, true));
	for (size_t i = 0; i < sizeof(shut) / sizeof(shut[0]); i++)
		assert_int_equal(
		    http_route(HTTP_READ, shut[i], true, true, false),
		    HTTP_STRANGE);
	assert_int_equal(http_route(HTTP_WRITE, "/drain", true, true, false),
			 HTTP_STRANGE);
	assert_int_equal(http_route(HTTP_READ, "/x", true, true, false),
			 HTTP_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(probes_have_the_names_that_people_know),
	    cmocka_unit_test(
		only_an_admin_may_stop_it_and_no_page_in_a_browser),
	    cmocka_unit_test(method_must_be_the_page_s),
	    cmocka_unit_test(only_what_has_no_names_is_told_by_any),
	};

	return cmocka_run_group_tests_name("proxy/http/http_route", tests, NULL,
					   NULL);
}
