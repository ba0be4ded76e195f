#include "proxy/guard/steps.h"

#include <stdlib.h>
#include <string.h>

#include "policy/guard/report_steps.h"

static void
steps_forget_statement(struct steps *s)
{
	statement_list_clear(&s->list);
	free(s->sql);
	s->sql = NULL;
}

/* True if the statement of the key is one, and can be planned. */
static bool
steps_judge(struct steps *s)
{
	return s->sql != NULL &&
	       statement_list_parse(
		   &s->list, s->sql, strlen(s->sql), GUARD_SCOPE_DROPS,
		   STATEMENT_PARSE_BYTES_MAX) == STATEMENT_OK &&
	       s->list.count == 1 && s->list.items[0].has_plan &&
	       !s->list.has_unparsed;
}

bool
steps_next(struct steps *s)
{
	steps_forget_statement(s);
	s->is_under_way = false;
	if (s->is_over || s->next == s->keys.count)
		return false;
	s->sql = drop_key_sql(&s->keys.items[s->next++]);
	s->is_under_way = steps_judge(s);
	s->is_over = !s->is_under_way;
	return s->is_under_way;
}

struct drop_key *
steps_key(const struct steps *s)
{
	return &s->keys.items[s->next - 1];
}

static void
steps_tell(struct steps *s, const struct drop_key *doubtful)
{
	free(s->left);
	s->left = report_steps_left(&s->keys, doubtful);
}

void
steps_note_gone(struct steps *s)
{
	steps_key(s)->is_gone = true;
	steps_tell(s, NULL);
}

void
steps_note_doubt(struct steps *s)
{
	steps_tell(s, steps_key(s));
}

size_t
steps_gone(const struct steps *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->keys.count; i++)
		count += s->keys.items[i].is_gone;
	return count;
}

void
steps_clear(struct steps *s)
{
	steps_forget_statement(s);
	drop_keys_clear(&s->keys);
	free(s->left);
	memset(s, 0, sizeof(*s));
}
