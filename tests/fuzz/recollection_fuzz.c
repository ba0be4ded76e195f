/*
 * Any bytes as a question and as an answer: what is read of either is what
 * writing it again makes.
 */
#include "policy/guard/recollection.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_question(const char *name, size_t len)
{
	char again[RECOLLECTION_NAME_BYTES];
	uint64_t shape;

	if (!recollection_is_asked(&shape, name, len))
		return;
	recollection_ask(again, shape);
	assert(strlen(again) == len && memcmp(again, name, len) == 0);
}

static void
check_answer(const char *text)
{
	struct recollection r = {0};
	struct recollection again = {0};
	char *detail;

	if (!recollection_read(&r, text))
		return;
	detail = recollection_detail(&r);
	if (detail == NULL)
		abort();
	assert(recollection_read(&again, detail));
	assert(again.mode == r.mode && again.age_ms == r.age_ms);
	assert(strcmp(again.relation, r.relation) == 0);
	free(detail);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	check_question(text, size);
	check_answer(text);
	free(text);
	return 0;
}
