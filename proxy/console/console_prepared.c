#include "proxy/console/console_prepared.h"

#include <stdlib.h>
#include <string.h>

struct console_prepared *
console_names_find(struct console_names *n, uint8_t kind, struct span name)
{
	size_t i;

	for (i = 0; i < n->count; i++) {
		struct console_prepared *p = &n->items[i];

		if (p->is_used && p->kind == kind && span_equals(name, p->name))
			return p;
	}
	return NULL;
}

/* An entry that is not in use.  NULL: there is no room. */
static struct console_prepared *
names_free_entry(struct console_names *n)
{
	struct console_prepared *more;
	size_t i;

	for (i = 0; i < n->count; i++)
		if (!n->items[i].is_used)
			return &n->items[i];
	if (n->count == CONSOLE_PREPARED_MAX)
		return NULL;
	more = realloc(n->items, (n->count + 1) * sizeof(*more));
	if (more == NULL)
		return NULL;
	n->items = more;
	return &n->items[n->count++];
}

struct console_prepared *
console_names_set(struct console_names *n, uint8_t kind, struct span name)
{
	struct console_prepared *p = console_names_find(n, kind, name);

	if (name.len >= CONSOLE_NAME_BYTES)
		return NULL;
	if (p == NULL)
		p = names_free_entry(n);
	if (p == NULL)
		return NULL;
	memset(p, 0, sizeof(*p));
	p->is_used = true;
	p->kind = kind;
	if (name.len > 0)
		memcpy(p->name, name.data, name.len);
	return p;
}

void
console_names_close(struct console_names *n, uint8_t kind, struct span name)
{
	struct console_prepared *p = console_names_find(n, kind, name);

	if (p != NULL)
		p->is_used = false;
}

void
console_names_close_all(struct console_names *n, uint8_t kind)
{
	size_t i;

	for (i = 0; i < n->count; i++)
		if (n->items[i].kind == kind)
			n->items[i].is_used = false;
}

void
console_names_clear(struct console_names *n)
{
	free(n->items);
	*n = (struct console_names){.items = NULL};
}
