#include "proxy/auth/auth_file.h"

#include <errno.h>
#include <stdio.h>

#include "tests/support/auth_file.h"
#include "tests/support/test.h"

#define TAKE_VERIFIER                                                          \
	"take the text that pg_authid.rolpassword has for the role, "          \
	"\"SCRAM-SHA-256$...\""
#define NO_VERIFIER                                                            \
	"expected \"role\" \"SCRAM-SHA-256$...\": the verifier is not in "     \
	"double quotes"
#define PLAIN "a plain password is not accepted; " TAKE_VERIFIER
#define CUT_FILE "; the file ends amid this line, and is refused"
#define CUT "not a whole SCRAM-SHA-256 verifier; " TAKE_VERIFIER
#define MD5                                                                    \
	"an MD5 hash cannot be used: set the role's password anew with "       \
	"password_encryption = 'scram-sha-256', then " TAKE_VERIFIER

/* The file is refused as a whole. */
static void
check_mistakes(struct span text, const char *errors)
{
	struct result r = parse(text);

	assert_string_equal(r.errors, errors);
	assert_null(r.file);
	result_clear(&r);
}

/* The file is taken but for lines with mistakes: all that is left is b. */
static void
check_left_out(const char *text, const char *errors)
{
	struct result r = parse(text_of(text));

	assert_string_equal(r.errors, errors);
	assert_non_null(r.file);
	assert_int_equal(auth_file_count(r.file), 1);
	check_role(r.file, "b", X_VERIFIER);
	result_clear(&r);
}

static const struct {
	const char *line;
	const char *mistake;
} mistakes[] = {
    {"ann " X_VERIFIER, NO_ROLE},
    {"ann \"" X_VERIFIER "\"", NO_ROLE},
    {"'ann' \"" X_VERIFIER "\"", NO_ROLE},
    {"\xEF\xBB\xBF\"ann\" \"" X_VERIFIER "\"", NO_ROLE},
    {"\"ann", NO_ROLE},
    {"\"", NO_ROLE},
    {"\"ann\"\"", NO_ROLE},
    {"\"ann\"\"" X_VERIFIER "\"", NO_VERIFIER},
    {"\"ann\"x \"" X_VERIFIER "\"", NO_ROLE},
    {"\"\" \"" X_VERIFIER "\"", "the name of the role is empty"},
    {"\"ann\"", NO_VERIFIER},
    {"\"ann\" ", NO_VERIFIER},
    {"\"ann\" " X_VERIFIER, NO_VERIFIER},
    {"\"ann\" \"" X_VERIFIER, NO_VERIFIER},
    {"\"ann\" \"" X_VERIFIER "\"\"", NO_VERIFIER},
    {"\"ann\" \"" X_VERIFIER "\"x", NO_VERIFIER},
    {"\"ann\", \"" X_VERIFIER "\"", NO_ROLE},
    {"\"ann\" = \"" X_VERIFIER "\"", NO_VERIFIER},
    {"\"ann\" \"\"", "no verifier; " TAKE_VERIFIER},
    {"\"ann\" \"secret\"", PLAIN},
    {"\"ann\" \" " X_VERIFIER "\"", PLAIN},
    {"\"ann\" \"md5d7d61ba1a8b4c6e2c4a4a5b0a9c3c6f1\"", MD5},
    {"\"ann\" \"SCRAM-SHA-256$4096:YQ==\"", CUT},
    {"\"ann\" \"" X_VERIFIER " \"", CUT},
    {"\"ann\" \"SCRAM-SHA-512$4096:YQ==$YQ==:YQ==\"", CUT},
};

static void
auth_file_parse_tells_the_line_and_none_of_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char text[512], expected[512];

		print_message("%s\n", mistakes[i].line);
		snprintf(text, sizeof(text), "# users\n%s\n\"b\" \"%s\"\n",
			 mistakes[i].line, X_VERIFIER);
		snprintf(expected, sizeof(expected), "users:2: %s\n",
			 mistakes[i].mistake);
		check_left_out(text, expected);
	}
}

static void
auth_file_parse_tells_every_mistake(void **state)
{
	(void)state;
	check_left_out("\"a\" \"secret\"\n"
		       "\"b\" \"" X_VERIFIER "\"\n"
		       "c\n",
		       "users:1: " PLAIN "\n"
		       "users:3: " NO_ROLE "\n");
}

/* A role whose name has a newline has two lines, as psql writes it; with quotes
 * in its name it would like to be another one. */
static void
auth_file_parse_leaves_out_a_name_of_two_lines(void **state)
{
	static const char *const names[] = {
	    "new\nline",
	    "\n",
	    "new\n\"\"a\"\" \"\"" X_VERIFIER "\"\"",
	    "new\n\"\"\"\"a\"\"\"\" \"\"\"\"" X_VERIFIER "\"\"\"\"",
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "\"%s\" \"%s\"\n\"b\" \"%s\"\n",
			 names[i], X_VERIFIER, X_VERIFIER);
		check_left_out(text, "users:1: " NO_ROLE "\n"
				     "users:2: " NO_ROLE "\n");
	}
}

static void
auth_file_parse_refuses_a_file_without_a_good_line(void **state)
{
	(void)state;
	check_mistakes(text_of("; users\n\"a\" \"secret\"\n"),
		       "users:2: " PLAIN "\n");
}

/* Somebody is still writing it: the roles that are to come are no fault of
 * theirs. */
static void
auth_file_parse_refuses_a_file_that_is_cut(void **state)
{
	static const char whole[] = "\"b\" \"" X_VERIFIER "\"\n"
				    "\"ann\" \"" X_VERIFIER "\"";
	size_t first = strcspn(whole, "\n") + 1;

	(void)state;
	for (size_t len = first + 1; len < sizeof(whole) - 1; len++) {
		struct result r = parse(bytes(whole, len));

		assert_null(r.file);
		assert_non_null(strstr(r.errors, "users:2: "));
		assert_non_null(strstr(r.errors, CUT_FILE));
		result_clear(&r);
	}
	check_mistakes(text_of("\"b\" \"" X_VERIFIER "\"\nx\n\"ann"),
		       "users:2: " NO_ROLE "\n"
		       "users:3: " NO_ROLE CUT_FILE "\n");
}

/* Without a newline at its end, yet whole: editors write such files. */
static void
auth_file_parse_takes_a_last_line_that_is_good(void **state)
{
	(void)state;
	check_left_out("x\n\"b\" \"" X_VERIFIER "\"", "users:1: " NO_ROLE "\n");
	check_left_out("x\n\"b\" \"" X_VERIFIER "\"\n; a comm",
		       "users:1: " NO_ROLE "\n");
}

static void
auth_file_parse_refuses_a_role_twice(void **state)
{
	(void)state;
	check_mistakes(text_of("\"a\" \"" X_VERIFIER "\"\n"
			       "\"b\" \"" X_VERIFIER "\"\n"
			       "\"c\" \"" X_VERIFIER "\"\n"
			       "\"b\" \"" PENCIL_VERIFIER "\"\n"
			       "\"b\" \"" X_VERIFIER "\"\n"),
		       "users:4: the role of line 2 again: keep one of them\n"
		       "users:5: the role of line 4 again: keep one of them\n");
}

static void
auth_file_parse_refuses_a_nul_byte(void **state)
{
	(void)state;
	check_mistakes(bytes("\"a\" \0\n", 6),
		       "users:1: a NUL byte: this is not a text file\n");
	check_mistakes(bytes(";\0\n", 3),
		       "users:1: a NUL byte: this is not a text file\n");
}

/* A comment of so many bytes, then a line with a mistake. */
static void
check_long_line(size_t len, const char *errors)
{
	char *text = malloc(len + 4);

	assert_non_null(text);
	memset(text, ';', len);
	memcpy(text + len, "\nx\n", 4);
	check_mistakes(text_of(text), errors);
	free(text);
}

static void
auth_file_parse_bounds_a_line(void **state)
{
	(void)state;
	check_long_line(AUTH_FILE_LINE_BYTES, "users:2: " NO_ROLE "\n");
	check_long_line(AUTH_FILE_LINE_BYTES + 1,
			"users:1: longer than 4096 bytes: one role and its "
			"verifier a line\n"
			"users:2: " NO_ROLE "\n");
}

static void
auth_file_parse_shows_fifty_mistakes_and_counts_the_rest(void **state)
{
	char text[2 * 60 + 1];
	struct result r;
	size_t lines = 0;

	(void)state;
	for (size_t i = 0; i < 60; i++)
		memcpy(text + 2 * i, "x\n", 3);
	r = parse(text_of(text));
	for (const char *s = r.errors; *s != '\0'; s++)
		lines += *s == '\n';
	assert_int_equal(lines, 51);
	assert_non_null(strstr(r.errors, "10 mistakes more are not shown\n"));
	result_clear(&r);
}

/* The millionth is taken, and nothing is read behind the one after it. */
static void
auth_file_parse_bounds_the_roles(void **state)
{
	static const char format[] =
	    "\"%07zu\" \"SCRAM-SHA-256$1:YQ==$" PENCIL_STORED_KEY
	    ":" PENCIL_SERVER_KEY "\"\n";
	struct result r = {NULL, NULL};
	size_t size;
	FILE *errors = open_memstream(&r.errors, &size);
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(errors);
	assert_non_null(file);
	for (size_t i = 0; i < AUTH_FILE_ROLES_MAX; i++)
		fprintf(file, format, i);
	fputs("; comments are no roles\n\"x\" \"secret\"\ny\n", file);
	rewind(file);
	r.file = auth_file_parse(file, "users", errors);
	fclose(errors);
	fclose(file);
	assert_null(r.file);
	assert_string_equal(
	    r.errors, "users:1000002: more than 1000000 roles: leave out those "
		      "that do not log in here\n");
	result_clear(&r);
}

/* One line, then no more: a disk that fails. */
static ssize_t
failing_read(void *cookie, char *buffer, size_t size)
{
	bool *has_failed = cookie;

	assert_true(size >= 2);
	if (*has_failed) {
		errno = EIO;
		return -1;
	}
	*has_failed = true;
	memcpy(buffer, ";\n", 2);
	return 2;
}

static void
auth_file_parse_tells_of_a_stream_that_fails(void **state)
{
	bool has_failed = false;
	struct result r = {NULL, NULL};
	size_t size;
	FILE *errors = open_memstream(&r.errors, &size);
	FILE *in = fopencookie(&has_failed, "r",
			       (cookie_io_functions_t){.read = failing_read});

	(void)state;
	assert_non_null(errors);
	assert_non_null(in);
	r.file = auth_file_parse(in, "users", errors);
	fclose(in);
	fclose(errors);
	assert_null(r.file);
	assert_string_equal(r.errors, "users: Input/output error\n");
	result_clear(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(auth_file_parse_tells_the_line_and_none_of_it),
	    cmocka_unit_test(auth_file_parse_tells_every_mistake),
	    cmocka_unit_test(auth_file_parse_leaves_out_a_name_of_two_lines),
	    cmocka_unit_test(
		auth_file_parse_refuses_a_file_without_a_good_line),
	    cmocka_unit_test(auth_file_parse_refuses_a_file_that_is_cut),
	    cmocka_unit_test(auth_file_parse_takes_a_last_line_that_is_good),
	    cmocka_unit_test(auth_file_parse_refuses_a_role_twice),
	    cmocka_unit_test(auth_file_parse_refuses_a_nul_byte),
	    cmocka_unit_test(auth_file_parse_bounds_a_line),
	    cmocka_unit_test(
		auth_file_parse_shows_fifty_mistakes_and_counts_the_rest),
	    cmocka_unit_test(auth_file_parse_bounds_the_roles),
	    cmocka_unit_test(auth_file_parse_tells_of_a_stream_that_fails),
	};

	return cmocka_run_group_tests_name("proxy/auth/auth_file_mistake",
					   tests, NULL, NULL);
}
