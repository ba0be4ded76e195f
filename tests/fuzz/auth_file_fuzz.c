/*
 * Any bytes as a file of verifiers: a file that is sound, or mistakes that are
 * nothing but words of ours.
 */
#include "proxy/auth/auth_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/auth/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every line has its place, but the one that counts those not shown. */
static void
check_errors(const char *text)
{
	while (*text != '\0') {
		const char *end = strchr(text, '\n');

		assert(end != NULL);
		assert(strncmp(text, "users:", 6) == 0 || end[1] == '\0');
		for (; text < end; text++)
			assert(*text >= ' ' && *text <= '~');
		text = end + 1;
	}
}

/* Every stretch of the input as a role: what is found is sound. */
static void
check_roles(const struct auth_file *f, struct span text)
{
	size_t found = 0;

	for (size_t at = 0; at < text.len && at < 64; at++) {
		for (size_t len = 0; len <= text.len - at && len < 16; len++) {
			const struct scram_verifier *v =
			    auth_file_find(f, span_of(text.data + at, len));

			if (v == NULL)
				continue;
			assert(len > 0);
			assert(v->iterations > 0);
			assert(v->salt_len > 0 &&
			       v->salt_len <= SCRAM_SALT_MAX);
			found++;
		}
	}
	if (auth_file_count(f) == 0)
		assert(found == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = NULL;
	size_t text_len = 0;
	FILE *errors = open_memstream(&text, &text_len);
	FILE *in = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r")
			    : fopen("/dev/null", "r");
	struct auth_file *f;

	if (errors == NULL || in == NULL)
		abort();
	f = auth_file_parse(in, "users", errors);
	fclose(in);
	fclose(errors);
	assert(f != NULL || text_len > 0);
	check_errors(text);
	if (f != NULL) {
		assert(auth_file_count(f) <= size / 100);
		check_roles(f, span_of(data, size));
	}
	auth_file_free(f);
	free(text);
	return 0;
}
