/*
 * The system's user database is this file's own: whatever a module of NSS may
 * say, or not say.
 */
#include "proxy/auth/system_user.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

enum {
	LONG_MS = 60000,
	WANTED_BYTES = 100 * 1024, /* for the texts of "large" */
};

/* Who hangs does so until the test has it. */
static pthread_mutex_t hanging = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_changed = PTHREAD_COND_INITIALIZER;
static bool is_let_go;
static bool takes_signals; /* of the process */

static void
hang(void)
{
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	pthread_mutex_lock(&hanging);
	takes_signals |= !sigismember(&blocked, SIGTERM);
	while (!is_let_go)
		pthread_cond_wait(&has_changed, &hanging);
	pthread_mutex_unlock(&hanging);
}

/* In the place of the C library's. */
int
getpwnam_r(const char *name, struct passwd *entry, char *texts, size_t size,
	   struct passwd **out)
{
	static int interrupts = 3;

	*out = NULL;
	memset(texts, 0, size);
	if (strcmp(name, "hangs") == 0)
		hang();
	if (strcmp(name, "endless") == 0 ||
	    (strcmp(name, "large") == 0 && size < WANTED_BYTES))
		return ERANGE;
	if (strcmp(name, "interrupted") == 0 && interrupts-- > 0)
		return EINTR;
	if (strcmp(name, "unreachable") == 0)
		return EIO;
	if (strcmp(name, "odd") == 0)
		return ENOENT;
	if (strcmp(name, "none") == 0)
		return 0;
	memset(entry, 0, sizeof(*entry));
	entry->pw_uid = (uid_t)strlen(name);
	*out = entry;
	return 0;
}

static struct system_user
find(const char *name)
{
	struct system_user u = {.name = name};

	system_users_find(&u, 1, LONG_MS);
	return u;
}

static void
system_users_find_tells_who_there_is(void **state)
{
	static const struct {
		const char *name;
		enum system_user_end end;
		int error;
	} rows[] = {
	    {"alice", SYSTEM_USER_FOUND, 0},
	    {"large", SYSTEM_USER_FOUND, 0},
	    {"interrupted", SYSTEM_USER_FOUND, 0},
	    {"none", SYSTEM_USER_NONE, 0},
	    {"odd", SYSTEM_USER_NONE, 0},
	    {"unreachable", SYSTEM_USER_FAILED, EIO},
	    {"endless", SYSTEM_USER_FAILED, ERANGE},
	};

	(void)state;
	system_users_find(NULL, 0, LONG_MS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct system_user u = find(rows[i].name);

		if (u.end != rows[i].end || u.error != rows[i].error)
			fail_msg("%s: %d %d", u.name, (int)u.end, u.error);
		if (u.end == SYSTEM_USER_FOUND)
			assert_int_equal(u.uid, strlen(u.name));
	}
}

/* All others are found; the thread may go on whenever it can. */
static void
system_users_find_waits_for_a_while_only(void **state)
{
	struct system_user users[] = {
	    {.name = "alice"}, {.name = "hangs"}, {.name = "bob"}};

	(void)state;
	do
		system_users_find(users, 3, 50);
	while (users[0].end != SYSTEM_USER_FOUND ||
	       users[2].end != SYSTEM_USER_FOUND);
	assert_int_equal(users[1].end, SYSTEM_USER_FAILED);
	assert_int_equal(users[1].error, ETIMEDOUT);
	assert_false(takes_signals);
	while (users[1].error == ETIMEDOUT)
		system_users_find(users + 1, 1, 1);
	assert_int_equal(users[1].error, EAGAIN);
	pthread_mutex_lock(&hanging);
	is_let_go = true;
	pthread_cond_broadcast(&has_changed);
	pthread_mutex_unlock(&hanging);
	do
		system_users_find(users, 3, LONG_MS);
	while (users[1].error == EAGAIN || users[2].error == EAGAIN);
	assert_int_equal(users[1].end, SYSTEM_USER_FOUND);
	assert_int_equal(users[2].end, SYSTEM_USER_FOUND);
}

static void
system_users_find_tells_a_lack_of_memory(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		allocation_fail_after(n);
		assert_int_equal(find("alice").error, ENOMEM);
		(void)allocation_restore();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(system_users_find_tells_who_there_is),
	    cmocka_unit_test(system_users_find_waits_for_a_while_only),
	    cmocka_unit_test(system_users_find_tells_a_lack_of_memory),
	};

	return cmocka_run_group_tests_name("proxy/auth/system_user", tests,
					   NULL, NULL);
}
