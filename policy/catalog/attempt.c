#include "policy/catalog/attempt.h"

#include <stdio.h>
#include <string.h>

#include "policy/catalog/catalog_sql.h"
#include "policy/catalog/row.h"
#include "policy/sql/text.h"

enum {
	TAG_MAX = 32,
};

static bool
is_in_a_name(const struct lock_set *set, const char *tag)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (strstr(set->items[i].name, tag) != NULL ||
		    (set->items[i].owner != NULL &&
		     strstr(set->items[i].owner, tag) != NULL))
			return true;
	return false;
}

/* A dollar quote that no name closes: names are anybody's choice. */
static void
choose_tag(char tag[TAG_MAX], const struct lock_set *set)
{
	unsigned int n = 0;

	do
		snprintf(tag, TAG_MAX, "$lockstep%u$", n++);
	while (is_in_a_name(set, tag));
}

static void
print_lock(struct text *t, const struct attempt *a, size_t index)
{
	const struct lock_item *item = &a->set->items[index];

	text_print(t, CATALOG_SQL_ATTEMPT_ITEM "\n", index);
	if (!a->nowait)
		text_print(t, CATALOG_SQL_ATTEMPT_BOUND "\n", a->bound_ms);
	else if (item->owner != NULL)
		text_print(t, CATALOG_SQL_ATTEMPT_MOMENT "\n");
	if (item->owner != NULL)
		text_print(t, CATALOG_SQL_ATTEMPT_OWNER "\n", item->name,
			   item->owner);
	else
		text_print(t, CATALOG_SQL_ATTEMPT_LOCK "\n", item->name,
			   lock_mode_sql(item->mode),
			   a->nowait ? " NOWAIT" : "");
}

/* True if the attempt sets lock_timeout. */
static bool
attempt_sets_timeout(const struct attempt *a)
{
	size_t i;

	for (i = 0; i < a->set->count; i++)
		if (a->set->items[i].owner != NULL)
			return true;
	return !a->nowait;
}

static void
print_turn(struct text *t, const struct lock_set *set, size_t index)
{
	uint32_t relid = set->items[index].relid;

	text_print(t, CATALOG_SQL_ATTEMPT_TURN "\n", set->count + 1 + index,
		   ATTEMPT_TURN_CLASS, (int32_t)relid, ATTEMPT_TURN_CLASS,
		   relid);
}

char *
attempt_sql(const struct attempt *a)
{
	struct text t = {0};
	char tag[TAG_MAX];
	size_t i;

	choose_tag(tag, a->set);
	text_print(&t, CATALOG_SQL_ATTEMPT_BEGIN "\n", tag);
	for (i = 0; a->takes_turn && i < a->set->count; i++)
		if (!a->set->items[i].is_lockable)
			print_turn(&t, a->set, i);
	for (i = 0; i < a->set->count; i++)
		if (a->set->items[i].is_lockable)
			print_lock(&t, a, i);
	if (attempt_sets_timeout(a))
		text_print(&t, CATALOG_SQL_ATTEMPT_RESTORE "\n",
			   a->lock_timeout);
	text_print(&t, CATALOG_SQL_ATTEMPT_END, a->set->count, ATTEMPT_SQLSTATE,
		   ATTEMPT_SQLSTATE, ATTEMPT_SQLSTATE, tag);
	return text_finish(&t);
}

char *
attempt_coax_sql(const struct lock_set *set, size_t index, uint32_t wait_ms)
{
	struct text t = {0};
	char tag[TAG_MAX];

	choose_tag(tag, set);
	text_print(&t, CATALOG_SQL_COAX, tag, wait_ms, set->items[index].name,
		   index, ATTEMPT_SQLSTATE, tag);
	return text_finish(&t);
}

const char *
attempt_refusal_sql(bool is_deadlock)
{
	return is_deadlock ? CATALOG_SQL_REFUSE_DEADLOCK
			   : CATALOG_SQL_REFUSE_TIMEOUT;
}

bool
attempt_read(const struct lock_set *set, const char *message, size_t len,
	     size_t *index)
{
	size_t n = 0;
	size_t i;

	if (len == 0 || len > 9)
		return false;
	for (i = 0; i < len; i++) {
		if (message[i] < '0' || message[i] > '9')
			return false;
		n = n * 10 + (size_t)(message[i] - '0');
	}
	*index = n;
	return n <= 2 * set->count;
}

void
attempt_read_rival(struct rival *out, const char *detail, size_t len)
{
	struct row_value rest = {detail, len};
	struct row_value name;
	const char *end;

	memset(out, 0, sizeof(*out));
	if (!row_take_number(&out->pid, &rest) || rest.len == 0)
		return;
	rest.data++;
	rest.len--;
	end = memchr(rest.data, '\n', rest.len);
	if (end == NULL)
		return;
	name = (struct row_value){rest.data, (size_t)(end - rest.data)};
	row_copy_cut(out->application_name, sizeof(out->application_name),
		     name);
	name = (struct row_value){end + 1, rest.len - name.len - 1};
	row_copy_cut(out->user, sizeof(out->user), name);
}
