#include <pwd.h>
#include <stdio.h>

#include "proxy/console/console.h"
#include "proxy/guard/exchange.h"
#include "tests/support/scram.h"
#include "tests/support/sessions.h"

static char me[64];
static char joe[] = "joe";
static char *admins[] = {me};
static char *viewers[] = {joe};

static int
setup_console(void **state)
{
	static char roles[] = "roles";
	struct fixture *f;

	setup(state);
	f = *state;
	f->config.admin_users = (struct name_list){admins, 1};
	f->config.stats_users = (struct name_list){viewers, 1};
	f->config.auth_file = roles;
	credentials_store_replace(f->daemon.credentials,
				  credentials_load(&f->generation, stderr));
	return 0;
}

static int
enter_folder(void **state)
{
	const struct passwd *p = getpwuid(geteuid());

	if (p == NULL || certificates_enter_folder(state) != 0)
		return -1;
	snprintf(me, sizeof(me), "%s", p->pw_name);
	certificate_write_text("roles", "\"joe\" \"" PENCIL_VERIFIER "\"\n");
	return 0;
}

/* Say who one is, and which database is wanted. */
static void
says_startup(struct fixture *f, const char *user, const char *database,
	     const char *replication)
{
	struct writer w = {0};

	writer_begin(&w, 0);
	write_u32(&w, 3 << 16);
	write_string(&w, "user");
	write_string(&w, user);
	write_string(&w, "database");
	write_string(&w, database);
	if (replication != NULL) {
		write_string(&w, "replication");
		write_string(&w, replication);
	}
	write_u8(&w, 0);
	writer_end(&w);
	says(f, w.data, w.len);
	writer_clear(&w);
}

static struct session *
open_console(struct fixture *f)
{
	connect_locally(f);
	says_startup(f, me, "lockstep", NULL);
	assert_int_equal(f->s->state, SESSION_CONSOLE);
	assert_true(read(f->client, f->read, sizeof(f->read)) > 0);
	return f->s;
}

static void
a_peer_gets_the_console(void **state)
{
	struct fixture *f = *state;
	struct session *s = open_console(f);

	assert_int_equal(s->rights, CONSOLE_MAY_ALL);
	assert_null(s->login);
	assert_null(s->credentials);
	assert_false(event_pending(&s->pair.timer, EV_TIMEOUT, NULL));
	says(f, BYTES("X\0\0\0\4"));
	assert_int_equal(s->state, SESSION_CLOSING);
}

static void
all_others_are_the_servers(void **state)
{
	static const struct {
		const char *user;
		const char *database;
		const char *replication;
	} rows[] = {
	    {me, "postgres", NULL},
	    {me, "Lockstep", NULL},
	    {me, "lockstep", "true"},
	    {"joe", "lockstep", NULL}, /* another user runs this */
	    {"ann", "lockstep", NULL},
	    {"", "lockstep", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *f = *state;

		connect_locally(f);
		says_startup(f, rows[i].user, rows[i].database,
			     rows[i].replication);
		accept_server(f);
		run(f);
		assert_int_equal(f->s->rights, CONSOLE_MAY_NOTHING);
		assert_int_equal(f->s->state, SESSION_AUTH);
		teardown(state);
		setup_console(state);
	}
}

static void
by_tcp_there_must_be_a_verifier(void **state)
{
	struct fixture *f = *state;

	connect_tcp(f);
	says_startup(f, "joe", "lockstep", NULL);
	assert_int_equal(f->s->state, SESSION_SASL);
	assert_int_equal(f->s->rights, CONSOLE_MAY_LOOK);
	says(f, BYTES("p\0\0\0\4"));
	assert_int_equal(f->s->state, SESSION_CLOSING);
	connect_tcp(f);
	says_startup(f, me, "lockstep", NULL);
	accept_server(f);
	run(f);
	assert_int_equal(f->s->state, SESSION_AUTH);
}

static void
the_limit_is_not_the_consoles(void **state)
{
	struct fixture *f = *state;

	f->config.max_connections = 0;
	(void)open_console(f);
	connect_tcp(f);
	says_startup(f, "joe", "lockstep", NULL);
	assert_int_equal(f->s->pair.farewell.reason, CLOSE_TOO_MANY);
}

static void
asks(struct fixture *f, const char *command)
{
	struct writer w = {0};

	writer_begin(&w, 'Q');
	write_string(&w, command);
	writer_end(&w);
	f->client = f->clients[0];
	says(f, w.data, w.len);
	writer_clear(&w);
}

/* The answer that the first client, a console, has by now. */
static struct span
answer(struct fixture *f)
{
	ssize_t n = read(f->clients[0], f->read, sizeof(f->read));

	return span_of(f->read, n > 0 ? (size_t)n : 0);
}

static bool
says_so(struct span all, const char *part)
{
	return memmem(all.data, all.len, part, strlen(part)) != NULL;
}

static void
sessions_are_shown(void **state)
{
	struct fixture *f = *state;
	struct span told;

	(void)open_console(f);
	log_in(f);
	asks(f, "show clients");
	told = answer(f);
	assert_true(says_so(told, "joe") && says_so(told, "idle"));
	assert_true(says_so(told, "console") && says_so(told, "unix"));
	asks(f, "show servers");
	told = answer(f);
	assert_true(says_so(told, "joe") && says_so(told, "127.0.0.1"));
	assert_false(says_so(told, "console"));
	asks(f, "show held");
	assert_false(says_so(answer(f), "joe"));
}

/* More than a page of them, and each once. */
static void
pages_have_each_session_once(void **state)
{
	struct fixture *f = *state;
	struct console_task *t = console_task_new(TASK_PAGE, 0, 1);
	struct mail mail = {.kind = MAIL_TASK, .data = t};

	assert_non_null(t);
	(void)open_console(f);
	log_in(f);
	t->table = CONSOLE_CLIENTS;
	t->id = f->s->pair.id; /* the last; below it is the console */
	sessions_take_task(&f->sessions, &mail);
	assert_true(t->is_last);
	assert_true(says_so(span_of(t->rows.data, t->rows.len), "console"));
	assert_false(says_so(span_of(t->rows.data, t->rows.len), "joe"));
	/* The task comes back to a console that is not there. */
	run(f);
}

static void
kill_ends_another_session(void **state)
{
	struct fixture *f = *state;
	struct session *console = open_console(f);
	char command[64];

	log_in(f);
	snprintf(command, sizeof(command), "kill_client %ju",
		 (uintmax_t)f->s->pair.id);
	f->from = f->clients[1];
	asks(f, command);
	assert_true(says_so(answer(f), "KILL_CLIENT"));
	assert_words(hear_end(f, f->clients[1]), CLOSE_KILLED);
	assert_int_equal(console->state, SESSION_CONSOLE);
	/* Once it is closing it is no session any more. */
	asks(f, command);
	assert_true(says_so(answer(f), "C22023"));
}

static void
nothing_is_held_by_who_is_idle(void **state)
{
	struct fixture *f = *state;

	(void)open_console(f);
	log_in(f);
	assert_int_equal(session_do_task(f->s, TASK_RELEASE), TASK_NOT_HELD);
	assert_int_equal(session_do_task(f->s, TASK_ABORT), TASK_NOT_HELD);
	assert_int_equal(f->s->state, SESSION_READY);
}

/* The task comes back to nobody. */
static void
a_console_may_leave_amid_a_task(void **state)
{
	struct fixture *f = *state;
	struct session *s = open_console(f);
	struct writer w = {0};

	writer_begin(&w, 'Q');
	write_string(&w, "show clients");
	writer_end(&w);
	assert_true(buffer_append(&s->pair.from_client.buffer, w.data, w.len));
	writer_clear(&w);
	session_finish_event(s);
	assert_false(console_is_idle(s->console));
	pair_close(&s->pair, CLOSE_CLIENT_LEFT, NULL);
	session_finish_event(s);
	run(f);
	assert_int_equal(s->state, SESSION_CLOSING);
}

static void
a_drain_ends_consoles(void **state)
{
	struct fixture *f = *state;

	(void)open_console(f);
	session_drain(f->s);
	assert_closes(f, CLOSE_SHUTDOWN);
}

int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, setup_console, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_peer_gets_the_console),
	    TEST(all_others_are_the_servers),
	    TEST(by_tcp_there_must_be_a_verifier),
	    TEST(the_limit_is_not_the_consoles),
	    TEST(sessions_are_shown),
	    TEST(pages_have_each_session_once),
	    TEST(kill_ends_another_session),
	    TEST(nothing_is_held_by_who_is_idle),
	    TEST(a_console_may_leave_amid_a_task),
	    TEST(a_drain_ends_consoles),
	};

	return cmocka_run_group_tests_name("proxy/session/session_console",
					   tests, enter_folder,
					   certificates_leave_folder);
}
