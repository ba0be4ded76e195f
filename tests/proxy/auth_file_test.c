#include "proxy/auth_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/allocation.h"
#include "tests/support/scram.h"
#include "tests/support/test.h"

/* Of the password "x", made by PostgreSQL 15 */
#define X_VERIFIER                                                             \
	"SCRAM-SHA-256$4096:LKnV06jF5d1ny0q76msaXQ=="                          \
	"$B9Z4b/2FheZkvNxo0lRjiuO1acIn4p0b2NNbGHL7nRI="                        \
	":erW2PB6Dil9XMQj+s8a4SvgTGtutoMR1bFD5XFLEkvo="

#define TAKE_VERIFIER                                                          \
	"take the text that pg_authid.rolpassword has for the role, "          \
	"\"SCRAM-SHA-256$...\""
#define NO_ROLE                                                                \
	"expected \"role\" \"SCRAM-SHA-256$...\": the role is not in double "  \
	"quotes (a quote within is written twice)"
#define NO_VERIFIER                                                            \
	"expected \"role\" \"SCRAM-SHA-256$...\": the verifier is not in "     \
	"double quotes"
#define PLAIN "a plain password is not accepted; " TAKE_VERIFIER
#define CUT "not a whole SCRAM-SHA-256 verifier; " TAKE_VERIFIER
#define MD5                                                                    \
	"an MD5 hash cannot be used: set the role's password anew with "       \
	"password_encryption = 'scram-sha-256', then " TAKE_VERIFIER

struct result {
	struct auth_file *file;
	char *errors;
};

static struct result
parse(struct span text)
{
	struct result r = {NULL, NULL};
	size_t size;
	FILE *errors = open_memstream(&r.errors, &size);
	FILE *in = text.len > 0
		       ? fmemopen((void *)(uintptr_t)text.data, text.len, "r")
		       : fopen("/dev/null", "r");

	assert_non_null(errors);
	assert_non_null(in);
	r.file = auth_file_parse(in, "users", errors);
	fclose(in);
	fclose(errors);
	assert_int_equal(r.file == NULL, r.errors[0] != '\0');
	return r;
}

static void
result_clear(struct result *r)
{
	auth_file_free(r->file);
	free(r->errors);
}

static struct result
parse_good(const char *text)
{
	struct result r = parse(text_of(text));

	assert_string_equal(r.errors, "");
	assert_non_null(r.file);
	return r;
}

static void
check_mistakes(struct span text, const char *errors)
{
	struct result r = parse(text);

	assert_string_equal(r.errors, errors);
	assert_null(r.file);
	result_clear(&r);
}

static void
check_role(const struct auth_file *f, const char *role, const char *verifier)
{
	struct scram_verifier expected;
	const struct scram_verifier *found = auth_file_find(f, text_of(role));

	assert_non_null(found);
	memset(&expected, 0, sizeof(expected));
	assert_true(scram_verifier_parse(&expected, verifier));
	assert_int_equal(found->iterations, expected.iterations);
	assert_int_equal(found->salt_len, expected.salt_len);
	assert_memory_equal(found->salt, expected.salt, expected.salt_len);
	assert_memory_equal(found->stored_key, expected.stored_key,
			    SCRAM_KEY_BYTES);
	assert_memory_equal(found->server_key, expected.server_key,
			    SCRAM_KEY_BYTES);
}

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

static const struct {
	const char *line;
	const char *mistake;
} mistakes[] = {
    {"ann " X_VERIFIER, NO_ROLE},
    {"ann \"" X_VERIFIER "\"", NO_ROLE},
    {"'ann' \"" X_VERIFIER "\"", NO_ROLE},
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
		check_mistakes(text_of(text), expected);
	}
}

static void
auth_file_parse_tells_every_mistake(void **state)
{
	(void)state;
	check_mistakes(text_of("\"a\" \"secret\"\n"
			       "\"b\" \"" X_VERIFIER "\"\n"
			       "c\n"),
		       "users:1: " PLAIN "\n"
		       "users:3: " NO_ROLE "\n");
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
	check_mistakes(bytes("\"a\" \0", 5),
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

/* `count` roles "r0", "r1", ... in an order that is none, 7 being coprime. */
static char *
many_roles(size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	for (size_t i = 0; i < count; i++)
		fprintf(to, "\"r%zu\" \"%s\"\n", i * 7 % count, X_VERIFIER);
	fclose(to);
	return text;
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

/* Nothing is read behind the first line that is too much. */
static void
auth_file_parse_bounds_the_roles(void **state)
{
	enum { COUNT = AUTH_FILE_ROLES_MAX };
	static const char line[] = "\"%07zu\" \"SCRAM-SHA-256$1:YQ==$" //
	    PENCIL_STORED_KEY ":" PENCIL_SERVER_KEY "\"\n";
	char name[] = "/tmp/auth_file.XXXXXX";
	int fd = mkstemp(name);
	FILE *file = fdopen(fd, "w+");
	struct result r = {NULL, NULL};
	size_t size;
	FILE *errors = open_memstream(&r.errors, &size);

	(void)state;
	assert_non_null(file);
	assert_non_null(errors);
	unlink(name);
	for (size_t i = 0; i < COUNT; i++)
		fprintf(file, line, i);
	rewind(file);
	r.file = auth_file_parse(file, "users", errors);
	assert_non_null(r.file);
	assert_int_equal(auth_file_count(r.file), COUNT);
	assert_non_null(auth_file_find(r.file, text_of("0999999")));
	auth_file_free(r.file);

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
	assert_int_equal(write(fd, "\nx", 2), 2);
	r = read_path(path);
	snprintf(expected, sizeof(expected), "%s:2: " NO_ROLE "\n", path);
	assert_null(r.file);
	assert_string_equal(r.errors, expected);
	result_clear(&r);
	close(fd);
	unlink(path);
}

static void
auth_file_parse_tells_of_a_stream_that_fails(void **state)
{
	struct result r = {NULL, NULL};
	size_t size;
	FILE *errors = open_memstream(&r.errors, &size);
	FILE *in = fopen("/", "r"); /* whose first read fails */

	(void)state;
	assert_non_null(errors);
	assert_non_null(in);
	r.file = auth_file_parse(in, "users", errors);
	fclose(in);
	fclose(errors);
	assert_null(r.file);
	assert_string_equal(r.errors, "users: Is a directory\n");
	result_clear(&r);
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
	    cmocka_unit_test(auth_file_parse_tells_the_line_and_none_of_it),
	    cmocka_unit_test(auth_file_parse_tells_every_mistake),
	    cmocka_unit_test(auth_file_parse_refuses_a_role_twice),
	    cmocka_unit_test(auth_file_parse_refuses_a_nul_byte),
	    cmocka_unit_test(auth_file_parse_bounds_a_line),
	    cmocka_unit_test(
		auth_file_parse_shows_fifty_mistakes_and_counts_the_rest),
	    cmocka_unit_test(auth_file_find_finds_each_of_many),
	    cmocka_unit_test(auth_file_parse_bounds_the_roles),
	    cmocka_unit_test(auth_file_parse_survives_every_failing_allocation),
	    cmocka_unit_test(auth_file_read_wants_a_file_that_only_we_can_read),
	    cmocka_unit_test(auth_file_read_names_the_file_in_its_mistakes),
	    cmocka_unit_test(auth_file_parse_tells_of_a_stream_that_fails),
	    cmocka_unit_test(auth_file_free_accepts_null),
	};

	return cmocka_run_group_tests_name("proxy/auth_file", tests, NULL,
					   NULL);
}
