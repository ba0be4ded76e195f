#include "proxy/session/session_state.h"

#include <sys/mman.h>

#include "proxy/base/clock.h"
#include "tests/support/gate.h"
#include "tests/support/sessions.h"

enum {
	LOG_BYTES = 1024 * 1024,
};

/* Read the lines that the sessions of f write to standard error. */
static const char *
described(struct fixture *f)
{
	static char text[LOG_BYTES];
	int saved = dup(STDERR_FILENO);
	int fd = memfd_create("log", MFD_CLOEXEC);
	ssize_t n;

	assert_true(saved >= 0 && fd >= 0);
	dup2(fd, STDERR_FILENO);
	sessions_describe(&f->sessions);
	dup2(saved, STDERR_FILENO);
	n = pread(fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(saved);
	close(fd);
	return text;
}

static void
assert_described(struct fixture *f, const char *words)
{
	const char *text = described(f);

	if (strstr(text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, text);
}

static void
assert_waits(struct fixture *f, const char *state, const char *who)
{
	const char *text = described(f);
	char words[64];

	snprintf(words, sizeof(words), " state=%s ", state);
	assert_non_null(strstr(text, words));
	snprintf(words, sizeof(words), " waits_for=%s ", who);
	assert_non_null(strstr(text, words));
	assert_non_null(strstr(text, "described=1 idle=0 left_out=0"));
}

static void
describe_tells_who_a_login_waits_for(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	assert_waits(f, "startup", "client");
	assert_int_equal(write(f->client, BYTES(STARTUP)), sizeof(STARTUP) - 1);
	session_startup_readable(f->s);
	assert_waits(f, "dialing", "upstream");
	accept_server(f);
	run(f);
	assert_waits(f, "auth", "upstream");
	assert_described(f, " user=joe database=joe transaction=I ");
}

static void
describe_tells_who_a_handshake_waits_for(void **state)
{
	struct fixture *f = *state;

	connect_tcp(f);
	says(f, BYTES(SSL_REQUEST));
	assert_waits(f, "handshake", "client");
}

static void
describe_tells_who_a_cancel_request_waits_for(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	says(f, BYTES(CANCEL_REQUEST));
	assert_waits(f, "canceling", "upstream");
}

static void
describe_tells_who_a_closing_session_waits_for(void **state)
{
	struct fixture *f = *state;

	connect_locally(f);
	session_stop(f->s);
	assert_waits(f, "closing", "client");
}

static void
describe_only_counts_an_idle_session(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	assert_true(session_is_idle(f->s));
	assert_non_null(strstr(described(f), "worker=0 described=0 idle=1 "
					     "left_out=0 gate=open"));
	assert_null(strstr(described(f), "state="));
}

static void
describe_tells_what_is_outstanding(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	says(f, BYTES(QUERY QUERY));
	assert_waits(f, "ready", "upstream");
	assert_described(f, " outstanding=2 ");
	assert_false(session_is_idle(f->s));
}

static void
describe_tells_of_an_open_transaction(void **state)
{
	struct fixture *f = *state;

	log_in(f);
	says(f, BYTES(QUERY));
	serves(f, BYTES(COMPLETE IN_BLOCK));
	assert_gets(f, f->client, BYTES(COMPLETE IN_BLOCK));
	assert_waits(f, "ready", "client");
	assert_described(f, " transaction=T outstanding=0 ");
}

static void
describe_tells_what_the_gate_holds(void **state)
{
	struct fixture *f = *state;
	struct gate_names names = gate_fixture_names("a");

	log_in(f);
	lease_shut(&f->s->guarded.lease, &names,
		   clock_now_ms() + FIXTURE_LONG_MS);
	assert_waits(f, "ready", "client");
	assert_described(f, "keeps_gate=\"for a statement\"");
	log_in(f);
	says(f, BYTES("Q\0\0\0\xd"
		      "table  a\0"));
	assert_described(f, " waits_for=gate ");
	assert_described(f, "described=2 idle=0 left_out=0 gate=shut");
	assert_false(session_is_idle(f->s));
}

/* Logging takes time: those beyond a thousand are counted. */
static void
describe_leaves_out_what_is_too_much(void **state)
{
	struct fixture *f = *state;
	struct session *crowd = calloc(1001, sizeof(*crowd));

	assert_non_null(crowd);
	for (int i = 0; i < 1001; i++) {
		crowd[i].pair.pipeline.status = TRANSACTION_IDLE;
		LIST_INSERT_HEAD(&f->sessions.list, &crowd[i], link);
	}
	assert_described(f, "described=1000 idle=0 left_out=1 gate=open");
	LIST_INIT(&f->sessions.list);
	free(crowd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(describe_tells_who_a_login_waits_for),
	    TEST(describe_tells_who_a_handshake_waits_for),
	    TEST(describe_tells_who_a_cancel_request_waits_for),
	    TEST(describe_tells_who_a_closing_session_waits_for),
	    TEST(describe_only_counts_an_idle_session),
	    TEST(describe_tells_what_is_outstanding),
	    TEST(describe_tells_of_an_open_transaction),
	    TEST(describe_tells_what_the_gate_holds),
	    TEST(describe_leaves_out_what_is_too_much),
	};

	return cmocka_run_group_tests_name("proxy/session/session_describe",
					   tests, certificates_enter_folder,
					   certificates_leave_folder);
}
