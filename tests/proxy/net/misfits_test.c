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
	assert_int_equal(misfits_rank(&v, &here), 0);
	misfits_add(&v, MISFIT_IS_OTHER, &here);
	assert_int_not_equal(misfits_rank(&v, &here), 0);
	assert_int_equal(misfits_rank(&v, &there), 0);
	misfits_remove(&v, &there);
	assert_int_not_equal(misfits_rank(&v, &here), 0);
	misfits_remove(&v, &here);
	assert_int_equal(misfits_rank(&v, &here), 0);
}

/* A name belongs to the certificate, and is_tls to the connection. */
static void
misfits_know_a_host_by_its_address_alone(void **state)
{
	struct misfits_view v = view(SESSION_ATTRS_PRIMARY, "u");
	struct address here = host_at(1);

	(void)state;
	misfits_add(&v, MISFIT_IS_OTHER, &here);
	here.name = "db.test";
	here.is_tls = true;
	assert_int_not_equal(misfits_rank(&v, &here), 0);
}

static void
misfits_are_for_all_users_or_for_one(void **state)
{
	struct misfits_view u = view(SESSION_ATTRS_READ_WRITE, "u");
	struct misfits_view other = view(SESSION_ATTRS_READ_WRITE, "other");
	struct address here = host_at(1);
	struct address there = host_at(2);

	(void)state;
	misfits_add(&u, MISFIT_BY_SETTING, &here);
	misfits_add(&u, MISFIT_IS_OTHER, &there);
	assert_int_not_equal(misfits_rank(&u, &here), 0);
	assert_int_equal(misfits_rank(&other, &here), 0);
	assert_int_not_equal(misfits_rank(&other, &there), 0);
	misfits_remove(&u, &here);
	assert_int_equal(misfits_rank(&u, &here), 0);
}

static void
misfits_are_for_what_was_asked_for(void **state)
{
	struct misfits_view primary = view(SESSION_ATTRS_PRIMARY, "u");
	struct misfits_view standby = view(SESSION_ATTRS_STANDBY, "u");
	struct address here = host_at(1);

	(void)state;
	misfits_add(&primary, MISFIT_IS_OTHER, &here);
	assert_int_equal(misfits_rank(&standby, &here), 0);
}

static void
misfits_rank_by_age_and_who_is_silent_first(void **state)
{
	struct misfits_view v = view(SESSION_ATTRS_READ_WRITE, "u");
	struct address hosts[] = {host_at(1), host_at(2), host_at(3)};

	(void)state;
	misfits_add(&v, MISFIT_IS_OTHER, &hosts[0]);
	misfits_add(&v, MISFIT_BY_SETTING, &hosts[1]);
	misfits_add(&v, MISFIT_IS_SILENT, &hosts[2]);
	assert_true(misfits_rank(&v, &hosts[0]) < misfits_rank(&v, &hosts[1]));
	assert_true(misfits_rank(&v, &hosts[2]) < misfits_rank(&v, &hosts[0]));
	misfits_add(&v, MISFIT_IS_OTHER, &hosts[0]);
	assert_true(misfits_rank(&v, &hosts[1]) < misfits_rank(&v, &hosts[0]));
}

/* Who was the primary before may be a standby now; a look at the one that is
 * known changes nothing. */
static void
misfits_forget_the_last_primary_for_a_new_one(void **state)
{
	struct misfits_view v = view(SESSION_ATTRS_STANDBY, "u");
	struct misfits_view other = view(SESSION_ATTRS_PRIMARY, "u");
	struct address last = host_at(1);
	struct address now = host_at(2);
	struct address odd = host_at(3);

	(void)state;
	misfits_add(&v, MISFIT_IS_PRIMARY, &last);
	misfits_add(&other, MISFIT_IS_OTHER, &last);
	misfits_add(&v, MISFIT_IS_PRIMARY, &now);
	assert_int_equal(misfits_rank(&v, &last), 0);
	assert_int_not_equal(misfits_rank(&v, &now), 0);
	assert_int_not_equal(misfits_rank(&other, &last), 0);
	misfits_add(&v, MISFIT_IS_OTHER, &odd);
	misfits_add(&v, MISFIT_IS_PRIMARY, &now);
	assert_int_not_equal(misfits_rank(&v, &odd), 0);
}

static void
misfits_of_nobody_stay_empty(void **state)
{
	struct misfits_view v =
	    misfits_view_of(NULL, SESSION_ATTRS_ANY, "u", "d");
	struct address here = host_at(1);

	(void)state;
	misfits_add(&v, MISFIT_IS_OTHER, &here);
	assert_int_equal(misfits_rank(&v, &here), 0);
	misfits_remove(&v, &here);
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
	    TEST(misfits_rank_by_age_and_who_is_silent_first),
	    TEST(misfits_forget_the_last_primary_for_a_new_one),
	    TEST(misfits_of_nobody_stay_empty),
	};

	return cmocka_run_group_tests_name("proxy/net/misfits", tests, NULL,
					   NULL);
}
