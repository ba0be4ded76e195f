#include "proxy/guard/prepared.h"

#include <stdio.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"

static struct span
text(const char *name)
{
	return span_of(name, strlen(name));
}

/* One use of the facts of a real statement: what leaks, leaks for real. */
static struct prepared_facts *
facts_new(void)
{
	static const char sql[] = "drop table a, b";
	struct statement_list list = {0};
	struct prepared_facts *facts;

	assert_int_equal(statement_list_parse(&list, sql, strlen(sql),
					      GUARD_SCOPE_DROPS,
					      STATEMENT_PARSE_BYTES_DEFAULT),
			 STATEMENT_OK);
	facts = prepared_facts_new(&list);
	assert_non_null(facts);
	assert_int_equal(list.count, 0);
	assert_int_equal(facts->list.count, 1);
	return facts;
}

/* A session, the messages that it has sent, and how many were answered. */
struct talk {
	struct prepared prepared;
	uint64_t sent;
	uint64_t done;
};

/* Send a message.  False: it changes something, and is not remembered. */
static bool
send_change(struct talk *t, struct prepared_change c)
{
	t->sent++;
	return !prepared_changes(&t->prepared, &c) ||
	       prepared_note(&t->prepared, &c, t->sent);
}

static bool
parse(struct talk *t, const char *name, struct prepared_facts *facts)
{
	return send_change(t, (struct prepared_change){PREPARED_STATEMENT, true,
						       text(name), facts});
}

static bool
close_one(struct talk *t, enum prepared_kind kind, const char *name)
{
	return send_change(
	    t, (struct prepared_change){kind, false, text(name), NULL});
}

static bool
bind(struct talk *t, const char *portal, const char *statement)
{
	struct prepared_facts *facts =
	    prepared_statement(&t->prepared, text(statement));

	if (facts != NULL)
		prepared_facts_use(facts);
	return send_change(t, (struct prepared_change){PREPARED_PORTAL, false,
						       text(portal), facts});
}

/* The server obeys all that was sent. */
static void
obey(struct talk *t)
{
	while (t->done < t->sent)
		prepared_obeyed(&t->prepared, ++t->done);
}

/* The server refuses or skips all that it has not answered yet. */
static void
refuse(struct talk *t)
{
	t->done = t->sent;
	prepared_failed(&t->prepared, t->done);
}

/* The facts of a statement, by its name. */
static const struct prepared_facts *
knows(const struct talk *t, const char *name)
{
	return prepared_statement(&t->prepared, text(name));
}

static void
prepared_bind_makes_a_portal_of_a_guarded_statement(void **state)
{
	struct talk t = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	parse(&t, "s", facts);
	assert_null(prepared_portal(&t.prepared, text("p")));
	assert_true(bind(&t, "p", "s"));
	assert_ptr_equal(prepared_portal(&t.prepared, text("p")), facts);
	assert_null(prepared_portal(&t.prepared, text("s")));
	assert_int_equal(t.prepared.pending, 2);
	obey(&t);
	assert_ptr_equal(knows(&t, "s"), facts);
	assert_ptr_equal(prepared_portal(&t.prepared, text("p")), facts);
	assert_int_equal(t.prepared.pending, 0);
	prepared_clear(&t.prepared);
	assert_null(t.prepared.statements);
	assert_null(t.prepared.portals);
}

static void
prepared_changes_by_what_is_guarded_alone(void **state)
{
	struct talk t = {0};
	struct prepared_change ordinary = {PREPARED_STATEMENT, false, text("s"),
					   NULL};

	(void)state;
	assert_false(prepared_changes(&t.prepared, &ordinary));
	parse(&t, "s", facts_new());
	assert_true(prepared_changes(&t.prepared, &ordinary));
	ordinary.name = text("t");
	assert_false(prepared_changes(&t.prepared, &ordinary));
	ordinary.name = text("s");
	ordinary.kind = PREPARED_PORTAL;
	assert_false(prepared_changes(&t.prepared, &ordinary));
	prepared_clear(&t.prepared);
}

/* A name that has gone costs nothing any longer. */
static void
prepared_forgets_whole_what_an_ordinary_one_replaces(void **state)
{
	struct talk t = {0};

	(void)state;
	parse(&t, "", facts_new());
	bind(&t, "", "");
	parse(&t, "", NULL);
	assert_null(knows(&t, ""));
	bind(&t, "", "");
	assert_null(prepared_portal(&t.prepared, text("")));
	obey(&t);
	assert_null(t.prepared.statements);
	assert_null(t.prepared.portals);
	assert_int_equal(t.prepared.pending, 0);
}

static void
prepared_parse_replaces_what_had_the_name(void **state)
{
	struct talk t = {0};
	struct prepared_facts *second = facts_new();

	(void)state;
	parse(&t, "", facts_new());
	obey(&t);
	parse(&t, "", second);
	bind(&t, "", "");
	assert_ptr_equal(prepared_portal(&t.prepared, text("")), second);
	obey(&t);
	assert_ptr_equal(knows(&t, ""), second);
	close_one(&t, PREPARED_STATEMENT, "");
	obey(&t);
	assert_null(t.prepared.statements);
	prepared_clear(&t.prepared);
}

static void
prepared_close_of_the_statement_leaves_its_portals(void **state)
{
	struct talk t = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	parse(&t, "s", facts);
	bind(&t, "p", "s");
	close_one(&t, PREPARED_STATEMENT, "s");
	obey(&t);
	assert_null(t.prepared.statements);
	assert_ptr_equal(prepared_portal(&t.prepared, text("p")), facts);
	close_one(&t, PREPARED_PORTAL, "p");
	obey(&t);
	assert_null(t.prepared.portals);
}

/*
 * A cycle that fails ahead of a change leaves what was there, whatever it was
 * to be changed to, and however often.
 */
static void
prepared_is_what_it_was_where_a_change_is_skipped(void **state)
{
	static const char *const names[] = {"", "s"};
	struct prepared_facts *first;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct talk t = {0};

		first = facts_new();
		parse(&t, names[i], first);
		obey(&t);
		close_one(&t, PREPARED_STATEMENT, names[i]);
		assert_null(knows(&t, names[i]));
		parse(&t, names[i], facts_new());
		assert_ptr_not_equal(knows(&t, names[i]), first);
		close_one(&t, PREPARED_STATEMENT, names[i]);
		parse(&t, names[i], NULL);
		parse(&t, names[i], facts_new());
		refuse(&t);
		assert_ptr_equal(knows(&t, names[i]), first);
		assert_int_equal(t.prepared.pending, 0);
		prepared_clear(&t.prepared);
	}
}

static void
prepared_is_unknown_where_its_parse_is_skipped(void **state)
{
	struct talk t = {0};

	(void)state;
	parse(&t, "s", facts_new());
	bind(&t, "p", "s");
	refuse(&t);
	assert_null(t.prepared.statements);
	assert_null(t.prepared.portals);
}

/* The error strikes between two changes. */
static void
prepared_keeps_what_was_obeyed_ahead_of_an_error(void **state)
{
	struct talk t = {0};
	struct prepared_facts *second = facts_new();

	(void)state;
	parse(&t, "", facts_new());
	obey(&t);
	parse(&t, "", second);
	obey(&t);
	parse(&t, "", facts_new());
	close_one(&t, PREPARED_STATEMENT, "");
	refuse(&t);
	assert_ptr_equal(knows(&t, ""), second);
	prepared_clear(&t.prepared);
}

static void
prepared_parse_of_a_taken_name_is_not_expected_to_last(void **state)
{
	struct talk t = {0};
	struct prepared_facts *first = facts_new();

	(void)state;
	parse(&t, "s", first);
	obey(&t);
	parse(&t, "s", NULL);
	parse(&t, "s", facts_new());
	assert_ptr_equal(knows(&t, "s"), first);
	bind(&t, "p", "s");
	assert_ptr_equal(prepared_portal(&t.prepared, text("p")), first);
	refuse(&t);
	assert_ptr_equal(knows(&t, "s"), first);

	/* The server knows better. */
	parse(&t, "s", NULL);
	obey(&t);
	assert_null(t.prepared.statements);
	prepared_clear(&t.prepared);
}

static void
prepared_parse_after_a_doubt_is_expected_to_last(void **state)
{
	struct talk t = {0};

	(void)state;
	prepared_doubt(&t.prepared);
	assert_false(t.prepared.is_uncertain);
	parse(&t, "s", facts_new());
	obey(&t);
	prepared_doubt(&t.prepared);
	parse(&t, "s", NULL);
	assert_null(knows(&t, "s"));
	prepared_clear_statements(&t.prepared);
	assert_false(t.prepared.is_uncertain);
	prepared_clear(&t.prepared);
}

/* An error of one cycle says nothing of the next, which is under way. */
static void
prepared_failed_leaves_what_was_sent_later(void **state)
{
	struct talk t = {0};
	struct prepared_facts *later = facts_new();

	(void)state;
	parse(&t, "s", facts_new());
	parse(&t, "s", later); /* taken: it is not expected to last */
	assert_ptr_not_equal(knows(&t, "s"), later);
	prepared_failed(&t.prepared, 1);
	assert_null(knows(&t, "s"));
	prepared_obeyed(&t.prepared, 2);
	assert_ptr_equal(knows(&t, "s"), later);
	assert_int_equal(t.prepared.pending, 0);
	prepared_clear(&t.prepared);
}

static void
prepared_obeyed_does_not_count_for_others(void **state)
{
	struct talk t = {0};

	(void)state;
	t.sent = 4;
	parse(&t, "s", facts_new());
	prepared_obeyed(&t.prepared, 4); /* an ordinary one, sent before */
	assert_int_equal(t.prepared.pending, 1);
	prepared_failed(&t.prepared, 5);
	assert_null(t.prepared.statements);
}

static void
prepared_clear_statements_leaves_portals_and_what_is_pending(void **state)
{
	struct talk t = {0};
	struct prepared_facts *facts = facts_new();
	struct prepared_facts *later = facts_new();

	(void)state;
	parse(&t, "s", facts);
	bind(&t, "p", "s");
	parse(&t, "t", facts_new());
	obey(&t);
	parse(&t, "s", later);
	prepared_clear_statements(&t.prepared);
	assert_null(knows(&t, "t"));
	assert_ptr_equal(prepared_portal(&t.prepared, text("p")), facts);
	refuse(&t);
	assert_null(t.prepared.statements);
	prepared_clear(&t.prepared);
}

/* Messages that are kept back */

static bool
keep(struct talk *t, enum prepared_kind kind, const char *name,
     struct prepared_facts *facts, uint32_t place)
{
	struct prepared_change c = {kind, facts != NULL, text(name), facts};

	return prepared_keep(&t->prepared, &c, place);
}

static void
send_kept(struct talk *t, uint32_t count)
{
	prepared_send_kept(&t->prepared, count, t->sent, t->sent + count);
	t->sent += count;
}

static void
prepared_keep_counts_when_it_is_sent(void **state)
{
	struct talk t = {0};
	struct prepared_facts *first = facts_new();
	struct prepared_facts *second = facts_new();

	(void)state;
	parse(&t, "s", first);
	obey(&t);
	keep(&t, PREPARED_STATEMENT, "s", NULL, 0);
	assert_null(knows(&t, "s"));
	keep(&t, PREPARED_STATEMENT, "s", second, 2);
	assert_ptr_equal(knows(&t, "s"), second);
	refuse(&t);
	obey(&t);
	assert_int_equal(t.prepared.kept, 2);
	assert_ptr_equal(knows(&t, "s"), second);

	/* Behind it stands an Execute. */
	send_kept(&t, 4);
	prepared_forget_kept(&t.prepared);
	assert_int_equal(t.prepared.pending, 2);
	prepared_obeyed(&t.prepared, 2);
	assert_ptr_equal(knows(&t, "s"), second);
	prepared_failed(&t.prepared, 3);
	assert_ptr_equal(knows(&t, "s"), second);
	prepared_obeyed(&t.prepared, 4);
	assert_int_equal(t.prepared.pending, 0);
	assert_ptr_equal(knows(&t, "s"), second);
	prepared_clear(&t.prepared);
}

static void
prepared_forget_kept_leaves_what_was_there(void **state)
{
	struct talk t = {0};
	struct prepared_facts *first = facts_new();

	(void)state;
	parse(&t, "", first);
	obey(&t);
	keep(&t, PREPARED_STATEMENT, "", facts_new(), 0);
	keep(&t, PREPARED_PORTAL, "", facts_new(), 1);
	prepared_forget_kept(&t.prepared);
	assert_ptr_equal(knows(&t, ""), first);
	assert_null(t.prepared.portals);
	assert_int_equal(t.prepared.kept, 0);
	prepared_clear(&t.prepared);
}

/* The first time something of ours ahead of it failed; the second time it was
 * undone and the third time it counts. */
static void
prepared_send_kept_may_come_again(void **state)
{
	struct talk t = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	parse(&t, "s", facts_new());
	obey(&t);
	keep(&t, PREPARED_STATEMENT, "s", NULL, 0);
	keep(&t, PREPARED_STATEMENT, "s", facts, 1);
	send_kept(&t, 2);
	refuse(&t);
	send_kept(&t, 2);
	obey(&t);
	send_kept(&t, 2);
	prepared_forget_kept(&t.prepared);
	obey(&t);
	assert_ptr_equal(knows(&t, "s"), facts);
	assert_int_equal(facts->users, 1);
	close_one(&t, PREPARED_STATEMENT, "s");
	obey(&t);
	assert_null(t.prepared.statements);
}

/* The server skips to a Sync, or takes the first for the end of a copy. */
static void
prepared_send_kept_leaves_out_what_is_ignored(void **state)
{
	struct talk t = {0};

	(void)state;
	keep(&t, PREPARED_STATEMENT, "s", facts_new(), 0);
	keep(&t, PREPARED_STATEMENT, "t", facts_new(), 1);
	prepared_send_kept(&t.prepared, 2, 7, 7);
	assert_int_equal(t.prepared.pending, 0);
	prepared_send_kept(&t.prepared, 2, 7, 8);
	prepared_forget_kept(&t.prepared);
	assert_null(knows(&t, "s"));
	assert_non_null(knows(&t, "t"));
	prepared_obeyed(&t.prepared, 8);
	assert_int_equal(t.prepared.pending, 0);
	prepared_clear(&t.prepared);
}

static void
prepared_send_kept_without_memory_sends_once(void **state)
{
	struct talk t = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	keep(&t, PREPARED_STATEMENT, "s", facts, 0);
	allocation_fail_after(0);
	send_kept(&t, 1);
	assert_true(allocation_restore());
	assert_int_equal(t.prepared.kept, 0);
	obey(&t);
	assert_ptr_equal(knows(&t, "s"), facts);
	assert_int_equal(facts->users, 1);
	prepared_clear(&t.prepared);
}

static void
prepared_facts_live_until_their_last_use(void **state)
{
	struct talk t = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	prepared_facts_use(facts); /* an exchange's */
	parse(&t, "s", facts);
	bind(&t, "p", "s");
	obey(&t);
	prepared_clear(&t.prepared);
	assert_int_equal(facts->users, 1);
	assert_string_equal(facts->list.items[0].tag, "DROP TABLE");
	prepared_facts_drop(facts);
}

static void
prepared_names_are_compared_whole(void **state)
{
	static const char *const others[] = {"a", "abc", "aB", ""};
	struct talk t = {0};
	size_t i;

	(void)state;
	parse(&t, "ab", facts_new());
	for (i = 0; i < 4; i++) {
		assert_null(knows(&t, others[i]));
		close_one(&t, PREPARED_STATEMENT, others[i]);
	}
	obey(&t);
	assert_non_null(knows(&t, "ab"));
	prepared_clear(&t.prepared);
}

static void
prepared_remembers_no_more_than_it_may(void **state)
{
	struct talk t = {0};
	struct prepared_facts *facts = facts_new();
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < PREPARED_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		prepared_facts_use(facts);
		assert_true(parse(&t, name, facts));
	}
	assert_int_equal(facts->users, PREPARED_MAX + 1);
	prepared_facts_use(facts);
	assert_false(parse(&t, "one too many", facts));
	assert_int_equal(facts->users, PREPARED_MAX + 1);
	assert_null(knows(&t, "one too many"));

	/* A name that is known takes no further place. */
	prepared_facts_use(facts);
	assert_true(parse(&t, "0", facts));
	assert_int_equal(facts->users, PREPARED_MAX + 1);
	assert_non_null(knows(&t, "0"));
	assert_true(close_one(&t, PREPARED_STATEMENT, "0"));
	assert_null(knows(&t, "0"));
	prepared_clear(&t.prepared);
	assert_int_equal(facts->users, 1);
	prepared_facts_drop(facts);
}

static void
prepared_without_memory_forgets(void **state)
{
	struct talk t = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	prepared_facts_use(facts);
	parse(&t, "", facts);
	prepared_facts_use(facts);
	allocation_fail_after(0);
	assert_false(parse(&t, "", facts));
	assert_true(allocation_restore());
	assert_int_equal(facts->users, 1);
	assert_null(knows(&t, ""));

	parse(&t, "s", facts);
	allocation_fail_after(0);
	(void)bind(&t, "p", "s");
	assert_true(allocation_restore());
	assert_null(prepared_portal(&t.prepared, text("p")));
	allocation_fail_after(0);
	prepared_facts_use(facts);
	assert_false(keep(&t, PREPARED_PORTAL, "p", facts, 0));
	assert_true(allocation_restore());
	assert_int_equal(facts->users, 1);
	prepared_clear(&t.prepared);
}

/* DISCARD ALL is under way when the next Parse is judged. */
static void
prepared_parse_counts_where_the_name_has_become_free(void **state)
{
	struct talk t = {0};
	struct prepared_facts *facts = facts_new();

	(void)state;
	parse(&t, "s", facts_new());
	obey(&t);
	parse(&t, "s", facts);
	assert_ptr_not_equal(knows(&t, "s"), facts);
	prepared_clear_statements(&t.prepared);
	assert_ptr_equal(knows(&t, "s"), facts);
	obey(&t);
	assert_ptr_equal(knows(&t, "s"), facts);
	prepared_clear(&t.prepared);
}

/* The server keeps 63 bytes of a name, and finds one by these. */
static void
prepared_cuts_names_as_the_server_does(void **state)
{
	struct talk t = {0};
	struct prepared_facts *facts = facts_new();
	char a[66];
	char b[66];

	(void)state;
	memset(a, 'n', sizeof(a));
	memset(b, 'n', sizeof(b));
	a[65] = b[64] = '\0';
	b[63] = 'x';
	parse(&t, a, facts);
	obey(&t);
	assert_ptr_equal(knows(&t, b), facts);
	b[62] = 'x';
	assert_null(knows(&t, b));
	prepared_clear(&t.prepared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		prepared_bind_makes_a_portal_of_a_guarded_statement),
	    cmocka_unit_test(prepared_changes_by_what_is_guarded_alone),
	    cmocka_unit_test(
		prepared_forgets_whole_what_an_ordinary_one_replaces),
	    cmocka_unit_test(prepared_parse_replaces_what_had_the_name),
	    cmocka_unit_test(
		prepared_close_of_the_statement_leaves_its_portals),
	    cmocka_unit_test(prepared_is_what_it_was_where_a_change_is_skipped),
	    cmocka_unit_test(prepared_is_unknown_where_its_parse_is_skipped),
	    cmocka_unit_test(prepared_keeps_what_was_obeyed_ahead_of_an_error),
	    cmocka_unit_test(
		prepared_parse_of_a_taken_name_is_not_expected_to_last),
	    cmocka_unit_test(prepared_parse_after_a_doubt_is_expected_to_last),
	    cmocka_unit_test(prepared_failed_leaves_what_was_sent_later),
	    cmocka_unit_test(prepared_obeyed_does_not_count_for_others),
	    cmocka_unit_test(
		prepared_clear_statements_leaves_portals_and_what_is_pending),
	    cmocka_unit_test(prepared_keep_counts_when_it_is_sent),
	    cmocka_unit_test(prepared_forget_kept_leaves_what_was_there),
	    cmocka_unit_test(prepared_send_kept_may_come_again),
	    cmocka_unit_test(prepared_send_kept_leaves_out_what_is_ignored),
	    cmocka_unit_test(prepared_send_kept_without_memory_sends_once),
	    cmocka_unit_test(prepared_facts_live_until_their_last_use),
	    cmocka_unit_test(prepared_names_are_compared_whole),
	    cmocka_unit_test(prepared_remembers_no_more_than_it_may),
	    cmocka_unit_test(prepared_without_memory_forgets),
	    cmocka_unit_test(
		prepared_parse_counts_where_the_name_has_become_free),
	    cmocka_unit_test(prepared_cuts_names_as_the_server_does),
	};

	return cmocka_run_group_tests_name("proxy/guard/prepared", tests, NULL,
					   NULL);
}
