#include "proxy/guard/tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error_response.h"
#include "proxy/base/clock.h"
#include "proxy/guard/guarded.h"
#include "proxy/guard/memory.h"

enum {
	HEAD_BYTES = 64,
};

/* The notices of the relations. */
struct answer {
	struct writer notices; /* owned */
	size_t count;
};

static void
tell_notice(struct writer *w, const struct error_report *more)
{
	struct error_report e = *more;

	e.severity = "NOTICE";
	e.sqlstate = RECOLLECTION_SQLSTATE;
	notice_response_write(w, &e);
}

static void
tell_relation(void *arg, const struct recollection *r)
{
	struct answer *a = arg;
	char *detail = recollection_detail(r);

	if (detail == NULL)
		return;
	tell_notice(&a->notices,
		    &(struct error_report){
			.message = "remembered of a migration that began so",
			.detail = detail,
			.hint = r->application_name,
		    });
	free(detail);
	a->count++;
}

static void
tell_send(struct pair *p, const struct answer *a)
{
	char text[HEAD_BYTES];
	struct writer head = {0};

	snprintf(text, sizeof(text), "Lockstep remembers %zu relation%s",
		 a->count, a->count == 1 ? "" : "s");
	tell_notice(&head, &(struct error_report){.message = text});
	if (head.failed || a->notices.failed)
		pair_close(p, CLOSE_MEMORY, NULL);
	else if (pair_to_client(p, head.data, head.len) && a->count > 0)
		(void)pair_to_client(p, a->notices.data, a->notices.len);
	writer_clear(&head);
}

/* True if nothing that the client is to get is outstanding or on its way. */
static bool
tell_is_in_time(const struct guarded *g)
{
	const struct pair *p = g->pair;

	return pipeline_is_settled(&p->pipeline) && g->exchange == NULL &&
	       g->kept.count == 0 && p->from_server.pass_left == 0;
}

void
tell_memory(struct guarded *g, struct span name)
{
	struct pair *p = g->pair;
	struct memory_key key = {.is_utf8 = p->is_utf8};
	struct answer a = {0};

	if (!recollection_is_asked(&key.statement, (const char *)name.data,
				   name.len) ||
	    !tell_is_in_time(g))
		return;
	memcpy(key.database, p->database, sizeof(key.database));
	memcpy(key.user, p->user, sizeof(key.user));
	memory_tell(p->daemon->memory, &key, clock_now_ms(), tell_relation, &a);
	tell_send(p, &a);
	writer_clear(&a.notices);
}
