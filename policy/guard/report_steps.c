#include "policy/guard/report_steps.h"

#include "policy/sql/text.h"

const char report_steps_hint[] =
    "Lockstep's drop_in_steps would drop its foreign keys one by one before.";

char *
report_step_message(const struct drop_key *key, const char *tag)
{
	struct text t = {0};

	text_print(&t, "foreign key %s of %s is dropped, ahead of %s",
		   key->name, key->relation, tag);
	return text_finish(&t);
}

char *
report_step_detail(const struct drop_key *key)
{
	struct text t = {0};

	text_print(&t, "This brings it back: %s;", key->restore);
	return text_finish(&t);
}

static size_t
count_gone(const struct drop_keys *keys)
{
	size_t count = 0;

	for (size_t i = 0; i < keys->count; i++)
		count += keys->items[i].is_gone;
	return count;
}

static void
put_gone(struct text *t, const struct drop_keys *keys, size_t count)
{
	if (count == 0)
		return;
	text_print(t,
		   "%zu foreign key%s %s gone before the statement, and not "
		   "back. This brings %s back:",
		   count, count > 1 ? "s" : "", count > 1 ? "have" : "has",
		   count > 1 ? "them" : "it");
	for (size_t i = 0; i < keys->count; i++)
		if (keys->items[i].is_gone)
			text_print(t, "\n%s;", keys->items[i].restore);
}

static void
put_doubtful(struct text *t, const struct drop_key *doubtful)
{
	if (doubtful == NULL)
		return;
	if (t->len > 0)
		text_put(t, '\n');
	text_print(t,
		   "The session ended while one was dropped, which may be gone "
		   "or not. This would bring it back:\n%s;",
		   doubtful->restore);
}

char *
report_steps_left(const struct drop_keys *keys, const struct drop_key *doubtful)
{
	struct text t = {0};
	size_t count = count_gone(keys);

	if (count == 0 && doubtful == NULL)
		return NULL;
	put_gone(&t, keys, count);
	put_doubtful(&t, doubtful);
	return text_finish(&t);
}
