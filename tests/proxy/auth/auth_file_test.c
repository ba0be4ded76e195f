#include "proxy/auth/auth_file.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/allocation.h"
#include "tests/support/auth_file.h"
#include "tests/support/test.h"

static void
auth_file_find_tells_roles_apart(void **state)
{
	struct result r = parse_good("\"user\" \"" PENCIL_VERIFIER "\"\n"
				     "\"ann\" \"" X_VERIFIER "\"\n"
				     "\"an\" \"" PENCIL_VERIFIER "\"\n");

	(void)state;
	assert_int_equal(auth_file_count(r.file), 3);
	check_role(r.file, "user", PENCIL_VERIFIER);
	check_role(r.file, "ann", X_VERIFIER);
	check_role(r.file, "an", PENCIL_VERIFIER);
	assert_null(auth_file_find(r.file, text_of("a")));
	assert_null(auth_file_find(r.file, text_of("anna")));
	assert_null(auth_file_find(r.file, text_of("Ann")));
	assert_null(auth_file_find(r.file, text_of("users")));
	assert_null(auth_file_find(r.file, bytes("ann\0", 4)));
	assert_null(auth_file_find(r.file, text_of("")));
	assert_null(auth_file_find(r.file, (struct span){.data = NULL}));
	result_clear(&r);
}

static const struct {
	const char *text;
	const char *role; /* NULL: there is none */
} good[] = {
    {"", NULL},
    {"\n\n", NULL},
    {" \t\r\n; a comment\n# \"another\" one\n  ; and one\n", NULL},
    {"\xEF\xBB\xBF", NULL},
    {"\"ann\" \"" X_VERIFIER "\"", "ann"},
    {"\"ann\" \"" X_VERIFIER "\"\n", "ann"},
    {"\"ann\" \"" X_VERIFIER "\"\r\n", "ann"},
    {"  \"ann\"\t \"" X_VERIFIER "\"  \n", "ann"},
    {"\n\"ann\" \"" X_VERIFIER "\"\n\n", "ann"},
    {"\xEF\xBB\xBF\"ann\" \"" X_VERIFIER "\"\n", "ann"},
    {"\"ann\" \"" X_VERIFIER "\" what PgBouncer passes over", "ann"},
    {"\"a\"\"b\" \"" X_VERIFIER "\"", "a\"b"},
    {"\"\"\"\" \"" X_VERIFIER "\"", "\""},
    {"\"\"\"a\"\"\" \"" X_VERIFIER "\"", "\"a\""},
    {"\" a b \" \"" X_VERIFIER "\"", " a b "},
    {"\";a\" \"" X_VERIFIER "\"", ";a"},
    {"\"\xc3\xa4\" \"" X_VERIFIER "\"", "\xc3\xa4"},
};

static void
auth_file_parse_takes_a_userlist_of_pgbouncer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct result r;

		print_message("%s\n", good[i].text);
		r = parse_good(good[i].text);
		assert_int_equal(auth_file_count(r.file), good[i].role != NULL);
		if (good[i].role != NULL)
			check_role(r.file, good[i].role, X_VERIFIER);
		else
			assert_null(auth_file_find(r.file, text_of("ann")));
		result_clear(&r);
	}
}

static void
auth_file_find_finds_each_of_many(void **state)
{
	enum { COUNT = 1000 };
	char *text = many_roles(COUNT);
	struct result r = parse_good(text);

	(void)state;
	assert_int_equal(auth_file_count(r.file), COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		char role[32];

		snprintf(role, sizeof(role), "r%zu", i);
		assert_non_null(auth_file_find(r.file, text_of(role)));
	}
	assert_null(auth_file_find(r.file, text_of("r1000")));
	result_clear(&r);
	free(text);
}

static void
auth_file_parse_survives_every_failing_allocation(void **state)
{
	char *text = many_roles(40);
	struct span copy = text_of(text);
	bool has_failed = true;
	unsigned n;

	(void)state;
	for (n = 0; has_failed; n++) {
		FILE *in = fmemopen(text, copy.len, "r");
		FILE *errors = tmpfile();
		char message[64] = "";
		struct auth_file *f;

		assert_non_null(in);
		assert_non_null(errors);
		allocation_fail_after(n);
		f = auth_file_parse(in, "users", errors);
		has_failed = allocation_restore();
		assert_int_equal(f == NULL, has_failed);
		rewind(errors);
		(void)fgets(message, sizeof(message), errors);
		if (has_failed)
			assert_non_null(strstr(message, ": out of memory\n"));
		auth_file_free(f);
		fclose(in);
		fclose(errors);
	}
	assert_in_range(n, 41, 60);
	free(text);
}

static struct result
read_path(const char *path)
{
	struct result r = {NULL, NULL};
	size_t size;
	FILE *errors = open_memstream(&r.errors, &size);

	assert_non_null(errors);
	r.file = auth_file_read(path, errors);
	fclose(errors);
	return r;
}

static void
auth_file_read_wants_a_file_that_only_we_can_read(void **state)
{
	char path[] = "/tmp/auth_file.XXXXXX";
	int fd = mkstemp(path);
	char expected[512];
	struct result r;

	(void)state;
	assert_int_equal(write(fd, "\"ann\" \"" X_VERIFIER "\"\n",
			       strlen("\"ann\" \"" X_VERIFIER "\"\n")),
			 strlen("\"ann\" \"" X_VERIFIER "\"\n"));
	r = read_path(path);
	assert_string_equal(r.errors, "");
	check_role(r.file, "ann", X_VERIFIER);
	result_clear(&r);

	assert_int_equal(fchmod(fd, 0644), 0);
	r = read_path(path);
	snprintf(expected, sizeof(expected),
		 "auth_file \"%s\" has group or world access. ", path);
	assert_null(r.file);
	assert_int_equal(strncmp(r.errors, expected, strlen(expected)), 0);
	assert_int_equal(r.errors[strlen(r.errors) - 1], '\n');
	result_clear(&r);
	close(fd);
	unlink(path);
}

static void
auth_file_read_names_the_file_in_its_mistakes(void **state)
{
	char path[] = "/tmp/auth_file.XXXXXX";
	int fd = mkstemp(path);
	char expected[512];
	struct result r;

	(void)state;
	assert_int_equal(write(fd, "\nx\n", 3), 3);
	r = read_path(path);
	snprintf(expected, sizeof(expected), "%s:2: " NO_ROLE "\n", path);
	assert_null(r.file);
	assert_string_equal(r.errors, expected);
	result_clear(&r);
	close(fd);
	unlink(path);
}

static void
auth_file_free_accepts_null(void **state)
{
	(void)state;
	auth_file_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(auth_file_find_tells_roles_apart),
	    cmocka_unit_test(auth_file_parse_takes_a_userlist_of_pgbouncer),
	    cmocka_unit_test(auth_file_find_finds_each_of_many),
	    cmocka_unit_test(auth_file_parse_survives_every_failing_allocation),
	    cmocka_unit_test(auth_file_read_wants_a_file_that_only_we_can_read),
	    cmocka_unit_test(auth_file_read_names_the_file_in_its_mistakes),
	    cmocka_unit_test(auth_file_free_accepts_null),
	};

	return cmocka_run_group_tests_name("proxy/auth/auth_file", tests, NULL,
					   NULL);
}
