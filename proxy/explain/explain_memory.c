/*
 * explain_memory.c - the question is the name of a prepared statement
 * (recollection.h), which is gone again when its transaction is over.
 */
#include "proxy/explain/explain_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "policy/guard/recollection.h"
#include "policy/sql/grow.h"
#include "policy/sql/shape.h"

enum {
	ITEMS_MIN = 4,    /* room for, at first */
	ITEMS_MAX = 1024, /* more than any Lockstep tells */
};

/* Whoever hears the notices of one question. */
struct listener {
	struct explain_report *report;
	PQnoticeReceiver others; /* for notices that are no answer to it */
	bool has_failed;         /* for want of memory */
};

/* True if the statement takes it in any case. */
static bool
explain_set_covers(const struct lock_set *set, const struct recollection *r)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->items[i].name, r->relation) == 0)
			return lock_mode_covers(set->items[i].mode, r->mode);
	return false;
}

static bool
explain_memory_add(struct explain_memory *m, const struct recollection *r)
{
	struct explain_remembered *items =
	    grow_array(m->items, m->count, sizeof(*items), ITEMS_MIN);
	struct explain_remembered *item;

	if (items == NULL)
		return false;
	m->items = items;
	item = &items[m->count++];
	*item = (struct explain_remembered){
	    .relation = strdup(r->relation),
	    .application_name = strdup(r->application_name),
	    .mode = r->mode,
	    .age_ms = r->age_ms,
	};
	return item->relation != NULL && item->application_name != NULL;
}

static void
explain_memory_hear(struct listener *l, const PGresult *notice)
{
	struct explain_report *r = l->report;
	const char *detail = PQresultErrorField(notice, PG_DIAG_MESSAGE_DETAIL);
	struct recollection told = {
	    .application_name =
		PQresultErrorField(notice, PG_DIAG_MESSAGE_HINT),
	};

	r->memory.is_told = true;
	if (detail == NULL || told.application_name == NULL ||
	    r->memory.count == ITEMS_MAX || !recollection_read(&told, detail) ||
	    explain_set_covers(&r->set, &told))
		return;
	if (!explain_memory_add(&r->memory, &told))
		l->has_failed = true;
}

static void
explain_memory_notice(void *arg, const PGresult *notice)
{
	struct listener *l = arg;
	const char *sqlstate = PQresultErrorField(notice, PG_DIAG_SQLSTATE);

	if (sqlstate != NULL && strcmp(sqlstate, RECOLLECTION_SQLSTATE) == 0)
		explain_memory_hear(l, notice);
	else
		l->others(NULL, notice);
}

/*
 * In a transaction, so that a pooler gives one server all of it.  What fails
 * here is nobody's loss but the answer's.
 */
static void
explain_memory_prepare(PGconn *connection, const char *name)
{
	char forget[RECOLLECTION_NAME_BYTES + sizeof("DEALLOCATE \"\"")];

	snprintf(forget, sizeof(forget), "DEALLOCATE \"%s\"", name);
	PQclear(PQexec(connection, "BEGIN READ ONLY"));
	PQclear(PQprepare(connection, name, "SELECT 1", 0, NULL));
	PQclear(PQexec(connection, forget));
	PQclear(PQexec(connection, "ROLLBACK"));
}

enum explain_answer
explain_memory_ask(struct explain_server *s, struct explain_report *r)
{
	PGconn *connection = s->connection;
	struct listener l = {
	    .report = r,
	    .others = PQsetNoticeReceiver(connection, NULL, NULL),
	};
	char name[RECOLLECTION_NAME_BYTES];

	recollection_ask(name, shape_of_text(r->statement, r->statement_len));
	PQsetNoticeReceiver(connection, explain_memory_notice, &l);
	explain_memory_prepare(connection, name);
	PQsetNoticeReceiver(connection, l.others, NULL);
	if (l.has_failed || PQstatus(connection) != CONNECTION_OK)
		return EXPLAIN_LOST;
	return EXPLAIN_ANSWERED;
}
