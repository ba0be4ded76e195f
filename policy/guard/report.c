#include "policy/guard/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/catalog/attempt.h"

enum {
	TABLES_SHOWN = 8,
	TURN_SHOWN_MS = 100, /* a wait for the turn that is over */
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
	const struct lock_item *item = lock_set_item(set, relid);

	return item != NULL ? item->name : "?";
}

static enum lock_mode
wanted_mode(const struct lock_set *set, uint32_t relid)
{
	const struct lock_item *item = lock_set_item(set, relid);

	return item != NULL ? item->mode : LOCK_NONE;
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

static void
cut_text_add_stalled(struct cut_text *t, const struct holders *h)
{
	if (h->stalled_count > 0)
		cut_text_add(t, " %zu session%s for this transaction.",
			     h->stalled_count,
			     h->stalled_count > 1 ? "s wait" : " waits");
}

/* Name the one that has, or had, the turn: a statement of this proxy's, or
 * whoever holds the lock that stands for it in the server. */
static void
cut_text_add_rival(struct cut_text *t, const struct guard_account *a)
{
	const struct rival *r = a->rival;

	if (r->session > 0)
		cut_text_add(t, "session %" PRIu64, r->session);
	else if (r->pid == 0)
		cut_text_add(t, "an unknown session");
	if (r->pid > 0)
		cut_text_add(t,
			     "%spid %u (user \"%s\", application_name \"%s\")",
			     r->session > 0 ? ", " : "", r->pid, r->user,
			     r->application_name);
	if (r->session == 0)
		cut_text_add(t, " with an advisory lock (%d, ...)",
			     ATTEMPT_TURN_CLASS);
}

/* Tell of a wait for the turn, which may be over. */
static void
cut_text_add_turn(struct cut_text *t, const struct guard_account *a)
{
	bool is_long = a->turn_ms >= TURN_SHOWN_MS;

	if (a->rival == NULL || (!a->awaits_turn && !is_long))
		return;
	if (!a->awaits_turn) {
		cut_text_add(t, " It waited %.1f s for its turn behind ",
			     (double)a->turn_ms / 1000.0);
		cut_text_add_rival(t, a);
	} else {
		cut_text_add(t, " Waiting %.1f s for its turn, which has ",
			     (double)a->turn_ms / 1000.0);
		cut_text_add_rival(t, a);
		if (a->rival_ms > 0)
			cut_text_add(t, " for %.1f s",
				     (double)a->rival_ms / 1000.0);
	}
	cut_text_add(t, ".");
}

static void
cut_text_add_past_names(struct cut_text *t, const struct past *past)
{
	size_t i;

	for (i = 0; i < past->name_count; i++)
		cut_text_add(t, "%s\"%s\"", i > 0 ? ", " : "", past->names[i]);
	if (past->has_more_names)
		cut_text_add(t, " and others");
}

/* Tell of those whom the gate did not stop. */
static void
cut_text_add_past(struct cut_text *t, const struct guard_account *a)
{
	size_t count = a->past->count;

	if (count == 0)
		return;
	cut_text_add(t,
		     " %zu transaction%s came past the gate"
		     " (application_name ",
		     count, count > 1 ? "s" : "");
	cut_text_add_past_names(t, a->past);
	cut_text_add(t, ").");
}

static void
refuse_add_hint(struct report *out, const char *hint)
{
	size_t len = strlen(out->hint);

	snprintf(out->hint + len, sizeof(out->hint) - len, " %s", hint);
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

/* Tell which right would let us lock the tables that are only watched, and
 * which traffic the gate does not reach. */
static void
refuse_add_ways_out(struct report *out, const struct guard_account *a)
{
	if (a->past->count > 0)
		refuse_add_hint(out,
				"Let what came past the gate come through this"
				" Lockstep, or one that shares its setting"
				" \"fleet\".");
	if (lock_set_lacks_right(a->set))
		refuse_add_hint(out, lock_set_right);
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
	cut_text_add(&t, ". %u attempt%s", a->attempts,
		     a->attempts == 1 ? "" : "s");
	cut_text_add(&t, " in %" PRIu64 " ms. ", a->held_ms);
	if (a->holders->count > 0) {
		cut_text_add(&t, "Blockers: ");
		cut_text_add_holders(&t, a);
		cut_text_add(&t, ".");
	} else {
		cut_text_add(&t,
			     "Nobody holds a conflicting lock at this moment.");
	}
	cut_text_add_stalled(&t, a->holders);
	cut_text_add_turn(&t, a);
	cut_text_add_past(&t, a);
	snprintf(out->hint, sizeof(out->hint), "%s, or raise %s.",
		 a->holders->count > 0 ? "End the transactions named above"
				       : "Try again",
		 limit_name(a->limit));
	refuse_add_ways_out(out, a);
}

static const struct waiter *
find_waiter(const struct holders *h, uint32_t pid)
{
	size_t i;

	for (i = 0; i < h->waiter_count && i < HOLDERS_SHOWN; i++)
		if (h->waiters[i].pid == pid)
			return &h->waiters[i];
	return NULL;
}

/* From whom we wait for to who waits for us, as PostgreSQL would write it. */
static void
cut_text_add_cycle(struct cut_text *t, const struct guard_account *a)
{
	const struct holders *h = a->holders;
	const struct holder *first = &h->cycle_holder;
	const struct waiter *w = find_waiter(h, first->pid);
	size_t i;

	cut_text_add(t, "Process %u waits for %s on %s; blocked by process %u.",
		     h->own_pid,
		     lock_mode_name(wanted_mode(a->set, first->relid)),
		     relation_name(a->set, first->relid), first->pid);
	for (i = 0; w != NULL && i < HOLDERS_SHOWN; i++) {
		cut_text_add(t,
			     "\nProcess %u waits for %s; blocked by process"
			     " %u.",
			     w->pid, w->waits_on, w->blocker);
		w = find_waiter(h, w->blocker);
	}
	cut_text_add(t, "\n");
	cut_text_add_holder(t, a->set, first);
	cut_text_add(t, ".");
}

static void
refuse_deadlock(struct report *out, const struct guard_account *a)
{
	struct cut_text t = {.data = out->detail, .size = sizeof(out->detail)};

	out->sqlstate = "40P01";
	snprintf(out->message, sizeof(out->message), "deadlock detected");
	cut_text_add_cycle(&t, a);
	snprintf(out->hint, sizeof(out->hint),
		 "Repeat the whole transaction. Nobody else was canceled.");
}

static void
refuse_policy(struct report *out, const struct guard_account *a,
	      const char *tag)
{
	struct cut_text t = {.data = out->detail, .size = sizeof(out->detail)};
	struct cut_text hint = {.data = out->hint, .size = sizeof(out->hint)};
	bool is_by_unparsed =
	    a->is_unknown && a->settings->unparsed == GUARD_UNPARSED_REJECT;

	out->sqlstate = "42501";
	snprintf(out->message, sizeof(out->message),
		 "%s is refused by Lockstep: it %s", tag,
		 a->is_unknown ? "may lock tables, and nobody here knows which"
			       : "locks several tables");
	cut_text_add(&t, "Lock set: ");
	cut_text_add_set(&t, a->set, true);
	cut_text_add(&t, ".");
	cut_text_add(&hint, is_by_unparsed
				? "The setting \"unparsed\" is \"reject\"."
				: "The setting \"policy\" is \"reject\".");
	if (a->settings->rule != NULL)
		cut_text_add(&hint, " The rule \"%s\" applies.",
			     a->settings->rule);
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
	case GUARD_DEADLOCK:
		refuse_deadlock(out, a);
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
		 "%s is held by Lockstep for %.1f s", tag,
		 (double)a->held_ms / 1000.0);
	cut_text_add(&t, "Lock set in order: ");
	cut_text_add_set(&t, a->set, false);
	cut_text_add(&t, ".");
	if (a->holders->count > 0) {
		cut_text_add(&t, " In its way: ");
		cut_text_add_holders(&t, a);
		cut_text_add(&t, ".");
	} else if (!a->awaits_turn) {
		cut_text_add(&t, " %u attempt%s to lock it found it in use.",
			     a->attempts, a->attempts == 1 ? "" : "s");
	}
	cut_text_add_turn(&t, a);
	cut_text_add_past(&t, a);
}

static void
cut_text_add_remembered(struct cut_text *t, const struct lock_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct lock_item *item = &set->items[i];

		if (!item->is_remembered)
			continue;
		if (count++ < TABLES_SHOWN)
			cut_text_add(t, "%s%s (%s)", count > 1 ? ", " : "",
				     item->name, lock_mode_name(item->mode));
	}
	if (count > TABLES_SHOWN)
		cut_text_add(t, " and %zu more", count - TABLES_SHOWN);
}

void
report_remembered(struct report *out, const struct guard_account *a,
		  const char *tag)
{
	struct cut_text t = {.data = out->detail, .size = sizeof(out->detail)};
	size_t count = a->set->count;

	memset(out, 0, sizeof(*out));
	out->sqlstate = "00000";
	snprintf(out->message, sizeof(out->message),
		 "%s takes %zu table%s, as this migration needed %s before",
		 tag, count, count > 1 ? "s" : "", count > 1 ? "them" : "it");
	cut_text_add(&t, "Remembered: ");
	cut_text_add_remembered(&t, a->set);
	cut_text_add(&t, ".");
}

void
report_rival(char *out, size_t size, const struct guard_account *a)
{
	struct cut_text t = {.data = out, .size = size};

	out[0] = '\0';
	if (a->rival != NULL)
		cut_text_add_rival(&t, a);
}

void
report_blockers(char *out, size_t size, const struct guard_account *a)
{
	struct cut_text t = {.data = out, .size = size};

	out[0] = '\0';
	cut_text_add_holders(&t, a);
}

void
report_past(char *out, size_t size, const struct guard_account *a)
{
	struct cut_text t = {.data = out, .size = size};

	out[0] = '\0';
	cut_text_add_past_names(&t, a->past);
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
