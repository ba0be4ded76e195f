#include "proxy/guard/prepared.h"

#include <stdlib.h>
#include <string.h>

struct prepared_entry {
	struct prepared_entry *next;
	struct prepared_facts *facts; /* one use */
	bool is_leaving;
	size_t name_len;
	uint8_t name[];
};

/* The link that points at the entry, or at the end of the list. */
static struct prepared_entry **
prepared_find(struct prepared_entry **list, struct span name)
{
	while (*list != NULL) {
		const struct prepared_entry *e = *list;

		if (e->name_len == name.len &&
		    memcmp(e->name, name.data, name.len) == 0)
			break;
		list = &(*list)->next;
	}
	return list;
}

static void
prepared_remove(struct prepared_entry **link)
{
	struct prepared_entry *e = *link;

	*link = e->next;
	prepared_facts_drop(e->facts);
	free(e);
}

static void
prepared_forget(struct prepared_entry **list, struct span name)
{
	struct prepared_entry **link = prepared_find(list, name);

	if (*link != NULL)
		prepared_remove(link);
}

static size_t
prepared_count(const struct prepared_entry *list)
{
	size_t n = 0;

	for (; list != NULL; list = list->next)
		n++;
	return n;
}

/* Put an entry in the list, and take one use of facts.  False: there are too
 * many, or there is no memory. */
static bool
prepared_remember(struct prepared_entry **list, struct span name,
		  struct prepared_facts *facts)
{
	struct prepared_entry *e = NULL;

	prepared_forget(list, name);
	if (prepared_count(*list) < PREPARED_MAX)
		e = malloc(sizeof(*e) + name.len);
	if (e == NULL) {
		prepared_facts_drop(facts);
		return false;
	}
	e->facts = facts;
	e->is_leaving = false;
	e->name_len = name.len;
	memcpy(e->name, name.data, name.len);
	e->next = *list;
	*list = e;
	return true;
}

static void
prepared_leave(struct prepared *p, struct span statement)
{
	struct prepared_entry *e = *prepared_find(&p->statements, statement);

	if (e == NULL)
		return;
	e->is_leaving = true;
	p->has_leaving = true;
}

/* True if the server will refuse a Parse of this name; a Parse of the unnamed
 * statement replaces it. */
static bool
prepared_is_taken(struct prepared *p, struct span statement)
{
	const struct prepared_entry *e;

	if (p->statements == NULL || statement.len == 0 || p->is_uncertain)
		return false;
	e = *prepared_find(&p->statements, statement);
	return e != NULL && !e->is_leaving;
}

void
prepared_doubt(struct prepared *p)
{
	p->is_uncertain = p->statements != NULL;
}

void
prepared_settle(struct prepared *p)
{
	struct prepared_entry **link = &p->statements;

	if (!p->has_leaving)
		return;
	while (*link != NULL) {
		if ((*link)->is_leaving)
			prepared_remove(link);
		else
			link = &(*link)->next;
	}
	p->has_leaving = false;
}

void
prepared_restore(struct prepared *p)
{
	struct prepared_entry *e;

	for (e = p->statements; e != NULL; e = e->next)
		e->is_leaving = false;
	p->has_leaving = false;
	prepared_doubt(p);
}

bool
prepared_parse(struct prepared *p, struct span statement,
	       struct prepared_facts *facts)
{
	if (prepared_is_taken(p, statement))
		prepared_facts_drop(facts);
	else if (facts != NULL)
		return prepared_remember(&p->statements, statement, facts);
	else if (p->statements != NULL)
		prepared_leave(p, statement);
	return true;
}

bool
prepared_bind(struct prepared *p, struct span portal, struct span statement)
{
	struct prepared_entry *e;

	if (p->statements == NULL && p->portals == NULL)
		return false;
	e = *prepared_find(&p->statements, statement);
	if (e == NULL || e->is_leaving) {
		prepared_forget(&p->portals, portal);
		return false;
	}
	prepared_facts_use(e->facts);
	return prepared_remember(&p->portals, portal, e->facts);
}

void
prepared_close(struct prepared *p, uint8_t kind, struct span name)
{
	if (kind == 'S')
		prepared_leave(p, name);
	else
		prepared_forget(&p->portals, name);
}

struct prepared_facts *
prepared_portal(const struct prepared *p, struct span portal)
{
	struct prepared_entry *list = p->portals;
	struct prepared_entry *e = *prepared_find(&list, portal);

	return e != NULL ? e->facts : NULL;
}

static void
prepared_clear_list(struct prepared_entry **list)
{
	while (*list != NULL)
		prepared_remove(list);
}

void
prepared_clear_statements(struct prepared *p)
{
	prepared_clear_list(&p->statements);
	p->has_leaving = false;
	p->is_uncertain = false;
}

void
prepared_clear(struct prepared *p)
{
	prepared_clear_list(&p->statements);
	prepared_clear_list(&p->portals);
}
