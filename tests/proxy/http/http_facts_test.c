#include "proxy/http/http_facts.h"

#include "tests/support/test.h"

/* As of a process that serves well. */
static struct http_facts
good_facts(void)
{
	return (struct http_facts){
	    .is_listening = true,
	    .connections = 9,
	    .max_connections = 10,
	    .reached_ms = 100000,
	    .now_ms = 100000 + HTTP_REACHED_MS,
	};
}

static void
ready_is_who_listens_has_room_and_a_server(void **state)
{
	struct http_facts f = good_facts();

	(void)state;
	assert_null(http_facts_not_ready(&f));
}

static void
each_condition_alone_makes_it_not_ready(void **state)
{
	struct http_facts f = good_facts();

	(void)state;
	f.is_listening = false;
	assert_string_equal(http_facts_not_ready(&f), "not listening");
	f = good_facts();
	f.is_draining = true;
	assert_string_equal(http_facts_not_ready(&f), "draining");
	f = good_facts();
	f.connections = f.max_connections;
	assert_string_equal(http_facts_not_ready(&f),
			    "max_connections is reached");
	f = good_facts();
	f.now_ms++;
	assert_string_equal(http_facts_not_ready(&f),
			    "the upstream was not reached lately");
	f.reached_ms = 0;
	f.now_ms = 1;
	assert_string_equal(http_facts_not_ready(&f),
			    "the upstream was not reached lately");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ready_is_who_listens_has_room_and_a_server),
	    cmocka_unit_test(each_condition_alone_makes_it_not_ready),
	};

	return cmocka_run_group_tests_name("proxy/http/http_facts", tests, NULL,
					   NULL);
}
