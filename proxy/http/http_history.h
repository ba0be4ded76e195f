/*
 * http_history.h - what HTTP tells of the history: as JSON for programs, and as
 * text for `lockstep why`.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_HISTORY_H
#define LOCKSTEP_PROXY_HTTP_HTTP_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/history/history_json.h"

struct history;

enum {
	HTTP_HISTORY_LIMIT = 100, /* entries, if not asked for fewer or more */
	HTTP_HISTORY_LIMIT_MAX = 200,
	HTTP_HISTORY_LISTED = 20, /* lines of text */
};

enum http_history_kind {
	HTTP_HISTORY_GUARDED,
	HTTP_HISTORY_HELD,
	HTTP_HISTORY_WINDOWS,
	HTTP_HISTORY_DEADLOCKS,
	HTTP_HISTORY_WHY,
};

/* The parameters behind the '?'. */
struct http_history_question {
	bool is_last; /* id=last */
	uint64_t id;  /* id=; 0: it is not asked for one */
	/* before=, or UINT64_MAX; limit=; brief=1 */
	struct history_page page;
};

/* Read the parameters, which may be NULL.  False: one is not known, or is not a
 * number that may be; *q is undefined. */
bool http_history_ask(struct http_history_question *q, const char *parameters);

/* Read limit= alone, where nothing else may stand; *limit stays where it is not
 * there.  False: as above. */
bool http_history_ask_limit(uint32_t *limit, const char *parameters);

/* Write the answer.  False: the one that is asked for is not kept, and nothing
 * is written. */
bool http_history_write(FILE *out, enum http_history_kind kind,
			struct history *h,
			const struct http_history_question *q);

#endif
