#include "proxy/guard/exchange.h"

#include "tests/support/exchange.h"

static const struct {
	const char *lines;
	const char *script;
	const char *sees;
	const char *sees_unguarded; /* NULL: the same */
} without_memory[] = {
    {"Q drop table c",
     "settings: lock_order=a,b; attempt: 1; attempt: 0; look: young; "
     "look: young",
     "[DROP TABLE] ready-I", NULL},
    {"Q begin\n--\nQ drop table c\n--\nQ commit", "look: young; attempt: 1",
     "[BEGIN] ready-T [DROP TABLE] ready-T [COMMIT] ready-I", NULL},
    {"Q begin\n--\nQ drop table c", "settings: policy=reject",
     "[BEGIN] ready-T error 42501 ready-E",
     "[BEGIN] ready-T [DROP TABLE] ready-T"},
    {"P drop table c\nB\nE\nS", "attempt: 1", "1 2 [DROP TABLE] ready-I", NULL},
    {"Q drop table c", "plan: error 57014", "error 57014 ready-I",
     "[DROP TABLE] ready-I"},
    {"Q drop table c", "COMMIT: error 23503", "error 23503 ready-I",
     "[DROP TABLE] ready-I"},
};

/*
 * Let only the first `succeed` allocations succeed from when the statement is
 * guarded, if that is not 0.  True: one has failed.
 */
static bool
runs_with_allocations(size_t row, unsigned int succeed)
{
	struct scene *s =
	    scene_begin(without_memory[row].script, without_memory[row].lines);
	struct pair *p = scene_pair(s);
	bool has_failed;

	s->allocations = succeed;
	scene_run(s);
	has_failed = allocation_restore();
	if (pair_is_closing(p))
		assert_int_equal(p->farewell.reason, CLOSE_MEMORY);
	else if (strcmp(s->sees, without_memory[row].sees) != 0 &&
		 (succeed > 2 || without_memory[row].sees_unguarded == NULL ||
		  strcmp(s->sees, without_memory[row].sees_unguarded) != 0))
		fail_msg("row %zu, %u: %s", row, succeed, s->sees);
	scene_end(s);
	return has_failed;
}

static void
exchange_without_memory_closes_the_pair_or_runs(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(without_memory) / sizeof(*without_memory); i++) {
		unsigned int n = 1;

		while (runs_with_allocations(i, n))
			n++;
		assert_true(n > 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exchange_without_memory_closes_the_pair_or_runs),
	};

	return cmocka_run_group_tests_name("proxy/guard/exchange_memory", tests,
					   NULL, NULL);
}
