#include "protocol/pipeline.h"

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static struct pipeline *
with(struct pipeline *p, const char *sent)
{
	pipeline_init(p);
	for (; *sent != '\0'; sent++)
		pipeline_sent(p, (uint8_t)*sent, PIPELINE_CLIENT);
	return p;
}

static void
assert_sane(const struct pipeline *p)
{
	assert_false(p->failed);
	assert_true(p->sent_seq - p->done_seq >= p->count);
	assert_true(p->count <= p->cap);
	if (pipeline_is_settled(p))
		assert_true(pipeline_is_quiet(p));
}

/* The next server message answers an entry of this type; or is its last. */
static void
answers(struct pipeline *p, uint8_t type, uint8_t entry, bool completes)
{
	struct pipeline_event e = pipeline_received(p, type, 'I');

	assert_int_equal(e.verdict, PIPELINE_ANSWER);
	assert_int_equal(e.entry, entry);
	assert_int_equal(e.completed, completes);
	assert_sane(p);
}

/* Each of these messages completes the entry of the same place. */
static void
complete(struct pipeline *p, const char *received, const char *entries)
{
	assert_int_equal(strlen(received), strlen(entries));
	for (; *received != '\0'; received++, entries++)
		answers(p, (uint8_t)*received, (uint8_t)*entries, true);
}

static void
pipeline_init_is_settled_and_idle(void **state)
{
	struct pipeline p;

	(void)state;
	pipeline_init(&p);
	assert_true(pipeline_is_quiet(&p));
	assert_true(pipeline_is_settled(&p));
	assert_false(pipeline_is_full(&p));
	assert_int_equal(p.status, TRANSACTION_IDLE);
	assert_sane(&p);
	pipeline_clear(&p);
}

static void
a_query_is_complete_with_ready_for_query(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "Q");
	assert_false(pipeline_is_quiet(&p));
	answers(&p, 'T', 'Q', false);
	answers(&p, 'D', 'Q', false);
	answers(&p, 'C', 'Q', false);
	answers(&p, 'I', 'Q', false);
	answers(&p, 'E', 'Q', false);
	answers(&p, 'Z', 'Q', true);
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
ready_for_query_sets_the_status(void **state)
{
	static const uint8_t statuses[] = {'T', 'E', 'I'};
	struct pipeline p;

	(void)state;
	pipeline_init(&p);
	for (size_t i = 0; i < sizeof(statuses); i++) {
		pipeline_sent(&p, 'Q', PIPELINE_CLIENT);
		pipeline_received(&p, 'C', 'x');
		pipeline_received(&p, 'Z', statuses[i]);
		assert_int_equal(p.status, statuses[i]);
	}
	pipeline_clear(&p);
}

static void
ready_for_query_with_an_unknown_status_is_a_mismatch(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "Q");
	assert_int_equal(pipeline_received(&p, 'Z', 'x').verdict,
			 PIPELINE_MISMATCH);
	pipeline_clear(&p);
}

static void
an_extended_cycle_is_answered_message_by_message(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "PBDE");
	assert_true(p.tail_open);
	assert_true(p.tail_began);
	pipeline_sent(&p, 'S', PIPELINE_CLIENT);
	assert_false(p.tail_open);
	assert_false(p.tail_began);
	complete(&p, "12", "PB");
	answers(&p, 'T', 'D', true);
	answers(&p, 'D', 'E', false);
	complete(&p, "CZ", "ES");
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
describe_of_a_statement_has_two_answers(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "DDCS");
	answers(&p, 't', 'D', false);
	answers(&p, 'T', 'D', true);
	answers(&p, 't', 'D', false);
	answers(&p, 'n', 'D', true);
	complete(&p, "3Z", "CS");
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
execute_is_complete_in_any_of_three_ways(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "EEES");
	answers(&p, 'D', 'E', false);
	complete(&p, "sICZ", "EEES");
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
a_function_call_is_complete_with_ready_for_query(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "FF");
	answers(&p, 'V', 'F', false);
	answers(&p, 'Z', 'F', true);
	answers(&p, 'E', 'F', false);
	answers(&p, 'Z', 'F', true);
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
a_cycle_without_sync_is_quiet_but_not_settled(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "P");
	assert_false(p.tail_began);
	complete(&p, "1", "P");
	assert_true(pipeline_is_quiet(&p));
	assert_false(pipeline_is_settled(&p));
	pipeline_sent(&p, 'Q', PIPELINE_CLIENT);
	answers(&p, 'Z', 'Q', true);
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
types_that_are_never_answered_may_be_told(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "HXdpcf");
	assert_true(pipeline_is_settled(&p));
	assert_int_equal(p.sent_seq, 0);
	pipeline_clear(&p);
}

static void
an_error_in_extended_messages_drops_all_until_sync(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "PBEQPSQ");
	complete(&p, "1", "P");
	answers(&p, 'E', 'B', true);
	answers(&p, 'Z', 'S', true);
	answers(&p, 'Z', 'Q', true);
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
after_an_error_nothing_counts_until_a_sync_is_sent(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "P");
	answers(&p, 'E', 'P', true);
	assert_true(p.skipping);
	assert_false(pipeline_is_settled(&p));
	pipeline_sent(&p, 'B', PIPELINE_CLIENT);
	pipeline_sent(&p, 'Q', PIPELINE_CLIENT);
	pipeline_sent(&p, 'F', PIPELINE_CLIENT);
	pipeline_sent(&p, 'c', PIPELINE_CLIENT);
	assert_true(pipeline_is_quiet(&p));
	assert_false(pipeline_is_settled(&p));
	pipeline_sent(&p, 'S', PIPELINE_CLIENT);
	answers(&p, 'Z', 'S', true);
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
an_error_in_sync_leaves_its_ready_for_query(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "ESQ");
	complete(&p, "C", "E");
	answers(&p, 'E', 'S', false);
	complete(&p, "ZZ", "SQ");
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
an_error_with_nothing_outstanding_is_fatal(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "");
	assert_int_equal(pipeline_received(&p, 'E', 0).verdict, PIPELINE_FATAL);
	pipeline_clear(&p);
}

static void
asynchronous_messages_belong_to_no_entry(void **state)
{
	static const uint8_t types[] = {'N', 'A', 'S'};
	struct pipeline p;

	(void)state;
	with(&p, "");
	for (size_t i = 0; i < sizeof(types); i++) {
		struct pipeline_event e = pipeline_received(&p, types[i], 0);

		assert_int_equal(e.verdict, PIPELINE_ASYNC);
		assert_int_equal(e.owner, PIPELINE_CLIENT);
	}
	pipeline_sent(&p, 'Q', PIPELINE_PROXY);
	pipeline_sent(&p, 'Q', PIPELINE_CLIENT);
	for (size_t i = 0; i < sizeof(types); i++) {
		struct pipeline_event e = pipeline_received(&p, types[i], 0);

		assert_int_equal(e.verdict, PIPELINE_ASYNC);
		assert_int_equal(e.owner, PIPELINE_PROXY);
		assert_false(e.completed);
	}
	assert_int_equal(p.count, 2);
	pipeline_clear(&p);
}

static void
each_answer_has_the_owner_of_its_entry(void **state)
{
	static const enum pipeline_owner owners[] = {
	    PIPELINE_PROXY, PIPELINE_CLIENT, PIPELINE_PROXY};
	struct pipeline p;

	(void)state;
	pipeline_init(&p);
	for (size_t i = 0; i < 3; i++)
		pipeline_sent(&p, 'Q', owners[i]);
	for (size_t i = 0; i < 3; i++) {
		struct pipeline_event e = pipeline_received(&p, 'C', 0);

		assert_int_equal(e.owner, owners[i]);
		assert_int_equal(e.entry, 'Q');
		e = pipeline_received(&p, 'Z', 'I');
		assert_int_equal(e.owner, owners[i]);
		assert_true(e.completed);
	}
	pipeline_clear(&p);
}

static const struct {
	const char *sent;
	const char *mismatches;
} mismatches[] = {
    {"", "123CDGHITVWZcdnst"}, {"Q", "123Vnt"},
    {"P", "23CDGHITVWZcdnst"}, {"B", "13CDGHITVWZcdnst"},
    {"C", "12CDGHITVWZcdnst"}, {"D", "123CDGHIVWZcds"},
    {"E", "123TVZnt"},         {"F", "123CDGHITWcdnst"},
    {"S", "123CDGHITVWcdnst"},
};

static void
an_answer_that_no_entry_asked_for_is_a_mismatch(void **state)
{
	size_t count = sizeof(mismatches) / sizeof(mismatches[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const char *type = mismatches[i].mismatches;

		for (; *type != '\0'; type++) {
			struct pipeline p;
			struct pipeline_event e;

			with(&p, mismatches[i].sent);
			e = pipeline_received(&p, (uint8_t)*type, 'I');
			if (e.verdict != PIPELINE_MISMATCH)
				fail_msg("%c to '%s'", *type,
					 mismatches[i].sent);
			pipeline_clear(&p);
		}
	}
}

static void
copy_in_by_query_ends_with_copy_done(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "Q");
	answers(&p, 'G', 'Q', false);
	assert_true(p.in_copy);
	pipeline_sent(&p, 'd', PIPELINE_CLIENT);
	pipeline_sent(&p, 'S', PIPELINE_CLIENT);
	assert_int_equal(p.count, 1);
	pipeline_sent(&p, 'c', PIPELINE_CLIENT);
	assert_false(p.in_copy);
	answers(&p, 'C', 'Q', false);
	answers(&p, 'Z', 'Q', true);
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
copy_in_by_execute_swallows_the_sync_behind_it(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "PBES");
	complete(&p, "12", "PB");
	answers(&p, 'G', 'E', false);
	assert_int_equal(p.count, 1);
	pipeline_sent(&p, 'c', PIPELINE_CLIENT);
	pipeline_sent(&p, 'S', PIPELINE_CLIENT);
	complete(&p, "CZ", "ES");
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
copy_in_sent_all_at_once_is_settled_at_its_end(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "PBESdcS");
	complete(&p, "12", "PB");
	answers(&p, 'G', 'E', false);
	complete(&p, "CZ", "ES");
	assert_true(pipeline_is_quiet(&p));
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
copy_fail_is_answered_by_an_error(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "Q");
	answers(&p, 'G', 'Q', false);
	pipeline_sent(&p, 'f', PIPELINE_CLIENT);
	answers(&p, 'E', 'Q', false);
	answers(&p, 'Z', 'Q', true);
	with(&p, "ES");
	answers(&p, 'G', 'E', false);
	pipeline_sent(&p, 'f', PIPELINE_CLIENT);
	pipeline_sent(&p, 'S', PIPELINE_CLIENT);
	answers(&p, 'E', 'E', true);
	answers(&p, 'Z', 'S', true);
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

/*
 * CopyFrom sends CopyInResponse first and complains of a view, or runs the
 * triggers BEFORE STATEMENT, before it reads: the Sync that came with the
 * Execute is then answered, not swallowed.
 */
static void
an_error_before_copy_reads_leaves_the_sync_its_answer(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "PBES");
	complete(&p, "12", "PB");
	answers(&p, 'G', 'E', false);
	answers(&p, 'E', 'E', true);
	answers(&p, 'Z', 'S', true);
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

/* The same, with what libpq sends as the end of the copy on its way. */
static void
an_error_before_copy_reads_answers_both_syncs(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "PBES");
	complete(&p, "12", "PB");
	answers(&p, 'G', 'E', false);
	pipeline_sent(&p, 'c', PIPELINE_CLIENT);
	pipeline_sent(&p, 'S', PIPELINE_CLIENT);
	answers(&p, 'E', 'E', true);
	answers(&p, 'Z', 'S', true);
	answers(&p, 'Z', 'S', true);
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
a_failed_copy_promises_no_second_ready_for_query(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "ES");
	answers(&p, 'G', 'E', false);
	pipeline_sent(&p, 'c', PIPELINE_CLIENT);
	pipeline_sent(&p, 'S', PIPELINE_CLIENT);
	answers(&p, 'E', 'E', true);
	answers(&p, 'Z', 'S', true);
	assert_true(pipeline_is_settled(&p));
	pipeline_sent(&p, 'Q', PIPELINE_CLIENT);
	answers(&p, 'C', 'Q', false);
	answers(&p, 'Z', 'Q', true);
	assert_int_equal(pipeline_received(&p, 'Z', 'I').verdict,
			 PIPELINE_MISMATCH);
	pipeline_clear(&p);
}

static void
a_copy_end_outside_a_copy_is_ignored(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "QcQfS");
	answers(&p, 'E', 'Q', false);
	complete(&p, "ZZZ", "QQS");
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
two_copies_of_one_query_take_two_copy_ends(void **state)
{
	struct pipeline p;

	(void)state;
	with(&p, "QccQ");
	answers(&p, 'G', 'Q', false);
	answers(&p, 'C', 'Q', false);
	answers(&p, 'G', 'Q', false);
	assert_false(p.in_copy);
	answers(&p, 'C', 'Q', false);
	complete(&p, "ZZ", "QQ");
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
copy_out_and_copy_both_are_answers(void **state)
{
	static const char messages[] = "HddcC";
	struct pipeline p;

	(void)state;
	with(&p, "QES");
	for (const char *m = messages; *m != '\0'; m++)
		answers(&p, (uint8_t)*m, 'Q', false);
	complete(&p, "Z", "Q");
	answers(&p, 'H', 'E', false);
	answers(&p, 'd', 'E', false);
	answers(&p, 'c', 'E', false);
	complete(&p, "CZ", "ES");
	with(&p, "Q");
	answers(&p, 'W', 'Q', false);
	pipeline_sent(&p, 'd', PIPELINE_CLIENT);
	answers(&p, 'd', 'Q', false);
	pipeline_sent(&p, 'c', PIPELINE_CLIENT);
	answers(&p, 'c', 'Q', false);
	answers(&p, 'C', 'Q', false);
	complete(&p, "Z", "Q");
	assert_true(pipeline_is_settled(&p));
	pipeline_clear(&p);
}

static void
an_entry_is_complete_when_done_seq_has_reached_its_number(void **state)
{
	struct pipeline p;
	uint64_t execute, sync;

	(void)state;
	with(&p, "E");
	execute = p.sent_seq;
	pipeline_sent(&p, 'S', PIPELINE_CLIENT);
	pipeline_sent(&p, 'c', PIPELINE_CLIENT);
	pipeline_sent(&p, 'S', PIPELINE_CLIENT);
	sync = p.sent_seq;
	pipeline_received(&p, 'G', 0);
	assert_true(p.done_seq < execute);
	pipeline_received(&p, 'C', 0);
	assert_true(p.done_seq >= execute);
	assert_true(p.done_seq < sync);
	pipeline_received(&p, 'Z', 'I');
	assert_true(p.done_seq >= sync);
	pipeline_clear(&p);
}

static void
entries_wrap_around_and_keep_their_order(void **state)
{
	struct pipeline p;

	(void)state;
	pipeline_init(&p);
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i <= round % PIPELINE_INLINE; i++)
			pipeline_sent(&p, i % 2 ? 'P' : 'C', PIPELINE_CLIENT);
		for (unsigned i = 0; i <= round % PIPELINE_INLINE; i++)
			complete(&p, i % 2 ? "1" : "3", i % 2 ? "P" : "C");
		assert_null(p.ring);
	}
	pipeline_clear(&p);
}

static void
entries_survive_growth_from_any_head(void **state)
{
	(void)state;
	for (unsigned head = 0; head < PIPELINE_INLINE; head++) {
		struct pipeline p;

		pipeline_init(&p);
		for (unsigned i = 0; i < head; i++)
			pipeline_sent(&p, 'B', PIPELINE_PROXY);
		for (unsigned i = 0; i < 500; i++)
			pipeline_sent(&p, i % 3 ? 'P' : 'C', PIPELINE_CLIENT);
		for (unsigned i = 0; i < head; i++)
			complete(&p, "2", "B");
		for (unsigned i = 0; i < 500; i++)
			complete(&p, i % 3 ? "1" : "3", i % 3 ? "P" : "C");
		assert_true(pipeline_is_quiet(&p));
		assert_null(p.ring);
		pipeline_clear(&p);
	}
}

static void
a_pipeline_is_full_at_its_bound_and_bears_some_more(void **state)
{
	struct pipeline p;

	(void)state;
	pipeline_init(&p);
	for (unsigned i = 0; i < PIPELINE_MAX - 1; i++)
		pipeline_sent(&p, 'P', PIPELINE_CLIENT);
	assert_false(pipeline_is_full(&p));
	pipeline_sent(&p, 'P', PIPELINE_CLIENT);
	assert_true(pipeline_is_full(&p));
	for (unsigned i = 0; i < PIPELINE_MAX; i++)
		pipeline_sent(&p, 'P', PIPELINE_CLIENT);
	assert_sane(&p);
	for (unsigned i = 0; i < 100 * PIPELINE_MAX && !p.failed; i++)
		pipeline_sent(&p, 'P', PIPELINE_CLIENT);
	assert_true(p.failed);
	pipeline_clear(&p);
	assert_true(pipeline_is_settled(&p));
}

static void
a_failed_allocation_sets_failed(void **state)
{
	struct pipeline p;

	(void)state;
	pipeline_init(&p);
	allocation_fail_after(0);
	for (unsigned i = 0; i < PIPELINE_INLINE; i++)
		pipeline_sent(&p, 'P', PIPELINE_CLIENT);
	assert_false(p.failed);
	pipeline_sent(&p, 'P', PIPELINE_CLIENT);
	assert_true(allocation_restore());
	assert_true(p.failed);
	assert_int_equal(p.count, PIPELINE_INLINE);
	pipeline_clear(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pipeline_init_is_settled_and_idle),
	    cmocka_unit_test(a_query_is_complete_with_ready_for_query),
	    cmocka_unit_test(ready_for_query_sets_the_status),
	    cmocka_unit_test(
		ready_for_query_with_an_unknown_status_is_a_mismatch),
	    cmocka_unit_test(an_extended_cycle_is_answered_message_by_message),
	    cmocka_unit_test(describe_of_a_statement_has_two_answers),
	    cmocka_unit_test(execute_is_complete_in_any_of_three_ways),
	    cmocka_unit_test(a_function_call_is_complete_with_ready_for_query),
	    cmocka_unit_test(a_cycle_without_sync_is_quiet_but_not_settled),
	    cmocka_unit_test(types_that_are_never_answered_may_be_told),
	    cmocka_unit_test(
		an_error_in_extended_messages_drops_all_until_sync),
	    cmocka_unit_test(
		after_an_error_nothing_counts_until_a_sync_is_sent),
	    cmocka_unit_test(an_error_in_sync_leaves_its_ready_for_query),
	    cmocka_unit_test(an_error_with_nothing_outstanding_is_fatal),
	    cmocka_unit_test(asynchronous_messages_belong_to_no_entry),
	    cmocka_unit_test(each_answer_has_the_owner_of_its_entry),
	    cmocka_unit_test(an_answer_that_no_entry_asked_for_is_a_mismatch),
	    cmocka_unit_test(copy_in_by_query_ends_with_copy_done),
	    cmocka_unit_test(copy_in_by_execute_swallows_the_sync_behind_it),
	    cmocka_unit_test(copy_in_sent_all_at_once_is_settled_at_its_end),
	    cmocka_unit_test(copy_fail_is_answered_by_an_error),
	    cmocka_unit_test(
		an_error_before_copy_reads_leaves_the_sync_its_answer),
	    cmocka_unit_test(an_error_before_copy_reads_answers_both_syncs),
	    cmocka_unit_test(a_failed_copy_promises_no_second_ready_for_query),
	    cmocka_unit_test(a_copy_end_outside_a_copy_is_ignored),
	    cmocka_unit_test(two_copies_of_one_query_take_two_copy_ends),
	    cmocka_unit_test(copy_out_and_copy_both_are_answers),
	    cmocka_unit_test(
		an_entry_is_complete_when_done_seq_has_reached_its_number),
	    cmocka_unit_test(entries_wrap_around_and_keep_their_order),
	    cmocka_unit_test(entries_survive_growth_from_any_head),
	    cmocka_unit_test(
		a_pipeline_is_full_at_its_bound_and_bears_some_more),
	    cmocka_unit_test(a_failed_allocation_sets_failed),
	};

	return cmocka_run_group_tests_name("protocol/pipeline", tests, NULL,
					   NULL);
}
