#include "proxy/explain/explain_output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/guard/settings.h"
#include "proxy/base/escape.h"

static void
json_write_string(FILE *out, const char *s)
{
	if (s == NULL)
		fputs("null", out);
	else
		escape_write_json(out, s, strlen(s));
}

static void
json_write_member(FILE *out, const char *key, const char *value)
{
	fprintf(out, ", \"%s\": ", key);
	json_write_string(out, value);
}

static void
json_write_holder(FILE *out, const struct explain_holder *h)
{
	fputs("{\"pid\": ", out);
	if (h->pid == 0)
		fputs("null", out);
	else
		fprintf(out, "%" PRIu32, h->pid);
	json_write_member(out, "user", h->user);
	json_write_member(out, "application_name", h->application_name);
	json_write_member(out, "state", h->state);
	json_write_member(out, "mode", lock_mode_name(h->mode));
	fputs(", \"transaction_age_s\": ", out);
	if (h->has_age)
		fprintf(out, "%" PRIu64 ".%03" PRIu64 "}", h->age_ms / 1000,
			h->age_ms % 1000);
	else
		fputs("null}", out);
}

static void
json_write_holders(FILE *out, const struct explain_report *r, size_t item)
{
	const char *separator = "";
	size_t i;

	fputs(", \"holders\": [", out);
	for (i = 0; i < r->holder_count; i++) {
		if (r->holders[i].item != item)
			continue;
		fputs(separator, out);
		json_write_holder(out, &r->holders[i]);
		separator = ", ";
	}
	fputs("]", out);
}

static bool
json_write_lock(FILE *out, const struct explain_report *r, size_t item)
{
	const struct lock_item *lock = &r->set.items[item];
	char *schema;
	char *name;

	if (!explain_split_name(&schema, &name, lock->name))
		return false;
	fputs("{\"schema\": ", out);
	json_write_string(out, schema);
	json_write_member(out, "name", name);
	json_write_member(out, "kind", explain_kind(lock->relkind));
	json_write_member(out, "mode", lock_mode_name(lock->mode));
	fprintf(out, ", \"lockable\": %s",
		lock->is_lockable ? "true" : "false");
	json_write_holders(out, r, item);
	fputs("}", out);
	free(schema);
	free(name);
	return true;
}

static bool
json_write_locks(FILE *out, const struct explain_report *r)
{
	const char *separator = "";
	size_t i;

	fputs(", \"locks\": [", out);
	for (i = 0; i < r->set.count; i++) {
		if (!explain_shows(&r->set.items[i]))
			continue;
		fputs(separator, out);
		if (!json_write_lock(out, r, i))
			return false;
		separator = ", ";
	}
	fputs("]", out);
	return true;
}

static void
json_write_order(FILE *out, const struct explain_report *r)
{
	const char *separator = "";
	size_t i;

	fputs(", \"order\": [", out);
	for (i = 0; i < r->set.count; i++) {
		const struct lock_item *lock = &r->set.items[i];

		if (!explain_shows(lock) || !lock->is_lockable)
			continue;
		fputs(separator, out);
		json_write_string(out, lock->name);
		separator = ", ";
	}
	fputs("]", out);
}

static void
json_write_users(FILE *out, const struct explain_users *u)
{
	fprintf(out,
		", \"sessions\": {\"users\": %" PRIu64 ", \"past\": %" PRIu64
		", \"untold\": %" PRIu64,
		u->count, u->past, u->untold);
	json_write_member(out, "past_of", u->past_of);
	fputs("}", out);
}

static void
json_write_memory(FILE *out, const struct explain_memory *m)
{
	fputs(", \"remembered\": [", out);
	for (size_t i = 0; i < m->count; i++) {
		const struct explain_remembered *r = &m->items[i];

		fputs(i == 0 ? "{\"relation\": " : ", {\"relation\": ", out);
		json_write_string(out, r->relation);
		json_write_member(out, "mode", lock_mode_name(r->mode));
		json_write_member(out, "application_name", r->application_name);
		fprintf(out, ", \"age_s\": %" PRIu64 ".%03" PRIu64 "}",
			r->age_ms / 1000, r->age_ms % 1000);
	}
	fputs("]", out);
}

static void
json_write_steps(FILE *out, const struct explain_report *r)
{
	json_write_member(out, "drop_in_steps",
			  guard_steps_name(r->settings.steps));
	fputs(", \"steps\": [", out);
	for (size_t i = 0; i < r->keys.count; i++) {
		const struct drop_key *key = &r->keys.items[i];

		fputs(i == 0 ? "{\"table\": " : ", {\"table\": ", out);
		json_write_string(out, key->relation);
		json_write_member(out, "key", key->name);
		json_write_member(out, "restore", key->restore);
		fputs("}", out);
	}
	fputs("]", out);
}

bool
explain_write_json(FILE *out, const struct explain_report *r)
{
	const char *note = explain_note(r);

	fputs("{\"statement\": ", out);
	escape_write_json(out, r->statement, r->statement_len);
	fprintf(out, ", \"guarded\": %s",
		r->verdict == EXPLAIN_GUARDED ? "true" : "false");
	json_write_member(out, "policy", guard_policy_name(r->settings.policy));
	if (!json_write_locks(out, r))
		return false;
	json_write_order(out, r);
	if (r->has_users)
		json_write_users(out, &r->users);
	if (r->keys.count > 0)
		json_write_steps(out, r);
	if (r->memory.is_told)
		json_write_memory(out, &r->memory);
	if (r->verdict == EXPLAIN_FAILED)
		json_write_member(out, "error", r->error);
	if (note != NULL)
		json_write_member(out, "note", note);
	fputs("}\n", out);
	return true;
}
