/*
 * A session under watch, a mailbox in the place of the fleet's, and a clock
 * that goes on by a round whenever one has been walked.
 */
#include "proxy/rescue/patrol.h"

#include <stdlib.h>
#include <sys/timerfd.h>

#include "protocol/types.h"
#include "proxy/rescue/rescue_call.h"
#include "tests/support/gate.h"
#include "tests/support/moved_clock.h"

enum {
	PID = 4711,
	ROUND_BOUND_MS = 60000,
};

struct fixture {
	struct gate_fixture *gate;
	struct mailbox fleet;
	struct patrol patrol;
	struct patrolled *session;
	struct rescue_call last;
	size_t calls;
	size_t ends;
};

/* As fleet.c has it. */
static void
take_mail(void *arg, const struct mail *mail)
{
	struct fixture *f = arg;
	struct rescue_call *call = mail->data;

	assert_int_equal(mail->kind, MAIL_CALL);
	f->last = *call;
	if (call->valid_ms > 0)
		f->calls++;
	else
		f->ends++;
	free(call);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	clock_reset();
	gate_fixture_setup((void **)&f->gate);
	assert_true(mailbox_open(&f->fleet, f->gate->base, take_mail, f));
	f->gate->config.rescue = true;
	f->gate->config.detect = GUARD_SCOPE_DROPS;
	f->gate->daemon.fleet = &f->fleet;
	f->gate->players[0].pair.server_pid = PID;
	patrol_init(&f->patrol, &f->gate->daemon, f->gate->base);
	f->session = patrol_enlist(&f->patrol, &f->gate->players[0].pair);
	assert_non_null(f->session);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	patrol_dismiss(f->session);
	patrol_clear(&f->patrol);
	mailbox_close(&f->fleet);
	f->gate->daemon.fleet = NULL;
	gate_fixture_teardown((void **)&f->gate);
	free(f);
	return 0;
}

/* Let the next round be walked; false: none is set. */
static bool
walk(struct fixture *f)
{
	const struct itimerspec now = {.it_value.tv_nsec = 1};

	if (!f->patrol.is_walking)
		return false;
	clock_advance(PATROL_ROUND_MS);
	timerfd_settime(f->patrol.ticker.fd, 0, &now, NULL);
	event_base_loop(f->gate->base, EVLOOP_ONCE);
	loop_for(f->gate->base, 0); /* the mail of it */
	return true;
}

static void
walk_for(struct fixture *f, uint32_t ms)
{
	for (; ms > 0; ms -= PATROL_ROUND_MS)
		assert_true(walk(f));
}

/* A message of the client's, as guarded_note_sent tells of it. */
static void
note(struct fixture *f, struct writer *w)
{
	struct gate_player *p = &f->gate->players[0];
	struct span in = span_of(w->data, w->len);
	struct frame_header h;

	assert_int_equal(frame_peek(&h, in), FRAME_OK);
	pipeline_sent(&p->pair.pipeline, h.type, PIPELINE_CLIENT);
	gate_watch_note_sent(&p->watch, &h, in);
	patrol_note_sent(f->session, &p->watch, &h, in);
	writer_clear(w);
}

static void
send_query(struct fixture *f, const char *sql)
{
	struct writer w = {0};

	writer_begin(&w, FRONTEND_QUERY);
	write_string(&w, sql);
	writer_end(&w);
	note(f, &w);
}

static void
send_parse(struct fixture *f, const char *name, const char *sql)
{
	struct writer w = {0};

	writer_begin(&w, FRONTEND_PARSE);
	write_string(&w, name);
	write_string(&w, sql);
	write_u16(&w, 0);
	writer_end(&w);
	note(f, &w);
}

static void
send_bind_and_execute(struct fixture *f, const char *name)
{
	struct writer w = {0};

	writer_begin(&w, FRONTEND_BIND);
	write_string(&w, "");
	write_string(&w, name);
	write_u16(&w, 0);
	write_u16(&w, 0);
	write_u16(&w, 0);
	writer_end(&w);
	note(f, &w);
	writer_begin(&w, FRONTEND_EXECUTE);
	write_string(&w, "");
	write_u32(&w, 0);
	writer_end(&w);
	note(f, &w);
}

static void
answer(struct fixture *f, uint8_t type)
{
	(void)pipeline_received(&f->gate->players[0].pair.pipeline, type, 'I');
}

static void
answer_query(struct fixture *f)
{
	answer(f, BACKEND_COMMAND_COMPLETE);
	answer(f, BACKEND_READY_FOR_QUERY);
}

static void
patrol_calls_what_runs_for_long_and_may_wait_unseen(void **state)
{
	struct fixture *f = *state;

	send_query(f, "select drop_it()");
	walk_for(f, 2 * PATROL_ROUND_MS);
	assert_int_equal(f->calls, 0);
	walk_for(f, PATROL_ROUND_MS);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->last.pid, PID);
	assert_int_equal(f->last.session, 1);
	assert_string_equal(f->last.database, "db");
	assert_true(f->last.valid_ms > PATROL_ROUND_MS);
}

static void
patrol_calls_again_and_ever_more_seldom(void **state)
{
	struct fixture *f = *state;

	send_query(f, "call rotate()");
	walk_for(f, 1000);
	assert_int_equal(f->calls, 8); /* at every round but two */
	walk_for(f, 60000);
	f->calls = 0;
	walk_for(f, 10000);
	assert_in_range(f->calls, 9, 11);
	assert_in_range(f->last.valid_ms, PATROL_SELDOM_MS + 1,
			2 * PATROL_SELDOM_MS);
}

static void
patrol_calls_once_more_when_it_is_over(void **state)
{
	struct fixture *f = *state;

	send_query(f, "select drop_it()");
	walk_for(f, 500);
	answer_query(f);
	walk_for(f, PATROL_ROUND_MS);
	assert_int_equal(f->ends, 1);
	assert_false(walk(f));
	send_query(f, "select drop_it()");
	walk_for(f, 500);
	patrol_dismiss(f->session);
	f->session = NULL;
	loop_for(f->gate->base, 0);
	assert_int_equal(f->ends, 2);
}

static void
patrol_leaves_plain_statements_alone(void **state)
{
	struct fixture *f = *state;

	send_query(f, "select count(*) from t");
	walk_for(f, 1000);
	answer_query(f);
	walk_for(f, PATROL_ROUND_MS);
	assert_int_equal(f->calls + f->ends, 0);
	assert_false(walk(f));
}

static void
patrol_leaves_brief_statements_alone(void **state)
{
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < 20; i++) {
		send_query(f, "select drop_it()");
		walk_for(f, PATROL_ROUND_MS);
		answer_query(f);
	}
	assert_int_equal(f->calls, 0);
}

static void
patrol_reads_a_text_that_is_prepared(void **state)
{
	struct fixture *f = *state;

	send_parse(f, "", "select drop_it()");
	send_bind_and_execute(f, "");
	answer(f, BACKEND_PARSE_COMPLETE);
	answer(f, BACKEND_BIND_COMPLETE);
	walk_for(f, 300);
	assert_int_equal(f->calls, 1);
}

static void
patrol_remembers_what_was_prepared(void **state)
{
	struct fixture *f = *state;

	send_parse(f, "drops", "select drop_it()");
	send_parse(f, "reads", "select count(*) from t");
	answer(f, BACKEND_PARSE_COMPLETE);
	answer(f, BACKEND_PARSE_COMPLETE);
	send_query(f, "begin");
	answer_query(f);
	send_bind_and_execute(f, "reads");
	walk_for(f, 1000);
	assert_int_equal(f->calls, 0);
	answer(f, BACKEND_BIND_COMPLETE);
	answer(f, BACKEND_COMMAND_COMPLETE);
	send_bind_and_execute(f, "drops");
	answer(f, BACKEND_BIND_COMPLETE);
	walk_for(f, 400);
	assert_true(f->calls > 0);
}

static void
patrol_enlists_nobody_where_it_is_off(void **state)
{
	struct fixture *f = *state;
	struct pair *pair = &f->gate->players[1].pair;
	struct patrol p = {0};

	f->gate->config.rescue = false;
	patrol_init(&p, &f->gate->daemon, f->gate->base);
	assert_null(patrol_enlist(&p, pair));
	f->gate->config.rescue = true;
	f->gate->config.detect = GUARD_SCOPE_OFF;
	patrol_init(&p, &f->gate->daemon, f->gate->base);
	assert_null(patrol_enlist(&p, pair));
	patrol_clear(&p);
	f->gate->config.detect = GUARD_SCOPE_DROPS;
	f->gate->daemon.fleet = NULL;
	patrol_init(&p, &f->gate->daemon, f->gate->base);
	assert_null(patrol_enlist(&p, pair));
	patrol_clear(&p);
	f->gate->daemon.fleet = &f->fleet;
	patrol_dismiss(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(patrol_calls_what_runs_for_long_and_may_wait_unseen),
	    TEST(patrol_calls_again_and_ever_more_seldom),
	    TEST(patrol_calls_once_more_when_it_is_over),
	    TEST(patrol_leaves_plain_statements_alone),
	    TEST(patrol_leaves_brief_statements_alone),
	    TEST(patrol_reads_a_text_that_is_prepared),
	    TEST(patrol_remembers_what_was_prepared),
	    TEST(patrol_enlists_nobody_where_it_is_off),
	};

	return cmocka_run_group_tests_name("proxy/rescue/patrol", tests, NULL,
					   NULL);
}
