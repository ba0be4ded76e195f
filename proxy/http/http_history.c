#include "proxy/http/http_history.h"

#include <string.h>

#include "proxy/history/history.h"
#include "proxy/history/history_text.h"

/* Parameters */

/* Take "key=" off *at.  False: something else stands there. */
static bool
parameter_take_key(const char **at, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(*at, key, len) != 0 || (*at)[len] != '=')
		return false;
	*at += len + 1;
	return true;
}

/* Take a number in [1, max] off *at, up to its '&' or the end. */
static bool
parameter_take_number(const char **at, uint64_t max, uint64_t *out)
{
	uint64_t number = 0;

	for (; **at >= '0' && **at <= '9'; ++*at) {
		uint64_t digit = (uint64_t)(**at - '0');

		if (digit > max || number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*out = number;
	return number > 0 && (**at == '&' || **at == '\0');
}

static bool
parameter_take_id(const char **at, struct http_history_question *q)
{
	static const char last[] = "last";
	const size_t len = sizeof(last) - 1;

	if (strncmp(*at, last, len) == 0 &&
	    ((*at)[len] == '&' || (*at)[len] == '\0')) {
		*at += len;
		q->is_last = true;
		return true;
	}
	return parameter_take_number(at, UINT64_MAX - 1, &q->id);
}

/* Take one off *at, up to the next. */
static bool
parameter_take(const char **at, struct http_history_question *q)
{
	uint64_t limit = 0;
	uint64_t brief = 0;

	if (parameter_take_key(at, "id"))
		return parameter_take_id(at, q);
	if (parameter_take_key(at, "before"))
		return parameter_take_number(at, UINT64_MAX - 1,
					     &q->page.before);
	if (parameter_take_key(at, "brief")) {
		q->page.is_brief = true;
		return parameter_take_number(at, 1, &brief);
	}
	if (!parameter_take_key(at, "limit") ||
	    !parameter_take_number(at, HTTP_HISTORY_LIMIT_MAX, &limit))
		return false;
	q->page.limit = (uint32_t)limit;
	return true;
}

bool
http_history_ask(struct http_history_question *q, const char *parameters)
{
	const char *at = parameters != NULL ? parameters : "";

	*q = (struct http_history_question){
	    .page = {.before = UINT64_MAX, .limit = HTTP_HISTORY_LIMIT},
	};
	while (*at != '\0') {
		if (!parameter_take(&at, q))
			return false;
		if (*at == '&' && *++at == '\0')
			return false;
	}
	return true;
}

bool
http_history_ask_limit(uint32_t *limit, const char *parameters)
{
	const char *at = parameters;
	uint64_t number;

	if (at == NULL || *at == '\0')
		return true;
	if (!parameter_take_key(&at, "limit") ||
	    !parameter_take_number(&at, HTTP_HISTORY_LIMIT_MAX, &number) ||
	    *at != '\0')
		return false;
	*limit = (uint32_t)number;
	return true;
}

/* Answers */

static bool
answer_guarded(FILE *out, struct history *h,
	       const struct http_history_question *q)
{
	struct history_entry e;

	if (q->id == 0) {
		history_write_all_json(out, h, &q->page);
		return true;
	}
	if (!history_find(h, q->id, &e))
		return false;
	history_write_json(out, &e);
	fputc('\n', out);
	return true;
}

static bool
answer_deadlocks(FILE *out, struct history *h,
		 const struct http_history_question *q)
{
	struct history_deadlock d;

	if (q->id == 0) {
		history_write_deadlocks_json(out, h, &q->page);
		return true;
	}
	if (!history_find_deadlock(h, q->id, &d))
		return false;
	history_write_deadlock_json(out, &d);
	fputc('\n', out);
	return true;
}

static bool
answer_why(FILE *out, struct history *h, const struct http_history_question *q)
{
	if (q->is_last)
		return history_write_last(out, h);
	if (q->id != 0)
		return history_write_why(out, h, q->id);
	history_write_list(out, h, HTTP_HISTORY_LISTED);
	return true;
}

bool
http_history_write(FILE *out, enum http_history_kind kind, struct history *h,
		   const struct http_history_question *q)
{
	switch (kind) {
	case HTTP_HISTORY_GUARDED:
		return answer_guarded(out, h, q);
	case HTTP_HISTORY_HELD:
		history_write_held_json(out, h, q->page.limit);
		return true;
	case HTTP_HISTORY_WINDOWS:
		history_write_windows_json(out, h, &q->page);
		return true;
	case HTTP_HISTORY_DEADLOCKS:
		return answer_deadlocks(out, h, q);
	case HTTP_HISTORY_WHY:
		return answer_why(out, h, q);
	}
	return false;
}
