#include "proxy/guard/tell.h"

#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/guard/memory.h"
#include "tests/support/guarded.h"
#include "tests/support/test.h"

enum {
	STATEMENT = 7, /* the shape of the statement that was learned of */
};

static int
begin(void **state)
{
	struct guarded_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	guarded_fixture_begin(f);
	f->pair.daemon.memory = memory_new();
	memcpy(f->pair.pair.user, "joe", 4);
	*state = f;
	return f->pair.daemon.memory != NULL ? 0 : -1;
}

static int
end(void **state)
{
	struct guarded_fixture *f = *state;

	memory_free(f->pair.daemon.memory);
	guarded_fixture_end(f);
	free(f);
	return 0;
}

static void
learn_for(struct guarded_fixture *f, const char *user, const char *relation)
{
	struct memory_key key = {.database = "db",
				 .application_name = "app",
				 .statement = STATEMENT};
	char name[64];
	struct lock_item item = {
	    .name = name, .mode = LOCK_ACCESS_EXCLUSIVE, .is_lockable = true};
	const struct lock_set set = {&item, 1};

	snprintf(name, sizeof(name), "%s", relation);
	snprintf(key.user, sizeof(key.user), "%s", user);
	memory_learn(f->pair.daemon.memory, &key, &set, clock_now_ms());
}

static struct span
asked(struct guarded_fixture *f, uint64_t shape)
{
	char name[RECOLLECTION_NAME_BYTES];

	recollection_ask(name, shape);
	assert_true(tell_may_be_asked(span_of(name, strlen(name))));
	tell_memory(&f->guarded, span_of(name, strlen(name)));
	return pair_fixture_read(&f->pair, f->pair.client);
}

/* The text is somewhere in what the client got. */
static bool
tells(struct span got, const char *text)
{
	return got.len > 0 &&
	       memmem(got.data, got.len, text, strlen(text)) != NULL;
}

static void
tell_memory_tells_what_the_role_has_taught(void **state)
{
	struct guarded_fixture *f = *state;
	struct span got;

	learn_for(f, "joe", "s.joes");
	learn_for(f, "ann", "s.anns");
	got = asked(f, STATEMENT);
	assert_int_equal(got.data[0], 'N');
	assert_true(tells(got, RECOLLECTION_SQLSTATE));
	assert_true(tells(got, "Lockstep remembers 1 relation"));
	assert_true(tells(got, "AccessExclusiveLock, "));
	assert_true(tells(got, " ms ago: s.joes"));
	assert_true(tells(got, "Happ"));
	assert_false(tells(got, "s.anns"));
}

static void
tell_memory_says_that_it_knows_nothing(void **state)
{
	struct span got = asked(*state, STATEMENT);

	assert_true(tells(got, "Lockstep remembers 0 relations"));
}

static void
tell_memory_leaves_other_names_alone(void **state)
{
	struct guarded_fixture *f = *state;
	static const char name[] = "a name as long as the question itself";

	tell_memory(&f->guarded, span_of(name, RECOLLECTION_NAME_BYTES - 1));
	assert_int_equal(pair_fixture_read(&f->pair, f->pair.client).len, 0);
}

static void
tell_memory_keeps_out_of_other_answers(void **state)
{
	struct guarded_fixture *f = *state;

	f->pair.pair.from_server.pass_left = 1;
	assert_int_equal(asked(f, STATEMENT).len, 0);
	f->pair.pair.from_server.pass_left = 0;
	assert_true(kept_add(&f->guarded.kept, "P\0\0\0\4", 5));
	assert_int_equal(asked(f, STATEMENT).len, 0);
	kept_clear(&f->guarded.kept);
	pipeline_sent(&f->pair.pair.pipeline, FRONTEND_QUERY, PIPELINE_CLIENT);
	assert_int_equal(asked(f, STATEMENT).len, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(tell_memory_tells_what_the_role_has_taught),
	    TEST(tell_memory_says_that_it_knows_nothing),
	    TEST(tell_memory_leaves_other_names_alone),
	    TEST(tell_memory_keeps_out_of_other_answers),
	};

	return cmocka_run_group_tests_name("proxy/guard/tell", tests, NULL,
					   NULL);
}
