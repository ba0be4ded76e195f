#include "proxy/http/http.h"

#include <sched.h>
#include <stdio.h>
#include <time.h>

#include "proxy/base/clock.h"
#include "proxy/http/http_facts.h"
#include "proxy/http/http_limit.h"
#include "proxy/net/resolver.h"
#include "proxy/pair/counts.h"
#include "tests/support/allocation.h"
#include "tests/support/capture.h"
#include "tests/support/generation.h"
#include "tests/support/local.h"
#include "tests/support/moved_clock.h"
#include "tests/support/names.h"

enum {
	ANSWER_BYTES = 64 * 1024,
	BYTE_MS = 10,
};

/* HTTP of a process with one worker, and the upstream that it looks at. */
struct fixture {
	struct endpoint upstream;
	struct endpoint served;
	struct config config;
	struct generation generation;
	struct daemon daemon;
	struct http *http;
	int upstream_listener;
	atomic_uint quits;
	char answer[ANSWER_BYTES];
};

static void
quit_asked(void *arg)
{
	struct fixture *f = arg;

	atomic_fetch_add(&f->quits, 1);
}

static void
start(struct fixture *f)
{
	f->http = http_start(&f->daemon, NULL, quit_asked, f);
	assert_non_null(f->http);
}

static int
setup(void **state)
{
	static char host[] = "127.0.0.1";
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	clock_reset();
	names_begin();
	f->upstream.host = host;
	f->upstream_listener = listen_locally(&f->upstream.port);
	f->served = (struct endpoint){.host = host, .port = local_free_port()};
	f->config = (struct config){
	    .upstream = &f->upstream,
	    .upstream_count = 1,
	    .http_listen = {&f->served, 1},
	    .http_admin = true,
	    .max_connections = 10,
	};
	f->daemon.start_config = &f->config;
	f->daemon.generations =
	    generation_store_lend(&f->generation, &f->config);
	f->daemon.worker_count = 1;
	f->daemon.resolver = resolver_new();
	f->daemon.counts =
	    aligned_alloc(_Alignof(struct counts), sizeof(struct counts));
	assert_non_null(f->daemon.resolver);
	assert_non_null(f->daemon.counts);
	memset(f->daemon.counts, 0, sizeof(struct counts));
	atomic_store(&f->daemon.is_listening, true);
	atomic_store(&f->daemon.has_listened, true);
	*state = f;
	return 0;
}

static int
setup_started(void **state)
{
	setup(state);
	start(*state);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	names_be(NAMES_UNKNOWN); /* whoever hangs goes on */
	http_stop(f->http);
	resolver_leave(f->daemon.resolver);
	free(f->daemon.counts);
	generation_store_free(f->daemon.generations);
	close(f->upstream_listener);
	free(f);
	return 0;
}

/* The answer to a request of these words, which may have headers. */
static const char *
ask(struct fixture *f, const char *request)
{
	char text[256];
	int fd = local_connect(f->served.port);
	int len = snprintf(text, sizeof(text), "%s\r\n\r\n", request);

	local_say(fd, text, (size_t)len);
	local_hear_end(fd, f->answer, sizeof(f->answer));
	close(fd);
	return f->answer;
}

static bool
is_answered(struct fixture *f, const char *request, const char *status)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "HTTP/1.1 %s ", status);

	return strncmp(ask(f, request), line, (size_t)len) == 0;
}

static const char *
body(const struct fixture *f)
{
	const char *end = strstr(f->answer, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static void
assert_answer(struct fixture *f, const char *request, const char *status,
	      const char *text)
{
	assert_true(is_answered(f, request, status));
	assert_string_equal(body(f), text);
}

static void
assert_header(const struct fixture *f, const char *header)
{
	char line[128];

	snprintf(line, sizeof(line), "\r\n%s\r\n", header);
	assert_non_null(strstr(f->answer, line));
}

static void
await_answer(struct fixture *f, const char *request, const char *status)
{
	time_t begin = time(NULL);

	while (!is_answered(f, request, status)) {
		assert_true(time(NULL) - begin < LOCAL_BOUND_MS / 1000);
		sched_yield();
	}
}

/* Sessions */

/* A mail_handler. */
static void
never(void *arg, const struct mail *mail)
{
	(void)arg;
	(void)mail;
	fail();
}

/* A worker whose loop does not turn. */
struct stuck {
	struct event_base *base;
	struct mailbox box;
	struct mailbox *boxes[1];
};

static void
stuck_begin(struct stuck *w, struct daemon *d)
{
	w->base = event_base_new();
	assert_non_null(w->base);
	assert_true(mailbox_open(&w->box, w->base, never, NULL));
	w->boxes[0] = &w->box;
	d->mailboxes = w->boxes;
}

static void
stuck_end(struct stuck *w)
{
	mailbox_close(&w->box);
	event_base_free(w->base);
}

static void
sessions_go_without_a_worker_that_is_stuck(void **state)
{
	struct fixture *f = *state;
	int fd = local_connect(f->served.port);
	static const char request[] = "GET /api/sessions HTTP/1.1\r\n\r\n";
	struct stuck w;

	stuck_begin(&w, &f->daemon);
	local_say(fd, request, sizeof(request) - 1);
	/* Nobody else waits for it. */
	assert_answer(f, "GET /live HTTP/1.1", "200", "ok\n");
	while (w.box.count == 0)
		sched_yield();
	clock_advance(60 * 1000);
	local_hear_end(fd, f->answer, sizeof(f->answer));
	assert_string_equal(body(f), "{\"count\":0,\"silent_workers\":1,"
				     "\"sessions\":[]}\n");
	assert_header(f, "Content-Type: application/json");
	close(fd);
	http_stop(f->http);
	f->http = NULL;
	stuck_end(&w);
}

static void
stop_answers_who_waits_for_sessions(void **state)
{
	struct fixture *f = *state;
	static const char request[] = "GET /api/sessions HTTP/1.1\r\n\r\n";
	struct stuck w;
	int fds[3];

	stuck_begin(&w, &f->daemon);
	for (size_t i = 0; i < 3; i++) {
		fds[i] = local_connect(f->served.port);
		local_say(fds[i], request, sizeof(request) - 1);
	}
	close(fds[0]); /* one has left */
	while (w.box.count == 0)
		sched_yield();
	http_stop(f->http);
	f->http = NULL;
	for (size_t i = 1; i < 3; i++)
		close(fds[i]);
	stuck_end(&w);
}

static void
parameter_of_sessions_is_limit_alone(void **state)
{
	static const char *const bad[] = {
	    "limit=0", "limit=201", "limit=",         "limit=x",
	    "id=5",    "limit=5&",  "limit=5&brief=1"};
	char request[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(request, sizeof(request),
			 "GET /api/sessions?%s HTTP/1.1", bad[i]);
		assert_answer(*state, request, "400",
			      "the parameter is limit, which is at most 200\n");
	}
}

/* Probes */

static void
live_says_so_and_no_cache_may_keep_it(void **state)
{
	struct fixture *f = *state;

	assert_answer(f, "GET /live HTTP/1.1", "200", "ok\n");
	assert_header(f, "Content-Type: text/plain; charset=utf-8");
	assert_header(f, "Cache-Control: no-store");
	assert_header(f, "X-Content-Type-Options: nosniff");
	assert_header(f, "Connection: close");
}

static void
head_gets_no_body(void **state)
{
	assert_answer(*state, "HEAD /live HTTP/1.1", "200", "");
}

static void
page_must_be_there_and_take_the_method(void **state)
{
	assert_answer(*state, "GET /nowhere HTTP/1.1", "404",
		      "there is no such page\n");
	assert_answer(*state, "POST /live HTTP/1.1\r\nContent-Length: 0", "405",
		      "another method\n");
}

static void
startup_is_over_once_it_has_listened(void **state)
{
	struct fixture *f = *state;

	atomic_store(&f->daemon.has_listened, false);
	assert_answer(f, "GET /startup HTTP/1.1", "503", "not listening\n");
	atomic_store(&f->daemon.has_listened, true);
	assert_answer(f, "GET /startup HTTP/1.1", "200", "ok\n");
}

static void
ready_needs_no_session_to_see_that_the_upstream_is_there(void **state)
{
	struct fixture *f = *state;

	close(local_accept(f->upstream_listener));
	await_answer(f, "GET /ready HTTP/1.1", "200");
	atomic_store(&f->daemon.connections, 10);
	assert_answer(f, "GET /ready HTTP/1.1", "503",
		      "max_connections is reached\n");
}

static void
ready_forgets_an_upstream_that_was_not_reached_lately(void **state)
{
	struct fixture *f = *state;

	await_answer(f, "GET /ready HTTP/1.1", "200");
	clock_advance(HTTP_REACHED_MS + 1);
	assert_answer(f, "GET /ready HTTP/1.1", "503",
		      "the upstream was not reached lately\n");
}

static void
ready_goes_by_sessions_where_the_look_fails(void **state)
{
	struct fixture *f = *state;

	f->upstream.port = local_free_port();
	start(f);
	assert_answer(f, "GET /ready HTTP/1.1", "503",
		      "the upstream was not reached lately\n");
	counts_note_reached(f->daemon.counts, clock_now_ms());
	assert_answer(f, "GET /ready HTTP/1.1", "200", "ok\n");
}

/* The answer to the look comes by the mailbox. */
static void
upstream_may_have_a_name(void **state)
{
	static char name[] = "upstream.example";
	struct fixture *f = *state;

	f->upstream.host = name;
	names_be(NAMES_KNOWN);
	start(f);
	close(local_accept(f->upstream_listener));
	await_answer(f, "GET /ready HTTP/1.1", "200");
	assert_int_equal(names_asked(), 1);
}

static void
stop_ends_a_look_that_hangs(void **state)
{
	static char name[] = "upstream.example";
	struct fixture *f = *state;

	f->upstream.host = name;
	start(f);
	http_stop(f->http);
	f->http = NULL;
	assert_int_equal(local_try_connect(f->served.port), -1);
}

static void
metrics_are_a_page_of_text(void **state)
{
	struct fixture *f = *state;

	counts_add(f->daemon.counts, COUNT_LOGINS, 3);
	atomic_store(&f->daemon.unplanned, 2);
	assert_true(is_answered(f, "GET /metrics HTTP/1.1", "200"));
	assert_header(f, "Content-Type: text/plain; version=0.0.4; "
			 "charset=utf-8");
	assert_non_null(strstr(body(f), "\nlockstep_logins_total 3\n"));
	assert_non_null(
	    strstr(body(f), "\nlockstep_unplanned_statements_total 2\n"));
	assert_non_null(
	    strstr(body(f), "\nlockstep_fleet_state{state=\"none\"} 1\n"));
}

static void
page_comes_with_its_policy(void **state)
{
	struct fixture *f = *state;

	assert_true(is_answered(f, "GET / HTTP/1.1", "200"));
	assert_header(f, "Content-Type: text/html; charset=utf-8");
	assert_header(f, "Cache-Control: no-store");
	assert_header(f, "Referrer-Policy: no-referrer");
	assert_non_null(strstr(f->answer, "\r\nContent-Security-Policy: "
					  "default-src 'none'; "));
	assert_non_null(strstr(body(f), "<!doctype html>"));
	assert_non_null(strstr(body(f), "</html>\n"));
}

static void
status_is_json(void **state)
{
	struct fixture *f = *state;

	counts_add(f->daemon.counts, COUNT_LOGINS, 3);
	assert_true(is_answered(f, "GET /api/status HTTP/1.1", "200"));
	assert_header(f, "Content-Type: application/json");
	assert_non_null(strstr(body(f), ",\"logins\":3,"));
	assert_answer(f, "GET /api/held HTTP/1.1", "200",
		      "{\"count\":0,\"held\":[]}\n");
	assert_answer(f, "GET /api/windows HTTP/1.1", "200",
		      "{\"windows\":[]}\n");
}

/* Requests that change something */

#define DRAIN "POST /drain HTTP/1.1\r\nContent-Length: 0"
#define QUIT "POST /quitquitquit HTTP/1.1\r\nContent-Length: 0"

static void
drain_makes_it_not_ready_and_says_so_once(void **state)
{
	struct fixture *f = *state;
	struct capture c = capture_begin();
	char *log;

	assert_answer(f, DRAIN, "200", "draining\n");
	assert_answer(f, DRAIN, "200", "draining\n");
	log = capture_end(&c);
	assert_true(atomic_load(&f->daemon.is_draining));
	assert_answer(f, "GET /ready HTTP/1.1", "503", "draining\n");
	assert_answer(f, "GET /live HTTP/1.1", "200", "ok\n");
	assert_non_null(strstr(log, "not ready from now on"));
	assert_null(strstr(strstr(log, "not ready from now on") + 1,
			   "not ready from now on"));
	free(log);
}

static void
quit_is_called_once_the_answer_is_on_its_way(void **state)
{
	struct fixture *f = *state;
	time_t begin = time(NULL);

	assert_answer(f, QUIT, "200", "stopping\n");
	while (atomic_load(&f->quits) == 0) {
		assert_true(time(NULL) - begin < LOCAL_BOUND_MS / 1000);
		sched_yield();
	}
	assert_int_equal(atomic_load(&f->quits), 1);
}

static void
nothing_is_changed_without_leave(void **state)
{
	static const char no[] = "only with http_admin = on, and not for pages "
				 "in a browser\n";
	struct fixture *f = *state;

	assert_answer(f, DRAIN "\r\nOrigin: http://example.com", "403", no);
	assert_answer(f, QUIT "\r\nSec-Fetch-Site: cross-site", "403", no);
	f->config.http_admin = false;
	assert_answer(f, DRAIN, "403", no);
	assert_false(atomic_load(&f->daemon.is_draining));
	assert_int_equal(atomic_load(&f->quits), 0);
}

/* How many, and for how long */

/* True once the other side has ended it; what it said is passed over. */
static bool
is_cut_off(int fd, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char text[1024];

	return poll(&p, 1, wait_ms) == 1 &&
	       recv(fd, text, sizeof(text), 0) <= 0;
}

static void
client_of_a_byte_now_and_then_is_cut_off(void **state)
{
	struct fixture *f = *state;
	int fd = local_connect(f->served.port);
	time_t begin = time(NULL);

	assert_false(is_cut_off(fd, BYTE_MS));
	clock_advance(HTTP_TIMEOUT_MS + 1);
	while (!is_cut_off(fd, BYTE_MS)) {
		assert_true(time(NULL) - begin < LOCAL_BOUND_MS / 1000);
		(void)send(fd, "G", 1, MSG_NOSIGNAL);
	}
	close(fd);
	assert_answer(f, "GET /live HTTP/1.1", "200", "ok\n");
}

/* Clients that say a byte now and then, so that evhttp itself waits on. */
struct crowd {
	int fds[HTTP_CONNECTIONS_MAX + HTTP_BACKLOG / 2];
	uint64_t age_ms;
};

enum {
	CROWD = sizeof(((struct crowd *)NULL)->fds) / sizeof(int),
};

static void
crowd_grows_older(struct crowd *c)
{
	for (size_t i = 0; i < CROWD; i++)
		(void)send(c->fds[i], "G", 1, MSG_NOSIGNAL);
	clock_advance(HTTP_CROWDED_MS);
	c->age_ms += HTTP_CROWDED_MS;
	assert_true(c->age_ms < HTTP_TIMEOUT_MS);
}

/* True if it is answered; the crowd grows older in each second in which nobody
 * says anything to it. */
static bool
probe_gets_in(struct fixture *f, struct crowd *c)
{
	static const char request[] = "GET /live HTTP/1.1\r\n\r\n";
	int fd = local_connect(f->served.port);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	local_say(fd, request, sizeof(request) - 1);
	do
		crowd_grows_older(c);
	while (poll(&p, 1, 1000) == 0);
	local_hear_end(fd, f->answer, sizeof(f->answer));
	close(fd);
	return f->answer[0] != '\0';
}

/* Long before the time of each of them is over. */
static void
crowd_does_not_keep_a_probe_out(void **state)
{
	struct fixture *f = *state;
	struct crowd c = {.age_ms = 0};

	for (size_t i = 0; i < CROWD; i++)
		c.fds[i] = local_connect(f->served.port);
	while (!probe_gets_in(f, &c))
		;
	assert_string_equal(body(f), "ok\n");
	for (size_t i = 0; i < CROWD; i++)
		close(c.fds[i]);
}

static void
stop_lets_go_of_clients(void **state)
{
	struct fixture *f = *state;
	int fd = local_connect(f->served.port);

	assert_answer(f, "GET /live HTTP/1.1", "200", "ok\n");
	http_stop(f->http);
	f->http = NULL;
	assert_true(is_cut_off(fd, LOCAL_BOUND_MS));
	close(fd);
}

/* Where it listens */

/* HTTP does not start, and says this in the log. */
static void
assert_fails(struct fixture *f, const char *why)
{
	struct capture c = capture_begin();
	char *log;

	f->http = http_start(&f->daemon, NULL, quit_asked, f);
	log = capture_end(&c);
	assert_null(f->http);
	if (strstr(log, why) == NULL)
		fail_msg("%s is not in %s", why, log);
	free(log);
}

static void
it_listens_at_each_address(void **state)
{
	struct fixture *f = *state;
	struct endpoint both[] = {f->served, f->served};

	both[1].port = local_free_port();
	f->config.http_listen = (struct endpoint_list){both, 2};
	start(f);
	for (size_t i = 0; i < 2; i++) {
		f->served.port = both[i].port;
		assert_answer(f, "GET /live HTTP/1.1", "200", "ok\n");
	}
}

static void
address_that_is_taken_is_a_fault(void **state)
{
	struct fixture *f = *state;
	int other = listen_locally(&f->served.port);

	assert_fails(f, "Address already in use (setting \"http_listen\")");
	close(other);
}

static void
name_that_nobody_knows_is_a_fault(void **state)
{
	static char name[] = "nowhere.example";
	struct fixture *f = *state;

	names_be(NAMES_UNKNOWN);
	f->served.host = name;
	assert_fails(f, "cannot listen at nowhere.example port");
}

static void
more_addresses_than_are_counted_are_a_fault(void **state)
{
	struct fixture *f = *state;
	struct endpoint many[HTTP_LISTENERS_MAX + 1];

	for (size_t i = 0; i < HTTP_LISTENERS_MAX + 1; i++) {
		many[i] = f->served;
		many[i].port = 0; /* any, and each another one */
	}
	f->config.http_listen =
	    (struct endpoint_list){many, HTTP_LISTENERS_MAX + 1};
	assert_fails(f, "too many addresses (setting \"http_listen\")");
}

static void
start_without_memory_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	unsigned after = 0;
	bool has_failed;

	do {
		allocation_fail_after(after++);
		f->http = http_start(&f->daemon, NULL, quit_asked, f);
		has_failed = allocation_restore();
		if (has_failed)
			http_stop(f->http);
	} while (has_failed);
	assert_non_null(f->http);
	assert_true(after > 1);
	assert_answer(f, "GET /live HTTP/1.1", "200", "ok\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_STARTED(name)                                                     \
	cmocka_unit_test_setup_teardown(name, setup_started, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST_STARTED(live_says_so_and_no_cache_may_keep_it),
	    TEST_STARTED(head_gets_no_body),
	    TEST_STARTED(page_must_be_there_and_take_the_method),
	    TEST_STARTED(startup_is_over_once_it_has_listened),
	    TEST_STARTED(
		ready_needs_no_session_to_see_that_the_upstream_is_there),
	    TEST_STARTED(ready_forgets_an_upstream_that_was_not_reached_lately),
	    TEST(ready_goes_by_sessions_where_the_look_fails),
	    TEST(upstream_may_have_a_name),
	    TEST(stop_ends_a_look_that_hangs),
	    TEST_STARTED(metrics_are_a_page_of_text),
	    TEST_STARTED(page_comes_with_its_policy),
	    TEST_STARTED(status_is_json),
	    TEST_STARTED(sessions_go_without_a_worker_that_is_stuck),
	    TEST_STARTED(stop_answers_who_waits_for_sessions),
	    TEST_STARTED(parameter_of_sessions_is_limit_alone),
	    TEST_STARTED(drain_makes_it_not_ready_and_says_so_once),
	    TEST_STARTED(quit_is_called_once_the_answer_is_on_its_way),
	    TEST_STARTED(nothing_is_changed_without_leave),
	    TEST_STARTED(client_of_a_byte_now_and_then_is_cut_off),
	    TEST_STARTED(crowd_does_not_keep_a_probe_out),
	    TEST_STARTED(stop_lets_go_of_clients),
	    TEST(it_listens_at_each_address),
	    TEST(address_that_is_taken_is_a_fault),
	    TEST(name_that_nobody_knows_is_a_fault),
	    TEST(more_addresses_than_are_counted_are_a_fault),
	    TEST(start_without_memory_leaves_nothing),
	};

	return cmocka_run_group_tests_name("proxy/http/http", tests, NULL,
					   NULL);
}
