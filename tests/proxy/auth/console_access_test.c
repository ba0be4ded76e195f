#include "proxy/auth/console_access.h"

#include <pwd.h>
#include <unistd.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static char me[256];
static char nobody[] = "lockstep no such user";
static char both[] = "both";

static struct console_access *
access_of(char **admins, size_t admin_count, char **viewers,
	  size_t viewer_count)
{
	const struct config c = {
	    .admin_users = {admins, admin_count},
	    .stats_users = {viewers, viewer_count},
	};

	return console_access_new(&c, NULL, stderr);
}

static void
console_access_gives_rights_by_name(void **state)
{
	char *admins[] = {nobody, both};
	char *viewers[] = {both, me};
	struct console_access *a = access_of(admins, 2, viewers, 2);

	(void)state;
	assert_non_null(a);
	assert_int_equal(console_access_find(a, nobody), CONSOLE_MAY_ALL);
	assert_int_equal(console_access_find(a, both), CONSOLE_MAY_ALL);
	assert_int_equal(console_access_find(a, me), CONSOLE_MAY_LOOK);
	assert_int_equal(console_access_find(a, ""), CONSOLE_MAY_NOTHING);
	assert_int_equal(console_access_find(NULL, me), CONSOLE_MAY_NOTHING);
	console_access_free(a);
	console_access_free(NULL);
}

static void
console_access_knows_peers_by_uid(void **state)
{
	char *admins[] = {me, nobody};
	struct console_access *a = access_of(admins, 2, NULL, 0);

	(void)state;
	assert_non_null(a);
	assert_true(console_access_is_peer(a, me, geteuid()));
	assert_false(console_access_is_peer(a, me, geteuid() + 1));
	assert_false(console_access_is_peer(a, nobody, geteuid()));
	assert_false(console_access_is_peer(a, nobody, 0));
	assert_false(console_access_is_peer(a, "other", geteuid()));
	assert_false(console_access_is_peer(NULL, me, geteuid()));
	console_access_free(a);
}

/* Whatever their uids are now: of that name, and with the rights of now. */
static void
console_access_new_keeps_the_uids_that_are_known(void **state)
{
	char *then[] = {me};
	char *now[] = {nobody, me};
	struct console_access *known = access_of(then, 1, NULL, 0);
	const struct config c = {.stats_users = {now, 2}};
	struct console_access *a = console_access_new(&c, known, stderr);

	(void)state;
	console_access_free(known);
	assert_true(console_access_is_peer(a, me, geteuid()));
	assert_false(console_access_is_peer(a, nobody, geteuid()));
	assert_int_equal(console_access_find(a, me), CONSOLE_MAY_LOOK);
	console_access_free(a);
}

static void
console_access_new_may_find_no_memory(void **state)
{
	char *admins[] = {nobody};

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		allocation_fail_after(n);
		assert_null(access_of(admins, 1, NULL, 0));
		assert_true(allocation_restore());
	}
}

static int
find_me(void **state)
{
	const struct passwd *p = getpwuid(geteuid());

	(void)state;
	if (p == NULL)
		return -1;
	strncpy(me, p->pw_name, sizeof(me) - 1);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(console_access_gives_rights_by_name),
	    cmocka_unit_test(console_access_knows_peers_by_uid),
	    cmocka_unit_test(console_access_new_keeps_the_uids_that_are_known),
	    cmocka_unit_test(console_access_new_may_find_no_memory),
	};

	return cmocka_run_group_tests_name("proxy/auth/console_access", tests,
					   find_me, NULL);
}
