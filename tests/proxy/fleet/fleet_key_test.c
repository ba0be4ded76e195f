#include "proxy/fleet/fleet_key.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"

#define KEY "0123456789abcdef"

struct outcome {
	struct fleet_key *key;
	char *errors;
};

static struct outcome
parse(const char *text, size_t len)
{
	struct outcome o = {0};
	size_t size;
	FILE *errors = open_memstream(&o.errors, &size);
	FILE *in = len > 0 ? fmemopen((void *)(uintptr_t)text, len, "r")
			   : fopen("/dev/null", "r");

	assert_non_null(errors);
	assert_non_null(in);
	o.key = fleet_key_parse(in, "key", errors);
	fclose(in);
	fclose(errors);
	return o;
}

static void
clear(struct outcome *o)
{
	fleet_key_free(o->key);
	free(o->errors);
}

static void
check_keys(const char *text, size_t count, const char *first)
{
	struct outcome o = parse(text, strlen(text));

	assert_string_equal(o.errors, "");
	assert_non_null(o.key);
	assert_int_equal(o.key->count, count);
	assert_int_equal(o.key->lens[0], strlen(first));
	assert_memory_equal(o.key->keys[0], first, strlen(first));
	clear(&o);
}

static void
fleet_key_parse_takes_a_key_a_line(void **state)
{
	(void)state;
	check_keys(KEY, 1, KEY);
	check_keys(KEY "\n", 1, KEY);
	check_keys("# of today\r\n" KEY "xy\r\n\n" KEY "\n", 2, KEY "xy");
	check_keys(KEY "1\n" KEY "2\n" KEY "3\n" KEY "4\n", 4, KEY "1");
}

static void
check_refused(const char *text, size_t len, const char *where)
{
	struct outcome o = parse(text, len);

	assert_null(o.key);
	assert_non_null(strstr(o.errors, where));
	assert_null(strstr(o.errors, "secret"));
	assert_ptr_equal(strchr(o.errors, '\n'),
			 o.errors + strlen(o.errors) - 1);
	clear(&o);
}

static void
fleet_key_parse_refuses_what_is_none_and_shows_nothing_of_it(void **state)
{
	char longer[FLEET_KEY_BYTES_MAX + 2];
	char lines[4096];

	(void)state;
	memset(longer, 's', sizeof(longer));
	memset(lines, '\n', sizeof(lines));
	check_refused("", 0, "there is no key");
	check_refused(BYTES("# nothing\n"), "there is no key");
	check_refused(BYTES("secret\n"), "key:1:");
	check_refused(BYTES(KEY "\nsecret secret"), "key:2:");
	check_refused(longer, sizeof(longer), "key:1:");
	check_refused(lines, sizeof(lines), "no file of keys");
	check_refused(BYTES(KEY "\n" KEY "\n" KEY "\n" KEY "\n" KEY "\n"),
		      "key:5: more than four");
}

static void
fleet_key_parse_takes_the_longest(void **state)
{
	char longest[FLEET_KEY_BYTES_MAX];
	struct outcome o;

	(void)state;
	memset(longest, 's', sizeof(longest));
	o = parse(longest, sizeof(longest));
	assert_non_null(o.key);
	assert_int_equal(o.key->lens[0], sizeof(longest));
	clear(&o);
}

/* The outcome of reading a file with these permissions. */
static bool
is_read(mode_t mode)
{
	char path[] = "/tmp/fleet_key_XXXXXX";
	int fd = mkstemp(path);
	FILE *errors = fopen("/dev/null", "w");
	struct fleet_key *key;

	assert_true(fd >= 0);
	assert_non_null(errors);
	assert_int_equal(write(fd, KEY, sizeof(KEY) - 1), sizeof(KEY) - 1);
	assert_int_equal(fchmod(fd, mode), 0);
	key = fleet_key_read(path, errors);
	unlink(path);
	close(fd);
	fclose(errors);
	fleet_key_free(key);
	return key != NULL;
}

static void
fleet_key_read_refuses_what_others_may_read(void **state)
{
	FILE *errors = fopen("/dev/null", "w");

	(void)state;
	assert_true(is_read(0600));
	assert_true(is_read(0400));
	assert_false(is_read(0604));
	assert_false(is_read(0660));
	assert_null(fleet_key_read("/nowhere/at/all", errors));
	fclose(errors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fleet_key_parse_takes_a_key_a_line),
	    cmocka_unit_test(
		fleet_key_parse_refuses_what_is_none_and_shows_nothing_of_it),
	    cmocka_unit_test(fleet_key_parse_takes_the_longest),
	    cmocka_unit_test(fleet_key_read_refuses_what_others_may_read),
	};

	return cmocka_run_group_tests_name("proxy/fleet/fleet_key", tests, NULL,
					   NULL);
}
