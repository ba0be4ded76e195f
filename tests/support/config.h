/*
 * config.h - what config_load makes of its sources: a configuration, or
 * complaints.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_CONFIG_H
#define LOCKSTEP_TESTS_SUPPORT_CONFIG_H

#include <stdio.h>
#include <unistd.h>

#include "proxy/config/config.h"
#include "proxy/config/config_load.h"
#include "tests/support/test.h"

/* In a directory of the test's own. */
#define CONFIG_FILE_NAME "test.conf"

struct outcome {
	struct config *config;
	char *errors;
};

static inline struct outcome
config_load_from(const char *file, char *const *environment,
		 const char *const *sets, size_t set_count)
{
	struct config_sources sources = {
	    .file = file,
	    .environ = environment,
	    .sets = sets,
	    .set_count = set_count,
	};
	struct outcome o = {0};
	size_t size;
	FILE *errors = open_memstream(&o.errors, &size);

	assert_non_null(errors);
	o.config = config_load(&sources, errors);
	fclose(errors);
	return o;
}

static inline void
outcome_clear(struct outcome *o)
{
	config_free(o->config);
	free(o->errors);
}

static inline void
config_write(const char *text, size_t len)
{
	FILE *f = fopen(CONFIG_FILE_NAME, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline void
config_write_text(const char *text)
{
	config_write(text, strlen(text));
}

static inline struct outcome
config_load_text(const char *text)
{
	config_write_text(text);
	return config_load_from(CONFIG_FILE_NAME, NULL, NULL, 0);
}

static inline void
assert_refused(struct outcome o, const char *errors)
{
	assert_string_equal(o.errors, errors);
	assert_null(o.config);
	outcome_clear(&o);
}

/* The caller frees. */
static inline struct config *
assert_accepted(struct outcome o)
{
	if (o.config == NULL)
		fail_msg("%s", o.errors);
	assert_string_equal(o.errors, "");
	free(o.errors);
	return o.config;
}

static char config_directory[] = "/tmp/lockstep-config-XXXXXX";

/* For a group's setup and teardown. */
static inline int
config_enter_directory(void **state)
{
	(void)state;
	return mkdtemp(config_directory) == NULL ||
	       chdir(config_directory) != 0;
}

static inline int
config_leave_directory(void **state)
{
	(void)state;
	unlink(CONFIG_FILE_NAME);
	unlink("example.conf");
	return chdir("/") != 0 || rmdir(config_directory) != 0;
}

#endif
