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
	    {"/api", HTTP_NOT_FOUND},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(
		    http_route(HTTP_READ, known[i].path, true, true),
		    known[i].action);
}

static void
only_an_admin_may_stop_it_and_no_page_in_a_browser(void **state)
{
	(void)state;
	assert_int_equal(http_route(HTTP_WRITE, "/drain", true, true),
			 HTTP_DRAIN);
	assert_int_equal(http_route(HTTP_WRITE, "/quitquitquit", true, true),
			 HTTP_QUIT);
	assert_int_equal(http_route(HTTP_WRITE, "/quitquitquit", false, true),
			 HTTP_FORBIDDEN);
	assert_int_equal(http_route(HTTP_WRITE, "/quitquitquit", true, false),
			 HTTP_FORBIDDEN);
	assert_int_equal(http_route(HTTP_WRITE, "/drain", false, false),
			 HTTP_FORBIDDEN);
}

static void
method_must_be_the_page_s(void **state)
{
	(void)state;
	assert_int_equal(http_route(HTTP_READ, "/quitquitquit", true, true),
			 HTTP_WRONG_METHOD);
	assert_int_equal(http_route(HTTP_WRITE, "/live", true, true),
			 HTTP_WRONG_METHOD);
	assert_int_equal(http_route(HTTP_WRITE, "/nowhere", true, true),
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
	};

	return cmocka_run_group_tests_name("proxy/http/http_route", tests, NULL,
					   NULL);
}
