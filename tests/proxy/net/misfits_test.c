#include "proxy/net/misfits.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/support/test.h"

static struct misfits all;

static struct address
host_at(uint16_t port)
{
	struct address a = {.len = sizeof(struct sockaddr_in)};
	struct sockaddr_in *in = (struct sockaddr_in *)&a.address;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	return a;
}

static int
forget(void **state)
{
	(void)state;
	memset(&all, 0, sizeof(all));
	return 0;
}

static struct misfits_view
view(enum session_attrs attrs, const char *user)
{
	return misfits_view_of(&all, attrs, user, "d");
}

static void
misfits_have_what_was_added_until_it_is_removed(void **state)
{
	struct misfits_view v = view(SESSION_ATTRS_PRIMARY, "u");
	struct address here = host_at(1);
	struct address there = host_at(2);

	(void)state;
	assert_false(misfits_have(&v, &here));
	misfits_add(&v, MISFIT_FOR_ALL, &here);
	assert_true(misfits_have(&v, &here));
	assert_false(misfits_have(&v, &there));
	misfits_remove(&v, &there);
	assert_true(misfits_have(&v, &here));
	misfits_remove(&v, &here);
	assert_false(misfits_have(&v, &here));
}

/* A name belongs to the certificate, and is_tls to the connection. */
static void
misfits_know_a_host_by_its_address_alone(void **state)
{
	struct misfits_view v = view(SESSION_ATTRS_PRIMARY, "u");
	struct address here = host_at(1);

	(void)state;
	misfits_add(&v, MISFIT_FOR_ALL, &here);
	here.name = "db.test";
	here.is_tls = true;
	assert_true(misfits_have(&v, &here));
}

static void
misfits_are_for_all_users_or_for_one(void **state)
{
	struct misfits_view u = view(SESSION_ATTRS_READ_WRITE, "u");
	struct misfits_view other = view(SESSION_ATTRS_READ_WRITE, "other");
	struct address here = host_at(1);
	struct address there = host_at(2);

	(void)state;
	misfits_add(&u, MISFIT_FOR_LOGIN, &here);
	misfits_add(&u, MISFIT_FOR_ALL, &there);
	assert_true(misfits_have(&u, &here));
	assert_false(misfits_have(&other, &here));
	assert_true(misfits_have(&other, &there));
	misfits_remove(&u, &here);
	assert_false(misfits_have(&u, &here));
}

static void
misfits_are_for_what_was_asked_for(void **state)
{
	struct misfits_view primary = view(SESSION_ATTRS_PRIMARY, "u");
	struct misfits_view standby = view(SESSION_ATTRS_STANDBY, "u");
	struct address here = host_at(1);

	(void)state;
	misfits_add(&primary, MISFIT_FOR_ALL, &here);
	assert_false(misfits_have(&standby, &here));
}

static void
misfits_clear_forgets_all(void **state)
{
	struct misfits_view v = view(SESSION_ATTRS_PRIMARY, "u");
	uint16_t port;

	(void)state;
	for (port = 1; port < 100; port++) {
		struct address a = host_at(port);

		misfits_add(&v, port % 2, &a);
	}
	misfits_clear(&v);
	for (port = 1; port < 100; port++) {
		struct address a = host_at(port);

		assert_false(misfits_have(&v, &a));
	}
}

static void
misfits_of_nobody_stay_empty(void **state)
{
	struct misfits_view v =
	    misfits_view_of(NULL, SESSION_ATTRS_ANY, "u", "d");
	struct address here = host_at(1);

	(void)state;
	misfits_add(&v, MISFIT_FOR_ALL, &here);
	assert_false(misfits_have(&v, &here));
	misfits_remove(&v, &here);
	misfits_clear(&v);
}

#define TEST(name) cmocka_unit_test_setup(name, forget)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(misfits_have_what_was_added_until_it_is_removed),
	    TEST(misfits_know_a_host_by_its_address_alone),
	    TEST(misfits_are_for_all_users_or_for_one),
	    TEST(misfits_are_for_what_was_asked_for),
	    TEST(misfits_clear_forgets_all),
	    TEST(misfits_of_nobody_stay_empty),
	};

	return cmocka_run_group_tests_name("proxy/net/misfits", tests, NULL,
					   NULL);
}
