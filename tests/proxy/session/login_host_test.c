#include "tests/support/login.h"
#include "tests/support/reports.h"

#define OK "R\0\0\0\x08\0\0\0\0"
#define WITH(text) text, sizeof(text) - 1

static void
ask_for(struct fixture *f, enum session_attrs attrs)
{
	f->f->config.upstream_hosts.attrs = attrs;
}

/* What the session dials, with one more behind it if has_more. */
static void
dial_anew(struct fixture *f, bool has_more)
{
	const struct dial_target target = {
	    .endpoints = &upstream,
	    .count = has_more ? 1 : 0,
	    .timeout_ms = 60000,
	};

	dial_cancel(f->s->dial);
	f->s->dial = dial_start(&f->f->sessions.handshaker, NULL, &target,
				session_dialed, f->s);
	assert_non_null(f->s->dial);
}

static void
begin(struct fixture *f, enum session_attrs attrs, bool has_more)
{
	ask_for(f, attrs);
	begin_pass(f, CLEAR);
	dial_anew(f, has_more);
}

/* The server lets the client in, and says that. */
static enum login_verdict
welcome(struct fixture *f, const char *text, size_t len)
{
	return answer_frame(f, bytes(text, len));
}

static bool
is_misfit(const struct fixture *f)
{
	struct misfits_view v = login_misfits(f->s);

	return misfits_rank(&v, &f->s->pair.server_address) != 0;
}

static void
login_passes_a_host_that_fits(void **state)
{
	struct fixture *f = *state;
	struct misfits_view v;

	begin(f, SESSION_ATTRS_READ_WRITE, true);
	v = login_misfits(f->s);
	misfits_add(&v, MISFIT_IS_OTHER, &f->s->pair.server_address);
	assert_int_equal(welcome(f, WITH(OK PRIMARY KEY READY)), LOGIN_PASS);
	assert_int_equal(f->s->state, SESSION_AUTH);
	assert_null(f->s->dial);
	assert_false(is_misfit(f));
}

static void
login_waits_for_the_reports(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_READ_WRITE, true);
	assert_int_equal(welcome(f, WITH(OK)), LOGIN_WAIT);
	assert_int_equal(welcome(f, WITH(OK PRIMARY)), LOGIN_WAIT);
	assert_non_null(f->s->dial);
	assert_int_equal(hear_client(f).len, 0);
	assert_int_equal(welcome(f, WITH(OK PRIMARY KEY)), LOGIN_PASS);
}

static void
login_looks_at_nothing_where_any_host_will_do(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_ANY, true);
	assert_int_equal(welcome(f, WITH(OK)), LOGIN_PASS);
	assert_null(login_misfits(f->s).all);
}

static void
login_passes_an_error_of_any_host(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_PRIMARY, true);
	assert_int_equal(welcome(f, WITH(OK STANDBY FATAL)), LOGIN_PASS);
	assert_false(is_misfit(f));
}

static void
login_dials_on_from_a_host_that_does_not_fit(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_READ_WRITE, true);
	assert_int_equal(welcome(f, WITH(OK STANDBY KEY READY)), LOGIN_TAKE);
	assert_int_equal(f->s->state, SESSION_DIALING);
	assert_false(stream_is_open(&f->s->pair.server));
	assert_int_equal(hear_client(f).len, 0);
	assert_true(is_misfit(f));
}

static void
login_refuses_the_last_host_if_it_does_not_fit(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_PRIMARY, false);
	assert_int_equal(welcome(f, WITH(OK STANDBY KEY)), LOGIN_TAKE);
	assert_closed(f, CLOSE_UNFIT, "server is in hot standby mode");
}

/* Only the client could log in elsewhere. */
static void
login_refuses_a_host_that_has_asked_the_client(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_PRIMARY, true);
	assert_int_equal(answer(f, AUTHENTICATION_MD5_PASSWORD, "salt", 4),
			 LOGIN_PASS);
	assert_int_equal(welcome(f, WITH(OK STANDBY KEY)), LOGIN_TAKE);
	assert_true(is_misfit(f));
	assert_closed(f, CLOSE_UNFIT, "C57P03");
}

static void
login_does_not_blame_the_host_for_a_setting_of_the_role(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_READ_WRITE, false);
	assert_int_equal(welcome(f, WITH(OK LEADS READS KEY)), LOGIN_TAKE);
	assert_true(is_misfit(f));
	memcpy(f->s->pair.user, "else", 5);
	assert_false(is_misfit(f));
}

/* Nor for one that the client has brought. */
static void
login_notes_nothing_where_the_client_has_options(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_READ_WRITE, false);
	f->s->has_options = true;
	assert_int_equal(welcome(f, WITH(OK LEADS READS KEY)), LOGIN_TAKE);
	assert_false(is_misfit(f));
}

/* What is to be told is that it does not fit, not an older refusal. */
static void
login_forgets_the_refusal_of_a_host_that_lets_it_in(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_READ_WRITE, true);
	assert_true(buffer_append(&f->s->login->refusal, "E", 1));
	assert_int_equal(welcome(f, WITH(OK STANDBY KEY READY)), LOGIN_TAKE);
	assert_int_equal(f->s->login->refusal.len, 0);
}

static bool
is_told_to_connect_again(const struct fixture *f)
{
	const struct writer *told = &f->s->pair.farewell.message;

	assert_true(told->len > 0);
	return memmem(told->data, told->len, WITH("HConnect again")) != NULL;
}

static void
login_has_the_other_hosts_tried_only_where_there_are_some(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_PRIMARY, false);
	assert_int_equal(welcome(f, WITH(OK STANDBY KEY)), LOGIN_TAKE);
	assert_false(is_told_to_connect_again(f));
	again(state);
	f = *state;
	begin(f, SESSION_ATTRS_PRIMARY, true);
	assert_int_equal(answer(f, AUTHENTICATION_MD5_PASSWORD, "salt", 4),
			 LOGIN_PASS);
	assert_int_equal(welcome(f, WITH(OK STANDBY KEY)), LOGIN_TAKE);
	assert_true(is_told_to_connect_again(f));
}

/* The server has been shown a proof, and the client nothing. */
static void
login_dials_on_where_it_has_logged_in_itself(void **state)
{
	struct fixture *f = *state;

	ask_for(f, SESSION_ATTRS_PRIMARY);
	let_client_in(f, CLEAR);
	dial_anew(f, true);
	assert_int_equal(answer(f, AUTHENTICATION_SASL, ONLY_SCRAM),
			 LOGIN_TAKE);
	assert_non_null(f->s->dial);
	assert_non_null(f->s->login->to_server);
	f->s->login->stage = LOGIN_PROVED;
	assert_int_equal(welcome(f, WITH(OK STANDBY KEY)), LOGIN_TAKE);
	assert_int_equal(f->s->state, SESSION_DIALING);
	assert_null(f->s->login->to_server);
	assert_int_equal(f->s->login->stage, LOGIN_SILENT);
}

static void
login_comes_back_to_a_host_that_is_not_preferred(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_PREFER_STANDBY, true);
	assert_int_equal(welcome(f, WITH(OK PRIMARY KEY)), LOGIN_TAKE);
	assert_int_equal(f->s->state, SESSION_DIALING);
	assert_true(dial_has_more(f->s->dial));
}

static void
login_takes_a_host_that_is_not_preferred_in_the_end(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_PREFER_STANDBY, false);
	assert_int_equal(welcome(f, WITH(OK PRIMARY KEY)), LOGIN_PASS);
	assert_true(is_misfit(f));
	again(state);
	f = *state;
	begin(f, SESSION_ATTRS_PREFER_STANDBY, true);
	assert_int_equal(answer(f, AUTHENTICATION_MD5_PASSWORD, "salt", 4),
			 LOGIN_PASS);
	assert_int_equal(welcome(f, WITH(OK PRIMARY KEY)), LOGIN_PASS);
}

static void
login_blames_who_is_silent_where_one_host_is_looked_for(void **state)
{
	struct fixture *f = *state;

	begin(f, SESSION_ATTRS_PRIMARY, true);
	assert_true(login_leave_server(f->s, "it is silent"));
	assert_true(is_misfit(f));
	again(state);
	f = *state;
	begin(f, SESSION_ATTRS_STANDBY, true);
	assert_true(login_leave_server(f->s, "it is silent"));
	assert_false(is_misfit(f));
}

#define BODY(message)                                                          \
	bytes((message) + FRAME_HEADER_BYTES,                                  \
	      sizeof(message) - 1 - FRAME_HEADER_BYTES)

static void
login_hears_of_a_promotion_where_a_standby_is_asked_for(void **state)
{
	struct fixture *f = *state;

	ask_for(f, SESSION_ATTRS_STANDBY);
	login_note_report(f->s, BODY(WRITES));
	login_note_report(f->s, BODY(FOLLOWS));
	assert_false(is_misfit(f));
	login_note_report(f->s, BODY(LEADS));
	assert_true(is_misfit(f));
	again(state);
	f = *state;
	ask_for(f, SESSION_ATTRS_READ_ONLY);
	login_note_report(f->s, BODY(LEADS));
	assert_false(is_misfit(f));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(login_passes_a_host_that_fits),
	    TEST(login_waits_for_the_reports),
	    TEST(login_looks_at_nothing_where_any_host_will_do),
	    TEST(login_passes_an_error_of_any_host),
	    TEST(login_dials_on_from_a_host_that_does_not_fit),
	    TEST(login_refuses_the_last_host_if_it_does_not_fit),
	    TEST(login_refuses_a_host_that_has_asked_the_client),
	    TEST(login_does_not_blame_the_host_for_a_setting_of_the_role),
	    TEST(login_notes_nothing_where_the_client_has_options),
	    TEST(login_forgets_the_refusal_of_a_host_that_lets_it_in),
	    TEST(login_has_the_other_hosts_tried_only_where_there_are_some),
	    TEST(login_dials_on_where_it_has_logged_in_itself),
	    TEST(login_comes_back_to_a_host_that_is_not_preferred),
	    TEST(login_takes_a_host_that_is_not_preferred_in_the_end),
	    TEST(login_hears_of_a_promotion_where_a_standby_is_asked_for),
	    TEST(login_blames_who_is_silent_where_one_host_is_looked_for),
	};

	return cmocka_run_group_tests_name("proxy/session/login_host", tests,
					   enter_folder,
					   certificates_leave_folder);
}
