#include "tests/support/login.h"

static void
begin(struct fixture *f, uint32_t wait_ms)
{
	f->f->config.upstream_wait_ms = wait_ms;
	f->f->config.login_timeout_ms = 60000;
	begin_pass(f, CLEAR);
}

static void
dial_fails(struct fixture *f)
{
	const struct dial_result result = {.fd = -1,
					   .tried = "nobody is there"};

	if (f->s->state != SESSION_DIALING)
		session_enter(f->s, SESSION_DIALING);
	session_dialed(f->s, &result);
}

static void
login_waits_and_dials_anew(void **state)
{
	struct fixture *f = *state;

	begin(f, 60000);
	stream_close(&f->s->pair.server);
	dial_fails(f);
	assert_true(login_is_waiting(f->s));
	assert_null(f->s->dial);
	assert_int_equal(f->s->state, SESSION_DIALING);
	assert_true(event_pending(&f->s->login->patience, EV_TIMEOUT, NULL));
	login_end_wait(f->s);
	assert_false(login_is_waiting(f->s));
	assert_non_null(f->s->dial);
}

static void
login_ends_at_once_without_the_setting(void **state)
{
	struct fixture *f = *state;

	begin(f, 0);
	stream_close(&f->s->pair.server);
	dial_fails(f);
	assert_false(login_is_waiting(f->s));
	assert_session_closes(f->f, CLOSE_UNREACHABLE);
}

static void
login_ends_once_the_wait_is_over(void **state)
{
	struct fixture *f = *state;

	begin(f, 1);
	stream_close(&f->s->pair.server);
	dial_fails(f);
	assert_true(login_is_waiting(f->s));
	login_end_wait(f->s);
	loop_for(f->f->base, 5);
	assert_false(login_can_wait(f->s));
}

static void
login_waits_longer_each_time_up_to_a_second(void **state)
{
	struct fixture *f = *state;
	uint32_t i;

	begin(f, 60000);
	stream_close(&f->s->pair.server);
	for (i = 0; i < 10; i++) {
		dial_fails(f);
		if (i < 9)
			login_end_wait(f->s);
	}
	assert_int_equal(f->s->login->pause_ms, 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(login_waits_and_dials_anew),
	    TEST(login_ends_at_once_without_the_setting),
	    TEST(login_ends_once_the_wait_is_over),
	    TEST(login_waits_longer_each_time_up_to_a_second),
	};

	return cmocka_run_group_tests_name("proxy/session/login_wait", tests,
					   enter_folder,
					   certificates_leave_folder);
}
