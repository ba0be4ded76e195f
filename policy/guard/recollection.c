#include "policy/guard/recollection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql/text.h"

enum {
	SHAPE_DIGITS = 16,
	MODE_BYTES = 32, /* the longest is ShareUpdateExclusiveLock */
};

static const char question[] = "lockstep remembers ";
static const char behind_age[] = " ms ago: ";

void
recollection_ask(char name[RECOLLECTION_NAME_BYTES], uint64_t shape)
{
	snprintf(name, RECOLLECTION_NAME_BYTES, "%s%0*" PRIx64, question,
		 SHAPE_DIGITS, shape);
}

bool
recollection_is_asked(uint64_t *shape, const char *name, size_t len)
{
	const size_t head = sizeof(question) - 1;
	char digits[SHAPE_DIGITS + 1] = "";

	if (len != head + SHAPE_DIGITS || memcmp(name, question, head) != 0)
		return false;
	memcpy(digits, name + head, SHAPE_DIGITS);
	if (strspn(digits, "0123456789abcdef") != SHAPE_DIGITS)
		return false;
	*shape = strtoull(digits, NULL, 16);
	return true;
}

char *
recollection_detail(const struct recollection *r)
{
	struct text t = {0};

	text_print(&t, "%s, %" PRIu64 "%s%s", lock_mode_name(r->mode),
		   r->age_ms, behind_age, r->relation);
	return text_finish(&t);
}

bool
recollection_read(struct recollection *r, const char *detail)
{
	size_t mode_len = strcspn(detail, ",");
	char mode[MODE_BYTES] = "";
	char *rest;

	if (mode_len >= sizeof(mode) || detail[mode_len] == '\0')
		return false;
	memcpy(mode, detail, mode_len);
	r->mode = lock_mode_from_name(mode);
	r->age_ms = strtoull(detail + mode_len + 1, &rest, 10);
	if (r->mode == LOCK_NONE ||
	    strncmp(rest, behind_age, strlen(behind_age)) != 0)
		return false;
	r->relation = rest + strlen(behind_age);
	return true;
}
