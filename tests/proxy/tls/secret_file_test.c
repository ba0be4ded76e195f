#include "proxy/tls/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/test.h"

#define MUST_HAVE                                                              \
	"has group or world access. File must have permissions u=rw (0600) "   \
	"or less if owned by the user Lockstep runs as, or u=rw,g=r (0640) "   \
	"or less if owned by root."
#define MUST_BE_OWNED "must be owned by the user Lockstep runs as or root"

enum {
	US = 1000,
	OTHER = 1001,
};

struct fixture {
	char folder[32];
	char path[64];
	char why[512];
	struct secret_file file;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	FILE *file;

	assert_non_null(f);
	strcpy(f->folder, "/tmp/secret_file.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/key", f->folder);
	file = fopen(f->path, "w");
	assert_non_null(file);
	fputs("secret", file);
	fclose(file);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->folder);
	free(f);
	return 0;
}

static bool
open_key(struct fixture *f)
{
	return secret_file_open(&f->file, f->path, "private key file", f->why,
				sizeof(f->why));
}

/* The file cannot be opened, because of `fault` behind its name. */
static void
check_refused(struct fixture *f, const char *fault)
{
	char expected[512];

	snprintf(expected, sizeof(expected), "private key file \"%s\" %s",
		 f->path, fault);
	assert_false(open_key(f));
	assert_string_equal(f->why, expected);
}

static const struct {
	mode_t mode;
	uid_t owner;
	uid_t self;
	const char *fault;
} faults[] = {
    {S_IFREG | 0600, US, US, NULL},
    {S_IFREG | 0400, US, US, NULL},
    {S_IFREG | 0700, US, US, NULL},
    {S_IFREG | 0000, US, US, NULL},
    {S_IFREG | 0640, US, US, MUST_HAVE},
    {S_IFREG | 0620, US, US, MUST_HAVE},
    {S_IFREG | 0610, US, US, MUST_HAVE},
    {S_IFREG | 0604, US, US, MUST_HAVE},
    {S_IFREG | 0602, US, US, MUST_HAVE},
    {S_IFREG | 0601, US, US, MUST_HAVE},
    {S_IFREG | 0600, 0, US, NULL},
    {S_IFREG | 0640, 0, US, NULL},
    {S_IFREG | 0440, 0, US, NULL},
    {S_IFREG | 0660, 0, US, MUST_HAVE},
    {S_IFREG | 0650, 0, US, MUST_HAVE},
    {S_IFREG | 0644, 0, US, MUST_HAVE},
    {S_IFREG | 0642, 0, US, MUST_HAVE},
    {S_IFREG | 0641, 0, US, MUST_HAVE},
    {S_IFREG | 0600, 0, 0, NULL},
    {S_IFREG | 0640, 0, 0, NULL},
    {S_IFREG | 0660, 0, 0, MUST_HAVE},
    {S_IFREG | 0600, OTHER, US, MUST_BE_OWNED},
    {S_IFREG | 0600, OTHER, 0, NULL},
    {S_IFREG | 0640, OTHER, 0, MUST_HAVE},
    {S_IFDIR | 0700, US, US, "is not a regular file"},
    {S_IFIFO | 0600, US, US, "is not a regular file"},
    {S_IFCHR | 0600, 0, US, "is not a regular file"},
};

static void
secret_file_fault_is_what_postgresql_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct stat st = {.st_mode = faults[i].mode,
				  .st_uid = faults[i].owner};
		const char *fault = secret_file_fault(&st, faults[i].self);

		print_message("%o of %u for %u\n", faults[i].mode,
			      faults[i].owner, faults[i].self);
		if (faults[i].fault == NULL) {
			assert_null(fault);
			continue;
		}
		assert_non_null(fault);
		assert_string_equal(fault, faults[i].fault);
	}
}

static void
secret_file_open_reads_what_only_its_owner_can(void **state)
{
	struct fixture *f = *state;
	char text[16] = "";

	assert_int_equal(chmod(f->path, 0600), 0);
	assert_true(open_key(f));
	assert_int_equal(fread(text, 1, sizeof(text), f->file.stream), 6);
	assert_string_equal(text, "secret");
	assert_true(fcntl(fileno(f->file.stream), F_GETFD) & FD_CLOEXEC);
	assert_memory_equal(f->file.buffer, "secret", 6);
	secret_file_close(&f->file);
	assert_memory_equal(f->file.buffer, "\0\0\0\0\0", 6);
}

static void
secret_file_open_refuses_what_the_group_can_read(void **state)
{
	assert_int_equal(chmod(((struct fixture *)*state)->path, 0660), 0);
	check_refused(*state, MUST_HAVE);
}

static void
secret_file_open_reads_the_file_of_another_user_only_as_root(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(f->path, 0600), 0);
	assert_int_equal(chown(f->path, OTHER, (gid_t)-1), 0);
	assert_int_equal(chmod(f->folder, 0755), 0);
	assert_int_equal(seteuid(US), 0);
	(void)open_key(f);
	assert_int_equal(seteuid(0), 0);
	assert_non_null(strstr(f->why, "Permission denied"));
	assert_true(open_key(f)); /* by root */
	secret_file_close(&f->file);
}

static void
secret_file_open_refuses_a_folder(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	strcpy(f->path, f->folder);
	check_refused(f, "is not a regular file");
}

static void
secret_file_open_does_not_wait_for_a_fifo(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	alarm(20);
	check_refused(f, "is not a regular file");
	alarm(0);
}

static void
secret_file_open_tells_what_the_system_says(void **state)
{
	struct fixture *f = *state;
	char expected[512];

	unlink(f->path);
	snprintf(expected, sizeof(expected),
		 "could not open private key file \"%s\": %s", f->path,
		 strerror(ENOENT));
	assert_false(open_key(f));
	assert_string_equal(f->why, expected);
}

/* A refusal gives the descriptor back: the next one gets the same number. */
static void
secret_file_open_leaks_no_descriptor(void **state)
{
	struct fixture *f = *state;
	int before = dup(STDIN_FILENO);
	int after;

	close(before);
	assert_int_equal(chmod(f->path, 0644), 0);
	assert_false(open_key(f));
	after = dup(STDIN_FILENO);
	close(after);
	assert_int_equal(after, before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(secret_file_fault_is_what_postgresql_refuses),
	    cmocka_unit_test_setup_teardown(
		secret_file_open_reads_what_only_its_owner_can, setup,
		teardown),
	    cmocka_unit_test_setup_teardown(
		secret_file_open_refuses_what_the_group_can_read, setup,
		teardown),
	    cmocka_unit_test_setup_teardown(
		secret_file_open_reads_the_file_of_another_user_only_as_root,
		setup, teardown),
	    cmocka_unit_test_setup_teardown(secret_file_open_refuses_a_folder,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(
		secret_file_open_does_not_wait_for_a_fifo, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		secret_file_open_tells_what_the_system_says, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		secret_file_open_leaks_no_descriptor, setup, teardown),
	};

	return cmocka_run_group_tests_name("proxy/tls/secret_file", tests, NULL,
					   NULL);
}
