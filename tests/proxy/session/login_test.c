#include "proxy/session/login.h"

#include "tests/support/allocation.h"
#include "tests/support/login.h"

static void
login_begin_dials_where_the_server_checks(void **state)
{
	struct fixture *f = *state;

	load(f, AUTH_PASS);
	login_begin(f->s);
	begin_auth(f);
	assert_int_equal(hear_client(f).len, 0);
}

/* The other way */

#define REFUSAL                                                                \
	"E\0\0\0\x0f"                                                          \
	"C28000\0M1\0\0"

static void
login_answer_tries_the_other_way_once(void **state)
{
	static const struct {
		enum tls_mode mode;
		enum legs legs;
		bool retries;
	} cases[] = {
	    {TLS_PREFER, SERVER_ONLY, true}, {TLS_PREFER, CLEAR, false},
	    {TLS_ALLOW, CLEAR, true},        {TLS_ALLOW, SERVER_ONLY, false},
	    {TLS_REQUIRE, CLEAR, false},     {TLS_REQUIRE, SERVER_ONLY, false},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = *state;
		struct span refusal = bytes(REFUSAL, sizeof(REFUSAL) - 1);

		f->f->config.upstream_tls.mode = cases[i].mode;
		begin_pass(f, cases[i].legs);
		if (cases[i].retries) {
			assert_int_equal(answer_frame(f, refusal), LOGIN_TAKE);
			assert_int_equal(f->s->state, SESSION_DIALING);
			assert_false(stream_is_open(&f->s->pair.server));
			assert_int_equal(hear_client(f).len, 0);
			assert_true(login_tell_refusal(f->s));
			assert_span_equal(hear_client(f), refusal);
		} else {
			assert_int_equal(answer_frame(f, refusal), LOGIN_PASS);
			assert_int_equal(f->s->state, SESSION_AUTH);
			assert_false(login_tell_refusal(f->s));
		}
		again(state);
	}
}

static void
login_answer_does_not_try_again_once_the_server_has_asked(void **state)
{
	struct span refusal = bytes(REFUSAL, sizeof(REFUSAL) - 1);
	struct fixture *f = *state;

	f->f->config.upstream_tls.mode = TLS_PREFER;
	begin_pass(f, SERVER_ONLY);
	assert_int_equal(answer(f, AUTHENTICATION_MD5_PASSWORD, "salt", 4),
			 LOGIN_PASS);
	assert_int_equal(answer_frame(f, refusal), LOGIN_PASS);
	again(state);
	f = *state;
	f->f->config.upstream_tls.mode = TLS_ALLOW;
	begin_pass(f, CLEAR);
	f->s->pair.server_address.address.ss_family = AF_UNIX;
	assert_int_equal(answer_frame(f, refusal), LOGIN_PASS);
}

/* Other servers */

#define NO_LOGINS                                                              \
	"E\0\0\0\x0f"                                                          \
	"C57P03\0M1\0\0"

/* In AUTH, with a server behind this one. */
static void
begin_with_more(struct fixture *f)
{
	const struct dial_target target = {
	    .endpoints = &upstream, .count = 1, .timeout_ms = 60000};

	begin_pass(f, CLEAR);
	dial_cancel(f->s->dial);
	f->s->dial = dial_start(&f->f->sessions.handshaker, NULL, &target,
				session_dialed, f->s);
	assert_true(dial_has_more(f->s->dial));
}

static void
assert_dials_on(struct fixture *f)
{
	assert_int_equal(f->s->state, SESSION_DIALING);
	assert_false(stream_is_open(&f->s->pair.server));
	assert_int_equal(hear_client(f).len, 0);
}

static void
login_answer_goes_on_from_who_accepts_no_logins_now(void **state)
{
	struct span no_logins = bytes(NO_LOGINS, sizeof(NO_LOGINS) - 1);
	struct fixture *f = *state;

	begin_with_more(f);
	assert_int_equal(answer_frame(f, no_logins), LOGIN_TAKE);
	assert_dials_on(f);
	assert_true(login_tell_refusal(f->s));
	assert_span_equal(hear_client(f), no_logins);
}

static void
login_answer_delivers_any_other_error(void **state)
{
	struct span refusal = bytes(REFUSAL, sizeof(REFUSAL) - 1);
	struct fixture *f = *state;

	begin_with_more(f);
	assert_int_equal(answer_frame(f, refusal), LOGIN_PASS);
	assert_null(f->s->dial);
	assert_false(login_leave_server(f->s, "too late"));
}

static void
login_answer_delivers_what_the_last_server_says(void **state)
{
	struct fixture *f = *state;

	begin_pass(f, CLEAR);
	assert_int_equal(
	    answer_frame(f, bytes(NO_LOGINS, sizeof(NO_LOGINS) - 1)),
	    LOGIN_PASS);
	assert_int_equal(f->s->state, SESSION_AUTH);
}

static void
login_leave_server_dials_on_from_one_that_is_silent(void **state)
{
	struct fixture *f = *state;

	begin_with_more(f);
	assert_true(login_is_unanswered(f->s));
	f->s->pair.from_server.is_eof = true;
	assert_true(login_leave_server(f->s, "it is silent"));
	assert_dials_on(f);
	assert_false(f->s->pair.from_server.is_eof);
	assert_false(login_is_unanswered(f->s));
}

static void
login_leave_server_stays_for_a_client_that_has_left(void **state)
{
	struct fixture *f = *state;

	begin_with_more(f);
	f->s->pair.from_client.is_eof = true;
	assert_false(login_leave_server(f->s, "it is silent"));
	assert_int_equal(f->s->state, SESSION_AUTH);
}

/* The server has heard more than the startup packet, or has spoken. */
static void
login_leave_server_stays_once_the_server_has_asked(void **state)
{
	struct fixture *f = *state;

	begin_with_more(f);
	assert_int_equal(answer(f, AUTHENTICATION_MD5_PASSWORD, "salt", 4),
			 LOGIN_PASS);
	assert_false(login_is_unanswered(f->s));
	assert_false(login_leave_server(f->s, "it is silent"));
}

/* Memory */

static void
login_begin_without_memory_closes(void **state)
{
	unsigned allowed;

	for (allowed = 0;; allowed++) {
		struct fixture *f = *state;
		bool has_failed;

		load(f, AUTH_SCRAM);
		allocation_fail_after(allowed);
		login_begin(f->s);
		has_failed = allocation_restore();
		if (!has_failed)
			break;
		assert_session_closes(f->f, CLOSE_MEMORY);
		again(state);
	}
	assert_true(allowed > 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(login_begin_dials_where_the_server_checks),
	    TEST(login_answer_tries_the_other_way_once),
	    TEST(login_answer_does_not_try_again_once_the_server_has_asked),
	    TEST(login_answer_goes_on_from_who_accepts_no_logins_now),
	    TEST(login_answer_delivers_any_other_error),
	    TEST(login_answer_delivers_what_the_last_server_says),
	    TEST(login_leave_server_dials_on_from_one_that_is_silent),
	    TEST(login_leave_server_stays_for_a_client_that_has_left),
	    TEST(login_leave_server_stays_once_the_server_has_asked),
	    TEST(login_begin_without_memory_closes),
	};

	return cmocka_run_group_tests_name("proxy/session/login", tests,
					   enter_folder,
					   certificates_leave_folder);
}
