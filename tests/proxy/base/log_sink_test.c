#include "proxy/base/log_sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "tests/support/capture.h"

enum {
	PATH_BYTES = 64,
};

struct fixture {
	char folder[PATH_BYTES];
	char file[PATH_BYTES];
	char old[PATH_BYTES];
};

static int
setup(void **state)
{
	static struct fixture f;

	strcpy(f.folder, "/tmp/log_sink.XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	assert_true(snprintf(f.file, sizeof(f.file), "%.40s/log", f.folder) >
		    0);
	assert_true(snprintf(f.old, sizeof(f.old), "%.40s/old", f.folder) > 0);
	log_init(LOG_INFO, LOG_TEXT);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	(void)unlink(f->file);
	(void)unlink(f->old);
	(void)rmdir(f->folder);
	unsetenv("JOURNAL_STREAM");
	return 0;
}

static void
assert_holds(const char *path, const char *part, bool holds)
{
	char text[4096];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_int_equal(strstr(text, part) != NULL, holds);
}

static void
file_is_written_behind_what_it_has_and_reopened_by_its_name(void **state)
{
	const struct fixture *f = *state;
	FILE *file = fopen(f->file, "w");
	struct stat made;

	assert_non_null(file);
	fputs("before\n", file);
	fclose(file);
	assert_true(log_sink_open(f->file));
	log_line(LOG_INFO, "first");
	assert_int_equal(rename(f->file, f->old), 0);
	log_line(LOG_INFO, "second");
	assert_true(log_sink_reopen());
	log_line(LOG_INFO, "third");
	assert_holds(f->old, "before\n", true);
	assert_holds(f->old, "first\n", true);
	assert_holds(f->old, "second\n", true);
	assert_holds(f->old, "third\n", false);
	assert_holds(f->file, "third\n", true);
	assert_int_equal(stat(f->file, &made), 0);
	assert_int_equal(made.st_mode & 0007, 0);
}

static void
what_cannot_be_opened_changes_nothing(void **state)
{
	const struct fixture *f = *state;

	assert_true(log_sink_open(f->file));
	assert_int_equal(rename(f->file, f->old), 0);
	assert_int_equal(mkdir(f->file, 0700), 0);
	assert_false(log_sink_reopen());
	assert_int_equal(errno, EISDIR);
	log_line(LOG_INFO, "goes on");
	assert_holds(f->old, "goes on\n", true);
	assert_int_equal(rmdir(f->file), 0);
	assert_false(log_sink_open("/nowhere/at/all"));
	assert_int_equal(errno, ENOENT);
	log_line(LOG_INFO, "still");
	assert_holds(f->old, "still\n", true);
}

/* JOURNAL_STREAM for what standard error is, with this behind it. */
static void
name_journal(const char *more, unsigned off)
{
	struct stat file;
	char text[PATH_BYTES];

	assert_int_equal(fstat(STDERR_FILENO, &file), 0);
	snprintf(text, sizeof(text), "%ju:%ju%s", (uintmax_t)file.st_dev,
		 (uintmax_t)file.st_ino + off, more);
	setenv("JOURNAL_STREAM", text, 1);
}

static void
line_for_a_journal_begins_with_its_priority(void **state)
{
	const struct fixture *f = *state;
	struct capture c = capture_begin();
	char *text;

	name_journal("", 0);
	assert_true(log_sink_open(NULL));
	log_line(LOG_ERROR, "m");
	log_line(LOG_WARNING, "m");
	log_line(LOG_INFO, "m");
	assert_true(log_sink_is_journal());
	assert_true(log_sink_open(f->file));
	assert_false(log_sink_is_journal());
	text = capture_end(&c);
	assert_int_equal(strncmp(text, "<3>2", 4), 0);
	assert_non_null(strstr(text, "\n<4>2"));
	assert_non_null(strstr(text, "\n<6>2"));
	free(text);
}

static void
another_stream_is_no_journal(void **state)
{
	static const char *const wrong[] = {"", "1", "1:", ":1", "a:b", "0:0"};
	struct capture c = capture_begin();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setenv("JOURNAL_STREAM", wrong[i], 1);
		assert_true(log_sink_open(NULL));
		assert_false(log_sink_is_journal());
	}
	name_journal("x", 0);
	assert_true(log_sink_open(NULL));
	assert_false(log_sink_is_journal());
	name_journal("", 1);
	assert_true(log_sink_open(NULL));
	assert_false(log_sink_is_journal());
	free(capture_end(&c));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	/* Once there is a file, it stays: those without one come first. */
	const struct CMUnitTest tests[] = {
	    TEST(another_stream_is_no_journal),
	    TEST(line_for_a_journal_begins_with_its_priority),
	    TEST(file_is_written_behind_what_it_has_and_reopened_by_its_name),
	    TEST(what_cannot_be_opened_changes_nothing),
	};

	return cmocka_run_group_tests_name("proxy/base/log_sink", tests, NULL,
					   NULL);
}
