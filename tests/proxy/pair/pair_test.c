#include "proxy/pair/pair.h"

#include "protocol/backend.h"
#include "protocol/frame.h"
#include "proxy/history/history.h"
#include "proxy/pair/cancel.h"
#include "tests/support/allocation.h"
#include "tests/support/pair.h"

static int
setup(void **state)
{
	struct pair_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	pair_fixture_begin(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct pair_fixture *f = *state;

	pair_fixture_end(f);
	free(f);
	return 0;
}

/* Sending */

static void
pair_sends_to_either_side(void **state)
{
	struct pair_fixture *f = *state;

	assert_true(pair_to_client(&f->pair, "abc", 3));
	assert_true(pair_to_server(&f->pair, "de", 2));
	assert_span_text(pair_fixture_read(f, f->client), "abc");
	assert_span_text(pair_fixture_read(f, f->server), "de");
}

static void
pair_sends_nothing_once_a_reason_is_recorded(void **state)
{
	struct pair_fixture *f = *state;

	pair_close(&f->pair, CLOSE_SHUTDOWN, NULL);
	assert_false(pair_to_client(&f->pair, "abc", 3));
	assert_false(pair_to_server(&f->pair, "de", 2));
	assert_int_equal(pair_fixture_read(f, f->client).len, 0);
	assert_int_equal(pair_fixture_read(f, f->server).len, 0);
}

static void
pair_says_nothing_within_a_message(void **state)
{
	struct pair_fixture *f = *state;

	assert_true(pair_relay_to_client(&f->pair, "ab", 2));
	f->pair.from_server.pass_left = 1;
	assert_true(pair_to_client(&f->pair, "de", 2));
	assert_true(pair_to_client(&f->pair, "f", 1));
	assert_span_text(pair_fixture_read(f, f->client), "ab");
	assert_true(pair_relay_to_client(&f->pair, "c", 1));
	f->pair.from_server.pass_left = 0;
	pair_end_message(&f->pair);
	assert_span_text(pair_fixture_read(f, f->client), "cdef");
	pair_end_message(&f->pair);
	assert_int_equal(pair_fixture_read(f, f->client).len, 0);
}

/* The client has seen nothing of a message that is dropped. */
static void
pair_speaks_within_a_message_that_is_dropped(void **state)
{
	struct pair_fixture *f = *state;

	f->pair.from_server.pass_left = 1;
	f->pair.from_server.drops_rest = true;
	assert_true(pair_to_client(&f->pair, "abc", 3));
	assert_span_text(pair_fixture_read(f, f->client), "abc");
}

static void
pair_to_client_closes_when_the_client_is_gone(void **state)
{
	struct pair_fixture *f = *state;

	shutdown(f->client, SHUT_RD);
	assert_false(pair_to_client(&f->pair, "abc", 3));
	assert_pair_closes(&f->pair, CLOSE_CLIENT_BROKEN);
	assert_string_equal(f->pair.farewell.detail, "Broken pipe");
}

/* The last words of a server that is gone may still be unread. */
static void
pair_to_server_drops_what_a_server_that_is_gone_would_get(void **state)
{
	struct pair_fixture *f = *state;

	assert_int_equal(write(f->server, "why", 3), 3);
	shutdown(f->server, SHUT_RD);
	assert_true(pair_to_server(&f->pair, "de", 2));
	assert_false(pair_is_closing(&f->pair));
	assert_true(f->pair.server.is_shut);
	assert_true(pair_to_server(&f->pair, "de", 2));
}

static void
pair_to_server_drops_what_comes_behind_the_end(void **state)
{
	struct pair_fixture *f = *state;

	stream_shutdown(&f->pair.server);
	assert_true(pair_to_server(&f->pair, "de", 2));
	assert_int_equal(pair_fixture_read(f, f->server).len, 0);
	assert_false(pair_is_closing(&f->pair));
}

static void
pair_to_server_without_memory_closes(void **state)
{
	static const char much[1024 * 1024];
	struct pair_fixture *f = *state;

	allocation_fail_after(0);
	assert_false(pair_to_server(&f->pair, much, sizeof(much)));
	assert_true(allocation_restore());
	assert_pair_closes(&f->pair, CLOSE_SERVER_LOST);
	assert_string_equal(f->pair.farewell.detail, "Cannot allocate memory");
}

/* Reports */

static uint8_t
reported_type(struct pair_fixture *f, const char *severity)
{
	const struct error_report report = {
	    .severity = severity, .sqlstate = "57014", .message = "words"};
	struct error_fields fields;
	struct frame frame;
	struct span in;

	assert_true(pair_report(&f->pair, &report));
	in = pair_fixture_read(f, f->client);
	assert_int_equal(frame_next(&frame, &in, 1000), FRAME_OK);
	assert_int_equal(in.len, 0);
	assert_true(error_fields_decode(&fields, frame.body));
	assert_span_text(fields.severity, severity);
	assert_span_text(fields.sqlstate, "57014");
	assert_span_text(fields.message, "words");
	return frame.type;
}

static void
pair_report_tells_notices_from_errors(void **state)
{
	struct pair_fixture *f = *state;

	assert_int_equal(reported_type(f, "NOTICE"), BACKEND_NOTICE_RESPONSE);
	assert_int_equal(reported_type(f, "WARNING"), BACKEND_NOTICE_RESPONSE);
	assert_int_equal(reported_type(f, "ERROR"), BACKEND_ERROR_RESPONSE);
	assert_int_equal(reported_type(f, "FATAL"), BACKEND_ERROR_RESPONSE);
}

static void
pair_report_without_memory_says_nothing(void **state)
{
	const struct error_report report = {
	    .severity = "ERROR", .sqlstate = "57014", .message = "words"};
	struct pair_fixture *f = *state;

	allocation_fail_after(0);
	assert_false(pair_report(&f->pair, &report));
	assert_true(allocation_restore());
	assert_int_equal(pair_fixture_read(f, f->client).len, 0);
}

/* Parameters */

static void
note(struct pair_fixture *f, const char *body, size_t len)
{
	pair_note_parameter(&f->pair, span_of(body, len));
}

static void
pair_note_parameter_knows_two_of_them(void **state)
{
	struct pair_fixture *f = *state;

	f->pair.is_utf8 = false;
	note(f, "client_encoding\0UTF8", 21);
	assert_true(f->pair.is_utf8);
	note(f, "standard_conforming_strings\0off", 32);
	assert_true(f->pair.sends_plain_backslashes);
	note(f, "TimeZone\0off", 13);
	assert_true(f->pair.is_utf8);
	note(f, "client_encoding\0LATIN1", 23);
	assert_false(f->pair.is_utf8);
	assert_true(f->pair.sends_plain_backslashes);
	note(f, "standard_conforming_strings\0on", 31);
	assert_false(f->pair.sends_plain_backslashes);
}

static void
pair_note_parameter_keeps_the_name_of_the_application(void **state)
{
	struct pair_fixture *f = *state;
	struct history_who who = {.pid = 0};
	char body[200];

	note(f, BYTES("application_name\0shop\0"));
	f->pair.server_pid = 7;
	memcpy(f->pair.user, "alice", 6);
	pair_tell_who(&f->pair, &who);
	assert_string_equal(who.application_name, "shop");
	assert_string_equal(who.user, "alice");
	assert_string_equal(who.database, "db");
	assert_int_equal(who.pid, 7);
	assert_int_equal(who.session, 1);
	note(f, BYTES("application_name\0\0"));
	assert_string_equal(f->pair.application_name, "");
	memset(body, 'x', sizeof(body));
	memcpy(body, "application_name", 17);
	body[sizeof(body) - 1] = '\0';
	note(f, body, sizeof(body));
	assert_int_equal(strlen(f->pair.application_name), PAIR_NAME_BYTES - 1);
}

static void
pair_note_parameter_passes_over_what_does_not_parse(void **state)
{
	struct pair_fixture *f = *state;

	note(f, "client_encoding\0LATIN1", 22); /* its NUL is missing */
	assert_true(f->pair.is_utf8);
	note(f, NULL, 0);
	assert_true(f->pair.is_utf8);
}

/* Closing */

static void
assert_fatal(const struct pair *p, const char *sqlstate, const char *message)
{
	struct span in =
	    span_of(p->farewell.message.data, p->farewell.message.len);
	struct error_fields fields;
	struct frame frame;

	assert_int_equal(frame_next(&frame, &in, 1000), FRAME_OK);
	assert_int_equal(frame.type, BACKEND_ERROR_RESPONSE);
	assert_int_equal(in.len, 0);
	assert_true(error_fields_decode(&fields, frame.body));
	assert_span_text(fields.severity, "FATAL");
	assert_span_text(fields.sqlstate, sqlstate);
	assert_span_text(fields.message, message);
}

static void
pair_close_records_and_tears_nothing_down(void **state)
{
	struct pair_fixture *f = *state;

	f->pair.is_logged_in = true;
	pair_close(&f->pair, CLOSE_SHUTDOWN, NULL);
	assert_pair_closes(&f->pair, CLOSE_SHUTDOWN);
	assert_null(f->pair.farewell.detail);
	assert_fatal(&f->pair, "57P01", close_reasons[CLOSE_SHUTDOWN].message);
	assert_true(stream_is_open(&f->pair.client));
	assert_true(stream_is_open(&f->pair.server));
	assert_int_equal(pair_fixture_read(f, f->client).len, 0);
}

static void
pair_close_keeps_the_first_reason(void **state)
{
	struct pair_fixture *f = *state;
	char detail[] = "the first";

	f->pair.is_logged_in = true;
	pair_close(&f->pair, CLOSE_SERVER_BAD, detail);
	detail[0] = 'T'; /* it is copied */
	pair_close(&f->pair, CLOSE_SHUTDOWN, "the second");
	assert_pair_closes(&f->pair, CLOSE_SERVER_BAD);
	assert_string_equal(f->pair.farewell.detail, "the first");
	assert_fatal(&f->pair, "08P01",
		     close_reasons[CLOSE_SERVER_BAD].message);
}

/* For pg_isready and libpq's list of hosts. */
static void
pair_close_before_the_login_says_not_now(void **state)
{
	static const enum close_reason faults[] = {
	    CLOSE_UNREACHABLE, CLOSE_SERVER_LOST, CLOSE_SERVER_SILENT,
	    CLOSE_SERVER_BAD,  CLOSE_MISMATCH,    CLOSE_SHUTDOWN,
	};
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct pair_fixture *f = *state;

		pair_close(&f->pair, faults[i], NULL);
		assert_fatal(&f->pair, "57P03",
			     close_reasons[faults[i]].message);
		teardown(state);
		setup(state);
	}
}

static void
pair_close_before_the_login_says_what_the_client_may_change(void **state)
{
	struct pair_fixture *f = *state;

	pair_close(&f->pair, CLOSE_LOGIN_TIMEOUT, NULL);
	assert_fatal(&f->pair, "57014",
		     close_reasons[CLOSE_LOGIN_TIMEOUT].message);
}

static void
pair_close_says_nothing_where_the_reason_has_no_words(void **state)
{
	struct pair_fixture *f = *state;

	pair_close(&f->pair, CLOSE_CLIENT_LEFT, "detail is for the log");
	assert_int_equal(f->pair.farewell.message.len, 0);
}

static void
pair_close_saying_has_words_of_its_own(void **state)
{
	struct pair_fixture *f = *state;
	const struct writer *w = &f->pair.farewell.message;

	pair_close_saying(&f->pair, CLOSE_CERTIFICATE, "no", "since", "do");
	assert_fatal(&f->pair, "28000", "no");
	assert_non_null(memmem(w->data, w->len, "Dsince", 7));
	assert_non_null(memmem(w->data, w->len, "Hdo", 4));
}

static void
pair_close_without_memory_has_the_reason_alone(void **state)
{
	struct pair_fixture *f = *state;

	allocation_fail_after(0);
	pair_close(&f->pair, CLOSE_MEMORY, NULL);
	assert_true(allocation_restore());
	assert_pair_closes(&f->pair, CLOSE_MEMORY);
	assert_true(f->pair.farewell.message.failed);
}

/* Calls of the owner */

static unsigned int fired;
static unsigned int resumed;

static void
fire(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fired++;
}

static void
resume(void *owner)
{
	assert_ptr_equal(owner, &resumed);
	resumed++;
}

static bool
has_fired(void *arg)
{
	(void)arg;
	return fired > 0;
}

static void
pair_timer_runs_once_and_not_when_it_was_stopped(void **state)
{
	struct pair_fixture *f = *state;
	struct pair p = {.id = 0};

	pair_init(&p, &f->daemon, f->base, fire, resume, &resumed);
	fired = 0;
	pair_set_timer(&p, 0);
	pair_stop_timer(&p);
	loop_for(f->base, 2);
	assert_int_equal(fired, 0);
	pair_set_timer(&p, 60 * 1000);
	pair_set_timer(&p, 1); /* instead of before */
	loop_until(f->base, has_fired, NULL);
	loop_for(f->base, 2);
	assert_int_equal(fired, 1);
	pair_clear(&p);
}

static void
pair_resume_tells_the_owner(void **state)
{
	struct pair_fixture *f = *state;
	struct pair p = {.id = 0};

	pair_init(&p, &f->daemon, f->base, fire, resume, &resumed);
	resumed = 0;
	pair_resume(&p);
	assert_int_equal(resumed, 1);
	pair_clear(&p);
}

static void
pair_set_held_tells_who_looks_for_its_key(void **state)
{
	struct pair_fixture *f = *state;
	struct cancel_target target = {.session = 1};

	pair_set_held(&f->pair, true); /* no key yet */
	f->daemon.cancels = cancel_registry_new();
	f->pair.cancel_entry =
	    cancel_remember(f->daemon.cancels, 9, bytes("abcd", 4), &target);
	pair_set_held(&f->pair, true);
	assert_true(
	    cancel_find(f->daemon.cancels, 9, bytes("abcd", 4), &target));
	assert_true(target.is_held);
	pair_set_held(&f->pair, false);
	assert_true(
	    cancel_find(f->daemon.cancels, 9, bytes("abcd", 4), &target));
	assert_false(target.is_held);
	pair_clear(&f->pair);
	assert_false(
	    cancel_find(f->daemon.cancels, 9, bytes("abcd", 4), &target));
	cancel_registry_free(f->daemon.cancels);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(pair_sends_to_either_side),
	    TEST(pair_sends_nothing_once_a_reason_is_recorded),
	    TEST(pair_says_nothing_within_a_message),
	    TEST(pair_speaks_within_a_message_that_is_dropped),
	    TEST(pair_to_client_closes_when_the_client_is_gone),
	    TEST(pair_to_server_drops_what_a_server_that_is_gone_would_get),
	    TEST(pair_to_server_drops_what_comes_behind_the_end),
	    TEST(pair_to_server_without_memory_closes),
	    TEST(pair_report_tells_notices_from_errors),
	    TEST(pair_report_without_memory_says_nothing),
	    TEST(pair_note_parameter_knows_two_of_them),
	    TEST(pair_note_parameter_keeps_the_name_of_the_application),
	    TEST(pair_note_parameter_passes_over_what_does_not_parse),
	    TEST(pair_close_records_and_tears_nothing_down),
	    TEST(pair_close_keeps_the_first_reason),
	    TEST(pair_close_before_the_login_says_not_now),
	    TEST(pair_close_before_the_login_says_what_the_client_may_change),
	    TEST(pair_close_says_nothing_where_the_reason_has_no_words),
	    TEST(pair_close_saying_has_words_of_its_own),
	    TEST(pair_close_without_memory_has_the_reason_alone),
	    TEST(pair_timer_runs_once_and_not_when_it_was_stopped),
	    TEST(pair_resume_tells_the_owner),
	    TEST(pair_set_held_tells_who_looks_for_its_key),
	};

	return cmocka_run_group_tests_name("proxy/pair/pair", tests, NULL,
					   NULL);
}
