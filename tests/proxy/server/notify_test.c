#include "proxy/server/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/test.h"

#define SOCKET "@lockstep-notify-test"

/* The manager's end. */
static int
listen_as_manager(void)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(u.sun_path, SOCKET, sizeof(SOCKET) - 1);
	u.sun_path[0] = '\0';
	assert_true(fd >= 0);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&u,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			     sizeof(SOCKET) - 1)),
	    0);
	return fd;
}

static int
clear_environment(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static void
assert_hears(int fd, const char *front)
{
	char text[1024];
	ssize_t len = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	assert_true(len > 0);
	text[len] = '\0';
	assert_int_equal(strncmp(text, front, strlen(front)), 0);
}

static void
notify_tells_whom_the_environment_names(void **state)
{
	int fd = listen_as_manager();
	char long_text[2000];
	struct notify n;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	setenv("NOTIFY_SOCKET", SOCKET, 1);
	notify_open(&n);
	notify_tell(&n, "READY=%d", 1);
	assert_hears(fd, "READY=1");
	notify_reloading(&n);
	assert_hears(fd, "RELOADING=1\nMONOTONIC_USEC=");
	notify_tell(&n, "STATUS=%s", long_text);
	assert_hears(fd, "STATUS=xxx");
	notify_close(&n);
	notify_tell(&n, "READY=1");
	assert_int_equal(recv(fd, long_text, 1, MSG_DONTWAIT), -1);
	close(fd);
}

static void
notify_tells_nobody_who_is_not_named_rightly(void **state)
{
	static const char *const wrong[] = {"", "/", "@", "notify",
					    "vsock:2:3"};
	char too_long[200];
	struct notify n;
	size_t i;

	(void)state;
	notify_open(&n);
	assert_true(n.fd < 0);
	notify_tell(&n, "READY=1");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setenv("NOTIFY_SOCKET", wrong[i], 1);
		notify_open(&n);
		assert_true(n.fd < 0);
	}
	memset(too_long, '/', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	setenv("NOTIFY_SOCKET", too_long, 1);
	notify_open(&n);
	assert_true(n.fd < 0);
}

static void
assert_watchdog(const char *usec, const char *pid, uint64_t expected)
{
	struct notify n;

	setenv("NOTIFY_SOCKET", SOCKET, 1);
	setenv("WATCHDOG_USEC", usec, 1);
	if (pid != NULL)
		setenv("WATCHDOG_PID", pid, 1);
	else
		unsetenv("WATCHDOG_PID");
	notify_open(&n);
	assert_int_equal(n.watchdog_us, expected);
	notify_close(&n);
}

static void
notify_reads_the_watchdog_that_is_meant_for_it(void **state)
{
	char self[32];

	(void)state;
	snprintf(self, sizeof(self), "%d", (int)getpid());
	assert_watchdog("30000000", NULL, 30000000);
	assert_watchdog("30000000", self, 30000000);
	assert_watchdog("30000000", "1", 0);
	assert_watchdog("30000000", "", 0);
	assert_watchdog("", NULL, 0);
	assert_watchdog("-1", NULL, 0);
	assert_watchdog("1s", NULL, 0);
	assert_watchdog("99999999999999999999999", NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(notify_tells_whom_the_environment_names,
				   clear_environment),
	    cmocka_unit_test_setup(notify_tells_nobody_who_is_not_named_rightly,
				   clear_environment),
	    cmocka_unit_test_setup(
		notify_reads_the_watchdog_that_is_meant_for_it,
		clear_environment),
	};

	return cmocka_run_group_tests_name("proxy/server/notify", tests, NULL,
					   NULL);
}
