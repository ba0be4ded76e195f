/*
 * The whole proxy, in a child: a process of its own to signal, and to see the
 * status of.  The test plays its clients and its server.
 */
#include "proxy/server/server.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "proxy/http/http_client.h"
#include "tests/support/auth_file.h"
#include "tests/support/config.h"
#include "tests/support/local.h"
#include "tests/support/messages.h"

enum {
	SETTINGS_MAX = 16,
	SETTING_MAX = 160,
	LOG_BYTES = 64 * 1024,
	WAIT_NS = 2000000,
};

struct fixture {
	char settings[SETTINGS_MAX][SETTING_MAX];
	const char *sets[SETTINGS_MAX];
	size_t setting_count;
	struct config_sources sources; /* .file is the test's, or NULL */
	struct config *config;
	int upstream; /* listens */
	uint16_t port;
	rlim_t descriptors; /* that it may have; 0: as the test */
	pid_t child;        /* 0: none runs */
	int log_fd;
	char log[LOG_BYTES];
	int client; /* the session that has logged in last, or -1 */
	int server;
	char heard[1024];
};

__attribute__((format(printf, 2, 3))) static void
set(struct fixture *f, const char *format, ...)
{
	va_list args;

	assert_true(f->setting_count < SETTINGS_MAX);
	va_start(args, format);
	vsnprintf(f->settings[f->setting_count++], SETTING_MAX, format, args);
	va_end(args);
}

/* A test may set one of these anew. */
static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint16_t port;

	assert_non_null(f);
	f->client = -1;
	f->server = -1;
	f->upstream = listen_locally(&port);
	f->port = local_free_port();
	f->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(f->log_fd >= 0);
	set(f, "workers=2");
	set(f, "core_dumps=on"); /* who looks for leaks must trace it */
	set(f, "upstream=host=127.0.0.1 port=%u sslmode=disable", port);
	set(f, "listen=127.0.0.1:%u", f->port);
	set(f, "drain_timeout=1h");
	*state = f;
	return 0;
}

static void
hang_up(struct fixture *f)
{
	if (f->client >= 0)
		close(f->client);
	if (f->server >= 0)
		close(f->server);
	f->client = -1;
	f->server = -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	hang_up(f);
	if (f->child > 0) {
		kill(f->child, SIGKILL);
		waitpid(f->child, NULL, 0);
	}
	config_free(f->config);
	close(f->upstream);
	close(f->log_fd);
	free(f);
	return 0;
}

/* The process */

static void
load(struct fixture *f)
{
	for (size_t i = 0; i < f->setting_count; i++)
		f->sets[i] = f->settings[i];
	f->sources.sets = f->sets;
	f->sources.set_count = f->setting_count;
	f->config = assert_accepted(
	    config_load_from(f->sources.file, NULL, f->sets, f->setting_count));
}

static void
limit_descriptors(const struct fixture *f)
{
	struct rlimit limit = {f->descriptors, f->descriptors};

	if (f->descriptors > 0 && setrlimit(RLIMIT_NOFILE, &limit) != 0)
		exit(EXIT_FAILURE);
}

static void
begin(struct fixture *f)
{
	load(f);
	fflush(NULL);
	f->child = fork();
	assert_true(f->child >= 0);
	if (f->child > 0)
		return;
	dup2(f->log_fd, STDERR_FILENO);
	limit_descriptors(f);
	exit(server_run(f->config, &f->sources));
}

static const char *
read_log(struct fixture *f)
{
	ssize_t n = pread(f->log_fd, f->log, sizeof(f->log) - 1, 0);

	assert_true(n >= 0);
	f->log[n] = '\0';
	return f->log;
}

static void
assert_logged(struct fixture *f, const char *words)
{
	if (strstr(read_log(f), words) == NULL)
		fail_msg("\"%s\" is not in the log:\n%s", words, f->log);
}

typedef bool condition(struct fixture *f, const char *words);

static void
await(struct fixture *f, condition *is_met, const char *words)
{
	const struct timespec soon = {.tv_nsec = WAIT_NS};
	time_t begun = time(NULL);

	while (!is_met(f, words)) {
		if (time(NULL) - begun > LOCAL_BOUND_MS / 1000)
			fail_msg("not in time; the log:\n%s", read_log(f));
		(void)nanosleep(&soon, NULL);
	}
}

static bool
has_logged(struct fixture *f, const char *words)
{
	return strstr(read_log(f), words) != NULL;
}

static void
await_log(struct fixture *f, const char *words)
{
	await(f, has_logged, words);
}

static void
start(struct fixture *f)
{
	begin(f);
	await_log(f, " is ready, 2 workers");
}

static bool
has_ended(struct fixture *f, const char *status)
{
	int how;

	if (waitpid(f->child, &how, WNOHANG) == 0)
		return false;
	f->child = 0;
	if (!WIFEXITED(how) || WEXITSTATUS(how) != atoi(status))
		fail_msg("it ended by %#x; the log:\n%s", (unsigned)how,
			 read_log(f));
	return true;
}

/* The process ends well, and nobody listens there any more. */
static void
await_end(struct fixture *f)
{
	await(f, has_ended, "0");
	assert_logged(f, " stopped uptime_s=");
	assert_int_equal(local_try_connect(f->port), -1);
}

/* The process never serves, and says this in the log. */
static void
assert_fails(struct fixture *f, const char *words)
{
	begin(f);
	await(f, has_ended, "1");
	assert_logged(f, words);
	assert_null(strstr(f->log, " is ready, "));
}

static void
tell(struct fixture *f, int signal)
{
	assert_int_equal(kill(f->child, signal), 0);
}

/* Sessions */

static void
log_in_as(struct fixture *f, int client, const void *startup, size_t len)
{
	f->client = client;
	local_say(f->client, startup, len);
	f->server = local_accept(f->upstream);
	local_hear(f->server, startup, len);
	local_say(f->server, BYTES(AUTHENTICATED KEY READY));
	local_hear(f->client, BYTES(AUTHENTICATED KEY READY));
}

static void
log_in(struct fixture *f)
{
	log_in_as(f, local_connect(f->port), BYTES(STARTUP));
}

static void
query(struct fixture *f, const void *answer, size_t len)
{
	local_say(f->client, BYTES(QUERY));
	local_hear(f->server, BYTES(QUERY));
	local_say(f->server, answer, len);
	local_hear(f->client, answer, len);
}

static void
begin_transaction(struct fixture *f)
{
	log_in(f);
	query(f, BYTES(COMPLETE IN_BLOCK));
}

/* The session ends, as when an administrator has said so. */
static void
assert_shut_down(struct fixture *f)
{
	static const char code[] = "C57P01";

	local_hear_end(f->client, f->heard, sizeof(f->heard));
	assert_int_equal(f->heard[0], 'E');
	assert_non_null(memmem(f->heard, sizeof(f->heard), code, sizeof(code)));
}

/* How it stops */

static void
idle_sessions_end_with_it(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_logged(f, "upstream 127.0.0.1 port");
	log_in(f);
	tell(f, SIGTERM);
	assert_shut_down(f);
	await_end(f);
	assert_logged(f, "received Terminated");
	assert_logged(f, "waiting up to 3600000 ms for the transactions of 1 "
			 "sessions");
}

static void
transaction_may_end_but_nobody_new_comes(void **state)
{
	struct fixture *f = *state;

	start(f);
	begin_transaction(f);
	tell(f, SIGINT);
	await_log(f, "stopping: no new connections");
	assert_int_equal(local_try_connect(f->port), -1);
	query(f, BYTES(COMPLETE IN_BLOCK));
	query(f, BYTES(COMPLETE READY));
	assert_shut_down(f);
	await_end(f);
	assert_null(strstr(f->log, "drain_timeout is over"));
}

static void
transaction_has_drain_timeout_and_no_more(void **state)
{
	struct fixture *f = *state;

	set(f, "drain_timeout=10ms");
	start(f);
	begin_transaction(f);
	tell(f, SIGTERM);
	assert_shut_down(f);
	await_end(f);
	assert_logged(f, "drain_timeout is over, 1 sessions are closed");
}

static void
second_signal_ends_it_at_once(void **state)
{
	struct fixture *f = *state;

	start(f);
	begin_transaction(f);
	tell(f, SIGTERM);
	await_log(f, "stopping: no new connections");
	tell(f, SIGTERM);
	assert_shut_down(f);
	await_end(f);
	assert_logged(f, "stopping at once");
}

static void
clients_are_let_in_for_min_drain_time(void **state)
{
	struct fixture *f = *state;

	set(f, "min_drain_time=1h");
	start(f);
	tell(f, SIGTERM);
	await_log(f, "stopping: clients are let in for 3600000 ms more");
	begin_transaction(f);
	tell(f, SIGTERM);
	assert_shut_down(f);
	await_end(f);
}

static void
it_drains_behind_min_drain_time(void **state)
{
	struct fixture *f = *state;

	set(f, "min_drain_time=10ms");
	start(f);
	begin_transaction(f);
	tell(f, SIGTERM);
	await_log(f, "stopping: no new connections");
	query(f, BYTES(COMPLETE READY));
	assert_shut_down(f);
	await_end(f);
}

#define REPLICATION "\0\0\0\x23\0\3\0\0user\0joe\0replication\0true\0\0"
#define STREAM                                                                 \
	"Q\0\0\0\x16"                                                          \
	"START_REPLICATION\0"
#define COPY_BOTH "W\0\0\0\7\0\0\0"
#define COPY_DATA "d\0\0\0\5x"

static void
replication_ends_last(void **state)
{
	struct fixture *f = *state;
	int client;
	int server;

	start(f);
	log_in_as(f, local_connect(f->port), BYTES(REPLICATION));
	client = f->client;
	server = f->server;
	local_say(client, BYTES(STREAM));
	local_hear(server, BYTES(STREAM));
	local_say(server, BYTES(COPY_BOTH));
	local_hear(client, BYTES(COPY_BOTH));
	begin_transaction(f);
	tell(f, SIGTERM);
	await_log(f, "stopping: no new connections");
	local_say(server, BYTES(COPY_DATA));
	local_hear(client, BYTES(COPY_DATA));
	assert_null(strstr(read_log(f), "only replication is left"));
	query(f, BYTES(COMPLETE READY));
	assert_shut_down(f);
	hang_up(f);
	f->client = client;
	f->server = server;
	await_end(f);
	assert_logged(f, "only replication is left, which ends now");
}

/* Signals that stop nothing */

static void
write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
auth_file_is_reloaded_if_it_is_good(void **state)
{
	struct fixture *f = *state;

	write_file("users", "\"joe\" \"" X_VERIFIER "\"\n");
	set(f, "auth=scram");
	set(f, "auth_file=users");
	start(f);
	tell(f, SIGHUP);
	await_log(f, "configuration reloaded (generation 2): no setting has "
		     "changed");
	write_file("users", "joe\n");
	tell(f, SIGHUP);
	await_log(f, "not reloaded: ");
	assert_logged(f, "users");
	tell(f, SIGTERM);
	await_end(f);
	unlink("users");
}

static void
settings_are_reloaded_as_far_as_they_can_be(void **state)
{
	struct fixture *f = *state;

	f->sources.file = "conf";
	write_file("conf", "policy = hold\n");
	start(f);
	write_file("conf", "policy = lock\nunix_socket_mode = 0700\n"
			   "[rule]\npolicy = pass\n");
	tell(f, SIGHUP);
	await_log(f, "configuration reloaded (generation 2): changed policy, "
		     "rules\n");
	assert_logged(f, "parameter \"unix_socket_mode\" cannot be changed "
			 "without restarting");
	tell(f, SIGTERM);
	await_end(f);
	unlink("conf");
}

static void
settings_with_a_mistake_change_nothing(void **state)
{
	struct fixture *f = *state;

	f->sources.file = "conf";
	write_file("conf", "log_level = info\n");
	start(f);
	write_file("conf", "log_level = error\npolicy = lok\n");
	tell(f, SIGHUP);
	await_log(f, "configuration not reloaded: conf:2: policy: ");
	unlink("conf");
	tell(f, SIGHUP);
	await_log(f, "configuration not reloaded: conf: ");
	assert_int_equal(mkfifo("conf", 0600), 0);
	tell(f, SIGHUP);
	await_log(f, "configuration not reloaded: conf: a pipe can be read "
		     "once only");
	unlink("conf");
	tell(f, SIGTERM);
	await_log(f, "stopped"); /* which is of level info */
	await_end(f);
}

static void
auth_file_must_be_there(void **state)
{
	struct fixture *f = *state;

	set(f, "auth=scram");
	set(f, "auth_file=nowhere");
	assert_fails(f, "nowhere");
}

static void
sessions_are_described(void **state)
{
	struct fixture *f = *state;

	start(f);
	begin_transaction(f);
	tell(f, SIGUSR1);
	await_log(f, "user=joe database=joe");
	await_log(f, "passed so far");
	tell(f, SIGTERM);
	await_log(f, "stopping: no new connections");
	tell(f, SIGTERM);
	await_end(f);
}

/* The fleet's server is one that nobody reaches. */
static void
set_fleet(struct fixture *f, const char *key)
{
	set(f, "fleet=host=127.0.0.1 port=%u dbname=fleet user=fleet",
	    local_free_port());
	set(f, "fleet_key_file=%s", key);
}

static void
fleet_s_key_is_reloaded_if_it_is_good(void **state)
{
	struct fixture *f = *state;

	write_file("key", "0123456789abcdef\n");
	set_fleet(f, "key");
	start(f);
	tell(f, SIGHUP);
	await_log(f, "configuration reloaded (generation 2)");
	write_file("key", "short\n");
	tell(f, SIGHUP);
	await_log(f, "not reloaded: ");
	tell(f, SIGUSR1);
	await_log(f, "fleet state=");
	tell(f, SIGTERM);
	await_end(f);
	unlink("key");
}

static void
fleet_s_key_must_be_there(void **state)
{
	struct fixture *f = *state;

	set_fleet(f, "nowhere");
	assert_fails(f, "nowhere");
}

static void
http_tells_when_it_serves_and_stops_it(void **state)
{
	struct fixture *f = *state;

	set(f, "http_listen=127.0.0.1:%u", local_free_port());
	set(f, "http_admin=on");
	begin(f);
	assert_true(http_client_wait(f->config, LOCAL_BOUND_MS));
	close(local_accept(f->upstream)); /* it looks whether that is there */
	log_in(f);
	assert_true(http_client_shutdown(f->config));
	assert_shut_down(f);
	await_end(f);
}

static void
http_must_have_its_address(void **state)
{
	struct fixture *f = *state;
	uint16_t port;
	int other = listen_locally(&port);

	set(f, "http_listen=127.0.0.1:%u", port);
	assert_fails(f, "cannot listen at 127.0.0.1 port");
	close(other);
}

static void
descriptors_that_are_too_few_are_said(void **state)
{
	struct fixture *f = *state;

	f->descriptors = 256;
	set(f, "max_connections=256");
	start(f);
	assert_logged(f, "max_connections = 256 needs 576 file descriptors, "
			 "the limit is 256");
	log_in(f);
	tell(f, SIGTERM);
	await_end(f);
}

static void
encryption_of_the_server_has_threads_of_its_own(void **state)
{
	struct fixture *f = *state;

	set(f, "upstream=host=127.0.0.1 port=%u sslmode=require",
	    local_free_port());
	start(f);
	tell(f, SIGTERM);
	await_end(f);
}

/* Where it listens */

static void
address_must_not_be_another_s(void **state)
{
	struct fixture *f = *state;
	int other = listen_locally(&f->port);

	set(f, "listen=127.0.0.1:%u", f->port);
	assert_fails(f, "Address already in use (setting \"listen\")");
	close(other);
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_true(strlen(path) < sizeof(u.sun_path));
	strcpy(u.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&u, sizeof(u)), 0);
	return fd;
}

/* A socket's file that a process without an orderly end has left. */
static void
leave_socket(const char *path)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(u.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&u, sizeof(u)), 0);
	close(fd);
}

static void
socket_s_file_comes_and_goes_with_it(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", config_directory);
	leave_socket(path);
	set(f, "listen=%s:5432", config_directory);
	set(f, "unix_socket_mode=0700");
	start(f);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	log_in_as(f, connect_unix(path), BYTES(STARTUP));
	tell(f, SIGTERM);
	assert_shut_down(f);
	await_end(f);
	assert_int_equal(stat(path, &st), -1);
}

static void
socket_of_another_process_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct fixture *second;
	char path[64];

	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", config_directory);
	set(f, "listen=%s:5432", config_directory);
	start(f);
	setup((void **)&second);
	set(second, "listen=%s:5432", config_directory);
	assert_fails(second, "Address already in use (setting \"listen\")");
	teardown((void **)&second);
	log_in_as(f, connect_unix(path), BYTES(STARTUP));
	tell(f, SIGTERM);
	await_end(f);
}

static void
wait_sees_a_socket_without_a_file(void **state)
{
	struct fixture *f = *state;

	set(f, "listen=@lockstep-test-%d:5432", (int)getpid());
	begin(f);
	assert_true(http_client_wait(f->config, LOCAL_BOUND_MS));
	tell(f, SIGTERM);
	await_end(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(idle_sessions_end_with_it),
	    TEST(transaction_may_end_but_nobody_new_comes),
	    TEST(transaction_has_drain_timeout_and_no_more),
	    TEST(second_signal_ends_it_at_once),
	    TEST(clients_are_let_in_for_min_drain_time),
	    TEST(it_drains_behind_min_drain_time),
	    TEST(replication_ends_last),
	    TEST(auth_file_is_reloaded_if_it_is_good),
	    TEST(settings_are_reloaded_as_far_as_they_can_be),
	    TEST(settings_with_a_mistake_change_nothing),
	    TEST(auth_file_must_be_there),
	    TEST(sessions_are_described),
	    TEST(fleet_s_key_is_reloaded_if_it_is_good),
	    TEST(fleet_s_key_must_be_there),
	    TEST(http_tells_when_it_serves_and_stops_it),
	    TEST(http_must_have_its_address),
	    TEST(descriptors_that_are_too_few_are_said),
	    TEST(encryption_of_the_server_has_threads_of_its_own),
	    TEST(address_must_not_be_another_s),
	    TEST(socket_s_file_comes_and_goes_with_it),
	    TEST(socket_of_another_process_is_left_alone),
	    TEST(wait_sees_a_socket_without_a_file),
	};

	return cmocka_run_group_tests_name("proxy/server/server", tests,
					   config_enter_directory,
					   config_leave_directory);
}
