#include "policy/guard/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	TABLES_SHOWN = 8,
};

/* Texts are cut to the buffers of the report, so that it cannot fail. */
struct cut_text {
	char *data;
	size_t size;
	size_t len;
};

/*
 * The text is full: later appends are lost, and with them the character at the
 * cut, since half of one would be an error in the client's encoding, whichever
 * that is.
 */
static void
cut_text_end(struct cut_text *t)
{
	t->len = t->size - 1;
	while (t->len > 0 && (unsigned char)t->data[t->len - 1] >= 0x80)
		t->len--;
	t->data[t->len] = '\0';
	t->size = t->len + 1;
}

static void __attribute__((format(printf, 2, 3)))
cut_text_add(struct cut_text *t, const char *format, ...)
{
	va_list args;
	int n;

	if (t->len + 1 >= t->size)
		return;
	va_start(args, format);
	n = vsnprintf(t->data + t->len, t->size - t->len, format, args);
	va_end(args);
	t->len += n > 0 ? (size_t)n : 0;
	if (t->len >= t->size)
		cut_text_end(t);
}

static void
cut_text_add_set(struct cut_text *t, const struct lock_set *set,
		 bool with_modes)
{
	size_t i;

	for (i = 0; i < set->count && i < TABLES_SHOWN; i++) {
		cut_text_add(t, "%s%s", i > 0 ? ", " : "", set->items[i].name);
		if (with_modes)
			cut_text_add(t, " (%s)",
				     lock_mode_name(set->items[i].mode));
	}
	if (set->count > TABLES_SHOWN)
		cut_text_add(t, " and %zu more", set->count - TABLES_SHOWN);
}

static const char *
relation_name(const struct lock_set *set, uint32_t relid)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (set->items[i].relid == relid)
			return set->items[i].name;
	return "?";
}

static void
cut_text_add_holder(struct cut_text *t, const struct lock_set *set,
		    const struct holder *h)
{
	if (h->pid == 0) {
		cut_text_add(t, "a prepared transaction");
	} else {
		cut_text_add(t,
			     "pid %u (user \"%s\", application_name \"%s\","
			     " state \"%s\", transaction age %.1f s)",
			     h->pid, h->user, h->application_name, h->state,
			     (double)h->transaction_age_ms / 1000.0);
	}
	cut_text_add(t, " holds %s on %s", lock_mode_name(h->mode),
		     relation_name(set, h->relid));
}

static void
cut_text_add_holders(struct cut_text *t, const struct guard_account *a)
{
	const struct holders *h = a->holders;
	size_t i;

	for (i = 0; i < h->count && i < HOLDERS_SHOWN; i++) {
		cut_text_add(t, "%s", i > 0 ? "; " : "");
		cut_text_add_holder(t, a->set, &h->shown[i]);
	}
	if (h->count > HOLDERS_SHOWN)
		cut_text_add(t, "; and %zu more", h->count - HOLDERS_SHOWN);
}

/* The name of the setting to raise. */
static const char *
limit_name(enum guard_limit limit)
{
	switch (limit) {
	case GUARD_LIMIT_HOLD:
		return "Lockstep's hold_timeout";
	case GUARD_LIMIT_IN_TRANSACTION:
		return "Lockstep's in_transaction_timeout";
	case GUARD_LIMIT_LOCK:
		return "the session's lock_timeout";
	case GUARD_LIMIT_STATEMENT:
		return "the session's statement_timeout";
	}
	return "?";
}

static void
refuse_timeout(struct report *out, const struct guard_account *a,
	       const char *tag)
{
	bool is_statement = a->limit == GUARD_LIMIT_STATEMENT;
	struct cut_text t = {.data = out->detail, .size = sizeof(out->detail)};

	out->sqlstate = is_statement ? "57014" : "55P03";
	snprintf(out->message, sizeof(out->message),
		 "canceling statement due to %s timeout: %s was held for"
		 " %" PRIu64 " ms",
		 is_statement ? "statement" : "lock", tag, a->held_ms);
	cut_text_add(&t, "Lock set in order: ");
	cut_text_add_set(&t, a->set, true);
	cut_text_add(&t, ". %u attempts", a->attempts);
	cut_text_add(&t, " in %" PRIu64 " ms. ", a->held_ms);
	if (a->holders->count > 0) {
		cut_text_add(&t, "Blockers: ");
		cut_text_add_holders(&t, a);
		cut_text_add(&t, ".");
	} else {
		cut_text_add(&t,
			     "Nobody holds a conflicting lock at this moment.");
	}
	snprintf(out->hint, sizeof(out->hint),
		 "End the transactions named above, or raise %s.",
		 limit_name(a->limit));
}

static void
refuse_policy(struct report *out, const struct guard_account *a,
	      const char *tag)
{
	struct cut_text t = {.data = out->detail, .size = sizeof(out->detail)};

	out->sqlstate = "42501";
	snprintf(out->message, sizeof(out->message),
		 "%s is refused by Lockstep: it locks several tables", tag);
	cut_text_add(&t, "Lock set: ");
	cut_text_add_set(&t, a->set, true);
	cut_text_add(&t, ".");
	snprintf(out->hint, sizeof(out->hint),
		 "The setting \"policy\" is \"reject\".");
}

void
report_refusal(struct report *out, const struct guard_account *a,
	       const char *tag)
{
	memset(out, 0, sizeof(*out));
	switch (a->outcome) {
	case GUARD_REJECTED:
		refuse_policy(out, a, tag);
		break;
	case GUARD_CANCELED:
		out->sqlstate = "57014";
		snprintf(out->message, sizeof(out->message),
			 "canceling statement due to user request");
		break;
	default:
		refuse_timeout(out, a, tag);
		break;
	}
}

void
report_waiting(struct report *out, const struct guard_account *a,
	       const char *tag)
{
	struct cut_text t = {.data = out->detail, .size = sizeof(out->detail)};

	memset(out, 0, sizeof(*out));
	out->sqlstate = "00000";
	snprintf(out->message, sizeof(out->message),
		 "%s is held by Lockstep since %.1f s", tag,
		 (double)a->held_ms / 1000.0);
	cut_text_add(&t, "Lock set in order: ");
	cut_text_add_set(&t, a->set, false);
	cut_text_add(&t, ". ");
	if (a->holders->count > 0) {
		cut_text_add(&t, "Waiting for ");
		cut_text_add_holders(&t, a);
		cut_text_add(&t, ".");
	} else {
		cut_text_add(&t, "%u attempts to lock it found it in use.",
			     a->attempts);
	}
}

void
report_lock_set(char *out, size_t size, const struct lock_set *set)
{
	struct cut_text t = {.data = out, .size = size};

	out[0] = '\0';
	cut_text_add_set(&t, set, false);
}

void
report_unlockable(char *out, size_t size, const struct lock_set *set)
{
	struct cut_text t = {.data = out, .size = size};
	size_t count = 0;
	size_t i;

	out[0] = '\0';
	for (i = 0; i < set->count; i++) {
		if (set->items[i].is_lockable)
			continue;
		if (count++ < TABLES_SHOWN)
			cut_text_add(&t, "%s%s", count > 1 ? ", " : "",
				     set->items[i].name);
	}
	if (count > TABLES_SHOWN)
		cut_text_add(&t, " and %zu more", count - TABLES_SHOWN);
}
