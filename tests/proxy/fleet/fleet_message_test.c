#include "proxy/fleet/fleet_message.h"

#include <stdio.h>

#include "policy/sql/mentions.h"
#include "tests/support/allocation.h"
#include "tests/support/fleet.h"

#define KEY "a key of this fleet"

enum {
	PID = 4711,
};

static char text[FLEET_TEXT_MAX + 1];

/* Write a message with so many names. */
static void
write_names(size_t count)
{
	const struct fleet_key key = fleet_fixture_key(KEY);
	struct fleet_message m = fleet_fixture_message(FLEET_SHUT, 7, 8, 9);

	m.names = fleet_fixture_names(count);
	m.names.counts_near = true;
	assert_true(fleet_message_write(text, &m, PID, &key));
	gate_names_clear(&m.names);
}

static bool
is_read_by(const char *from, uint32_t pid, const struct fleet_key *key)
{
	struct fleet_message m;
	bool is_read = fleet_message_read(&m, from, pid, key) == FLEET_READ;

	if (!is_read) {
		assert_null(m.names.items);
		assert_int_equal(m.kind, 0);
	}
	fleet_message_clear(&m);
	return is_read;
}

static bool
is_read(const char *from)
{
	const struct fleet_key key = fleet_fixture_key(KEY);

	return is_read_by(from, PID, &key);
}

static void
check_round(size_t count)
{
	const struct fleet_key key = fleet_fixture_key(KEY);
	struct gate_names names = fleet_fixture_names(count);
	struct fleet_message m;

	write_names(count);
	assert_int_equal(fleet_message_read(&m, text, PID, &key), FLEET_READ);
	assert_int_equal(m.kind, FLEET_SHUT);
	assert_int_equal(m.process[0], 7);
	assert_int_equal(m.maker, 8);
	assert_int_equal(m.sequence, 9);
	assert_int_equal(m.length_ms, 300);
	assert_string_equal(m.database, "shop");
	assert_true(m.names.counts_near);
	assert_false(m.names.is_every);
	assert_int_equal(m.names.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(m.names.items[i].name, names.items[i].name);
		assert_int_equal(m.names.items[i].schema,
				 names.items[i].schema);
		assert_int_equal(m.names.items[i].reader,
				 names.items[i].reader);
		assert_int_equal(m.names.items[i].reach, names.items[i].reach);
	}
	gate_names_clear(&names);
	fleet_message_clear(&m);
}

static void
fleet_message_read_gives_what_was_written(void **state)
{
	(void)state;
	check_round(0);
	check_round(1);
	check_round(3);
	check_round(200);
	check_round(FLEET_NAMES_MAX);
}

static void
fleet_message_write_tells_every_table_of_too_many(void **state)
{
	const struct fleet_key key = fleet_fixture_key(KEY);
	const struct gate_visitor anybody = {0};
	struct fleet_message m;

	(void)state;
	write_names(FLEET_NAMES_MAX + 1);
	assert_int_equal(fleet_message_read(&m, text, PID, &key), FLEET_READ);
	assert_true(m.names.is_every);
	assert_true(gate_names_match_text(&m.names, &anybody,
					  BYTES("select * from whatever")));
	assert_false(
	    gate_names_match_text(&m.names, &anybody, BYTES("select 1")));
	fleet_message_clear(&m);
}

static void
fleet_message_read_refuses_a_copy_of_another_session(void **state)
{
	const struct fleet_key key = fleet_fixture_key(KEY);

	(void)state;
	write_names(2);
	assert_true(is_read_by(text, PID, &key));
	assert_false(is_read_by(text, PID + 1, &key));
}

static void
fleet_message_read_takes_any_of_its_keys(void **state)
{
	struct fleet_key keys = fleet_fixture_key("the next key of all");
	const struct fleet_key other = fleet_fixture_key("a key of this fleeT");

	(void)state;
	write_names(2);
	assert_false(is_read_by(text, PID, &keys));
	assert_false(is_read_by(text, PID, &other));
	keys.lens[1] = strlen(KEY);
	memcpy(keys.keys[1], KEY, strlen(KEY));
	keys.count = 2;
	assert_true(is_read_by(text, PID, &keys));
}

static void
fleet_message_read_refuses_every_other_text(void **state)
{
	size_t len;
	size_t i;

	(void)state;
	write_names(80);
	len = strlen(text);
	for (i = 0; i < len; i++) {
		char old = text[i];

		text[i] = old == 'A' ? 'B' : 'A';
		assert_false(is_read(text));
		text[i] = '\0';
		assert_false(is_read(text));
		text[i] = old;
	}
	assert_true(is_read(text));
	assert_false(is_read(""));
	assert_false(is_read("AAAA"));
	assert_false(is_read("not a message at all"));
}

/* The message is of another version, or of a kind that is not there yet. */
static void
fleet_message_read_tells_what_it_does_not_understand(void **state)
{
	const struct fleet_key key = fleet_fixture_key(KEY);
	const struct fleet_key other = fleet_fixture_key("a key of this fleeT");
	struct fleet_message m = fleet_fixture_message(FLEET_OPEN, 7, 8, 9);

	(void)state;
	m.kind = (enum fleet_kind)(FLEET_RELEASE + 1);
	assert_true(fleet_message_write(text, &m, PID, &key));
	assert_int_equal(fleet_message_read(&m, text, PID, &key),
			 FLEET_UNKNOWN);
	assert_int_equal(fleet_message_read(&m, text, PID, &other),
			 FLEET_FOREIGN);
}

static void
fleet_message_read_refuses_a_text_that_is_too_long(void **state)
{
	static char longer[16384];

	(void)state;
	memset(longer, 'A', sizeof(longer) - 1);
	assert_false(is_read(longer));
	longer[FLEET_TEXT_MAX] = '\0';
	assert_false(is_read(longer));
	longer[FLEET_TEXT_MAX / 4 * 4] = '\0';
	assert_false(is_read(longer));
}

static void
fleet_message_write_fits_into_a_payload(void **state)
{
	const struct fleet_key key = fleet_fixture_key(KEY);
	struct fleet_message m = fleet_fixture_message(FLEET_KEEP, 7, 8, 9);

	(void)state;
	memset(m.database, 'd', sizeof(m.database) - 1);
	m.names = fleet_fixture_names(FLEET_NAMES_MAX);
	assert_true(fleet_message_write(text, &m, PID, &key));
	assert_true(strlen(text) < 8000);
	assert_true(is_read(text));
	gate_names_clear(&m.names);
}

static void
fleet_message_works_or_says_so_when_memory_is_out(void **state)
{
	const struct fleet_key key = fleet_fixture_key(KEY);
	struct fleet_message m = fleet_fixture_message(FLEET_SHUT, 7, 8, 9);
	bool is_written = false;
	bool is_good = false;

	(void)state;
	m.names = fleet_fixture_names(100);
	for (unsigned nth = 1; !is_written; nth++) {
		allocation_fail_after(nth - 1);
		is_written = fleet_message_write(text, &m, PID, &key);
		allocation_restore();
	}
	for (unsigned nth = 1; !is_good; nth++) {
		allocation_fail_after(nth - 1);
		is_good = is_read(text);
		allocation_restore();
	}
	gate_names_clear(&m.names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fleet_message_read_gives_what_was_written),
	    cmocka_unit_test(fleet_message_write_tells_every_table_of_too_many),
	    cmocka_unit_test(
		fleet_message_read_refuses_a_copy_of_another_session),
	    cmocka_unit_test(fleet_message_read_takes_any_of_its_keys),
	    cmocka_unit_test(fleet_message_read_refuses_every_other_text),
	    cmocka_unit_test(
		fleet_message_read_tells_what_it_does_not_understand),
	    cmocka_unit_test(
		fleet_message_read_refuses_a_text_that_is_too_long),
	    cmocka_unit_test(fleet_message_write_fits_into_a_payload),
	    cmocka_unit_test(fleet_message_works_or_says_so_when_memory_is_out),
	};

	return cmocka_run_group_tests_name("proxy/fleet/fleet_message", tests,
					   NULL, NULL);
}
