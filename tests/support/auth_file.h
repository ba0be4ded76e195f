/*
 * auth_file.h - a text as an auth_file, with the mistakes that were found.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_AUTH_FILE_H
#define LOCKSTEP_TESTS_SUPPORT_AUTH_FILE_H

#include <stdio.h>

#include "proxy/auth/auth_file.h"
#include "tests/support/scram.h"
#include "tests/support/test.h"

/* Of the password "x", made by PostgreSQL 15 */
#define X_VERIFIER                                                             \
	"SCRAM-SHA-256$4096:LKnV06jF5d1ny0q76msaXQ=="                          \
	"$B9Z4b/2FheZkvNxo0lRjiuO1acIn4p0b2NNbGHL7nRI="                        \
	":erW2PB6Dil9XMQj+s8a4SvgTGtutoMR1bFD5XFLEkvo="

#define NO_ROLE                                                                \
	"expected \"role\" \"SCRAM-SHA-256$...\": the role is not in double "  \
	"quotes (a quote within is written twice)"

struct result {
	struct auth_file *file;
	char *errors;
};

static inline struct result
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
	assert_true(r.file != NULL || r.errors[0] != '\0');
	return r;
}

static inline void
result_clear(struct result *r)
{
	auth_file_free(r->file);
	free(r->errors);
}

static inline struct result
parse_good(const char *text)
{
	struct result r = parse(text_of(text));

	assert_string_equal(r.errors, "");
	assert_non_null(r.file);
	return r;
}

static inline void
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

/* `count` roles "r0", "r1", ... in an order that is none, 7 being coprime. */
static inline char *
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

#endif
