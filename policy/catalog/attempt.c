#include "policy/catalog/attempt.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Give up when the bound is over; else l is what is left of it. */
static void
print_left(struct text *t, const struct attempt *a)
{
	text_print(t, CATALOG_SQL_ATTEMPT_LEFT "\n", a->bound_ms);
}

/* Queue for the lock, as long as there is time. */
static void
print_limit(struct text *t, const struct attempt *a)
{
	print_left(t, a);
	text_put_string(t, CATALOG_SQL_ATTEMPT_LIMIT "\n");
}

static void
print_lock(struct text *t, const struct lock_item *item, bool nowait)
{
	if (nowait && item->owner != NULL)
		text_put_string(t, CATALOG_SQL_ATTEMPT_MOMENT "\n");
	if (item->owner != NULL)
		text_print(t, CATALOG_SQL_ATTEMPT_OWNER "\n", item->name,
			   item->owner);
	else
		text_print(t, CATALOG_SQL_ATTEMPT_LOCK "\n", item->name,
			   lock_mode_sql(item->mode), nowait ? " NOWAIT" : "");
}

/* Lock the items from `from` to before `to`. */
static void
print_locks(struct text *t, const struct attempt *a, size_t from, size_t to,
	    bool nowait)
{
	size_t i;

	for (i = from; i < to; i++) {
		if (!a->set->items[i].is_lockable)
			continue;
		text_print(t, CATALOG_SQL_ATTEMPT_ITEM "\n", i);
		if (a->manner == ATTEMPT_QUEUES ||
		    (a->manner == ATTEMPT_POLLS && !nowait))
			print_limit(t, a);
		print_lock(t, &a->set->items[i], nowait);
	}
}

static void
print_poll(struct text *t, const struct attempt *a, size_t from, bool nowait)
{
	text_put_string(t, CATALOG_SQL_ATTEMPT_POLL "\n");
	print_locks(t, a, from, a->set->count, nowait);
	text_put_string(t, CATALOG_SQL_ATTEMPT_AGAIN "\n");
	print_left(t, a);
	text_put_string(t, CATALOG_SQL_ATTEMPT_LOOP "\n");
}

/* The index behind the first item that is lockable. */
static size_t
attempt_behind_first(const struct attempt *a)
{
	size_t i;

	for (i = 0; i < a->set->count; i++)
		if (a->set->items[i].is_lockable)
			return i + 1;
	return i;
}

static void
print_all(struct text *t, const struct attempt *a)
{
	size_t second = attempt_behind_first(a);

	switch (a->manner) {
	case ATTEMPT_AT_ONCE:
	case ATTEMPT_QUEUES:
		print_locks(t, a, 0, a->set->count,
			    a->manner == ATTEMPT_AT_ONCE);
		break;
	case ATTEMPT_POLLS:
		print_locks(t, a, 0, second, false);
		if (second < a->set->count)
			print_poll(t, a, second, true);
		break;
	case ATTEMPT_NUDGES:
		text_put_string(t, CATALOG_SQL_ATTEMPT_MOMENT "\n");
		print_poll(t, a, 0, false);
		break;
	}
}

/* True if the attempt sets lock_timeout. */
static bool
attempt_sets_timeout(const struct attempt *a)
{
	size_t i;

	for (i = 0; i < a->set->count; i++)
		if (a->set->items[i].owner != NULL)
			return true;
	return a->manner != ATTEMPT_AT_ONCE;
}

static void
print_turn(struct text *t, const struct lock_set *set, size_t index)
{
	uint32_t relid = set->items[index].relid;

	text_print(t, CATALOG_SQL_ATTEMPT_TURN "\n", set->count + 1 + index,
		   ATTEMPT_TURN_CLASS, (int32_t)relid, ATTEMPT_TURN_CLASS,
		   relid);
}

/* Put the relations beside the set that come before some of it, by commas. */
static void
put_near(struct text *oids, const struct lock_set *set)
{
	struct lock_set_place *places = lock_set_places(set);
	size_t i;
	size_t j;

	oids->failed |= places == NULL;
	for (i = 0; places != NULL && i < set->count; i++)
		for (j = 0; j < set->items[i].before_count; j++) {
			uint32_t relid = set->items[i].before[j];

			if (lock_set_find(places, set->count, relid) ==
			    set->count)
				text_print(oids, "%s%u",
					   oids->len > 0 ? "," : "", relid);
		}
	free(places);
}

static void
print_near(struct text *t, const struct lock_set *set)
{
	struct text oids = {0};
	char *list;

	put_near(&oids, set);
	list = text_finish(&oids);
	if (list == NULL)
		t->failed = true;
	else if (*list != '\0')
		text_print(t, CATALOG_SQL_ATTEMPT_NEAR "\n", list);
	free(list);
}

char *
attempt_sql(const struct attempt *a)
{
	struct text t = {0};
	char tag[TAG_MAX];
	size_t i;

	choose_tag(tag, a->set);
	text_print(&t, CATALOG_SQL_ATTEMPT_BEGIN "\n", tag);
	if (a->minds_near)
		print_near(&t, a->set);
	for (i = 0; a->takes_turn && i < a->set->count; i++)
		if (!a->set->items[i].is_lockable)
			print_turn(&t, a->set, i);
	if (!a->locks_nothing)
		print_all(&t, a);
	if (!a->locks_nothing && attempt_sets_timeout(a))
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

const char *
attempt_abort_sql(void)
{
	return CATALOG_SQL_REFUSE_ABORT;
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
