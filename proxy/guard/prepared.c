#include "proxy/guard/prepared.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/pair/pair.h"

/* The numbers of entries that wait for no answer. */
#define SEQ_SETTLED 0
#define SEQ_KEPT UINT64_MAX

/* A name has one that is settled at most.  The newest stands first. */
struct prepared_entry {
	struct prepared_entry *next;
	struct prepared_facts *facts; /* one use; NULL: it is to end */
	uint64_t seq;                 /* the number of its message */
	uint32_t place;               /* among those that are kept back */
	bool is_unlikely; /* the name was taken: it counts once obeyed */
	size_t name_len;
	uint8_t name[];
};

/* The name as the server keeps it: it looks at no more of its bytes. */
static struct span
prepared_key(struct span name)
{
	return span_of(name.data, name.len < PAIR_NAME_BYTES
				      ? name.len
				      : PAIR_NAME_BYTES - 1);
}

static bool
entry_is_of(const struct prepared_entry *e, struct span name)
{
	struct span key = prepared_key(name);

	return e->name_len == key.len &&
	       memcmp(e->name, key.data, key.len) == 0;
}

static struct span
entry_name(const struct prepared_entry *e)
{
	return span_of(e->name, e->name_len);
}

static bool
entry_is_pending(const struct prepared_entry *e)
{
	return e->seq != SEQ_SETTLED && e->seq != SEQ_KEPT;
}

static struct prepared_entry **
prepared_list(struct prepared *p, enum prepared_kind kind)
{
	return kind == PREPARED_STATEMENT ? &p->statements : &p->portals;
}

/* The newest entry of the name that counts.  NULL: there is none. */
static const struct prepared_entry *
prepared_find(const struct prepared_entry *e, struct span name)
{
	while (e != NULL && (e->is_unlikely || !entry_is_of(e, name)))
		e = e->next;
	return e;
}

/* True if the server will refuse the change; a Parse of the unnamed statement
 * replaces it. */
static bool
prepared_is_unlikely(const struct prepared *p, const struct prepared_change *c)
{
	const struct prepared_entry *e;

	if (!c->is_parse || c->name.len == 0 || p->is_uncertain)
		return false;
	e = prepared_find(p->statements, c->name);
	return e != NULL && e->facts != NULL;
}

static void
prepared_remove(struct prepared *p, struct prepared_entry **link)
{
	struct prepared_entry *e = *link;

	assert(e != NULL);
	*link = e->next;
	p->pending -= entry_is_pending(e);
	p->kept -= e->seq == SEQ_KEPT;
	prepared_facts_drop(e->facts);
	free(e);
}

/* Remove the entries from number `first` to `last`, both included; of all
 * names if name.data is NULL. */
static void
prepared_remove_all(struct prepared *p, struct prepared_entry **link,
		    struct span name, uint64_t first, uint64_t last)
{
	while (*link != NULL) {
		const struct prepared_entry *e = *link;

		if (e->seq >= first && e->seq <= last &&
		    (name.data == NULL || entry_is_of(e, name)))
			prepared_remove(p, link);
		else
			link = &(*link)->next;
	}
}

/* The same of both kinds, and of all names. */
static void
prepared_remove_range(struct prepared *p, uint64_t first, uint64_t last)
{
	struct span any = span_of(NULL, 0);

	prepared_remove_all(p, &p->statements, any, first, last);
	prepared_remove_all(p, &p->portals, any, first, last);
}

static size_t
prepared_count(const struct prepared_entry *list)
{
	size_t n = 0;

	for (; list != NULL; list = list->next)
		n++;
	return n;
}

/* Put an entry at the link, and take one use of facts.  NULL: out of memory,
 * and none is taken. */
static struct prepared_entry *
prepared_insert(struct prepared *p, struct prepared_entry **link,
		struct span name, struct prepared_facts *facts, uint64_t seq)
{
	struct span key = prepared_key(name);
	struct prepared_entry *e = malloc(sizeof(*e) + key.len);

	if (e == NULL)
		return NULL;
	e->facts = facts;
	e->seq = seq;
	e->place = 0;
	e->is_unlikely = false;
	e->name_len = key.len;
	memcpy(e->name, key.data, key.len);
	e->next = *link;
	*link = e;
	p->pending += entry_is_pending(e);
	p->kept += seq == SEQ_KEPT;
	return e;
}

/* Put an entry in its list, and take its facts.  NULL: there are too many, or
 * there is no memory, and the name is forgotten. */
static struct prepared_entry *
prepared_add(struct prepared *p, const struct prepared_change *c, uint64_t seq)
{
	struct prepared_entry **list = prepared_list(p, c->kind);
	struct prepared_entry *e = NULL;
	bool is_unlikely;

	if (prepared_count(*list) >= PREPARED_MAX)
		prepared_remove_all(p, list, c->name, SEQ_SETTLED, SEQ_KEPT);
	is_unlikely = prepared_is_unlikely(p, c);
	if (prepared_count(*list) < PREPARED_MAX)
		e = prepared_insert(p, list, c->name, c->facts, seq);
	if (e == NULL) {
		prepared_remove_all(p, list, c->name, SEQ_SETTLED, SEQ_KEPT);
		prepared_facts_drop(c->facts);
		return NULL;
	}
	e->is_unlikely = is_unlikely;
	return e;
}

bool
prepared_changes(const struct prepared *p, const struct prepared_change *c)
{
	const struct prepared_entry *list =
	    c->kind == PREPARED_STATEMENT ? p->statements : p->portals;

	return c->facts != NULL || prepared_find(list, c->name) != NULL;
}

bool
prepared_note(struct prepared *p, const struct prepared_change *c, uint64_t seq)
{
	return prepared_add(p, c, seq) != NULL;
}

bool
prepared_keep(struct prepared *p, const struct prepared_change *c,
	      uint32_t place)
{
	struct prepared_entry *e = prepared_add(p, c, SEQ_KEPT);

	if (e == NULL)
		return false;
	e->place = place;
	return true;
}

/* The entry stays for the next time; without memory it is sent for good. */
static void
prepared_send_entry(struct prepared *p, struct prepared_entry **link,
		    uint64_t seq)
{
	struct prepared_entry *e = *link;
	struct prepared_entry *sent =
	    prepared_insert(p, link, entry_name(e), e->facts, seq);

	if (sent == NULL) {
		e->seq = seq;
		p->pending++;
		p->kept--;
		return;
	}
	sent->is_unlikely = e->is_unlikely;
	if (e->facts != NULL)
		prepared_facts_use(e->facts);
}

static void
prepared_send_list(struct prepared *p, struct prepared_entry **link,
		   uint32_t count, uint64_t first, uint64_t last)
{
	while (*link != NULL) {
		struct prepared_entry *e = *link;
		uint64_t behind = count - 1 - e->place;

		if (e->seq == SEQ_KEPT && last > first + behind)
			prepared_send_entry(p, link, last - behind);
		link = &e->next;
	}
}

void
prepared_send_kept(struct prepared *p, uint32_t count, uint64_t first,
		   uint64_t last)
{
	if (p->kept == 0)
		return;
	prepared_send_list(p, &p->statements, count, first, last);
	prepared_send_list(p, &p->portals, count, first, last);
}

void
prepared_forget_kept(struct prepared *p)
{
	if (p->kept > 0)
		prepared_remove_range(p, SEQ_KEPT, SEQ_KEPT);
}

/* The newest of those that are pending up to number `seq`. */
static struct prepared_entry **
prepared_find_answered(struct prepared_entry **link, uint64_t seq)
{
	while (*link != NULL &&
	       (!entry_is_pending(*link) || (*link)->seq > seq))
		link = &(*link)->next;
	return link;
}

/* The entry takes the place of all others of its name but later ones. */
static void
prepared_settle(struct prepared *p, struct prepared_entry **list, uint64_t seq)
{
	struct prepared_entry *e = *prepared_find_answered(list, seq);

	if (e == NULL)
		return;
	prepared_remove_all(p, list, entry_name(e), SEQ_SETTLED, e->seq - 1);
	if (e->facts == NULL) {
		prepared_remove(p, prepared_find_answered(list, seq));
		return;
	}
	e->seq = SEQ_SETTLED;
	e->is_unlikely = false;
	p->pending--;
}

void
prepared_obeyed(struct prepared *p, uint64_t seq)
{
	if (p->pending == 0)
		return;
	prepared_settle(p, &p->statements, seq);
	prepared_settle(p, &p->portals, seq);
}

void
prepared_failed(struct prepared *p, uint64_t seq)
{
	if (p->pending > 0)
		prepared_remove_range(p, SEQ_SETTLED + 1, seq);
}

/* Names are free, or may be: the server may obey what it was to refuse. */
static void
prepared_expect_all(struct prepared *p)
{
	for (struct prepared_entry *e = p->statements; e != NULL; e = e->next)
		e->is_unlikely = false;
}

void
prepared_clear_statements(struct prepared *p)
{
	prepared_remove_all(p, &p->statements, span_of(NULL, 0), SEQ_SETTLED,
			    SEQ_SETTLED);
	prepared_expect_all(p);
	p->is_uncertain = false;
}

void
prepared_doubt(struct prepared *p)
{
	prepared_expect_all(p);
	p->is_uncertain = p->statements != NULL;
}

struct prepared_facts *
prepared_statement(const struct prepared *p, struct span statement)
{
	const struct prepared_entry *e =
	    prepared_find(p->statements, statement);

	return e != NULL ? e->facts : NULL;
}

struct prepared_facts *
prepared_portal(const struct prepared *p, struct span portal)
{
	const struct prepared_entry *e = prepared_find(p->portals, portal);

	return e != NULL ? e->facts : NULL;
}

void
prepared_clear(struct prepared *p)
{
	prepared_remove_range(p, SEQ_SETTLED, SEQ_KEPT);
}
