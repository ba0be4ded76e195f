#include "proxy/guard/trial.h"

#include <string.h>

#include "protocol/backend.h"

/*
 * True for the ends that our lock_timeout can bring: it strikes, or a server
 * that stood still for so long finds a deadlock first.  NOWAIT of the
 * statement's own has the same SQLSTATE, and comes from elsewhere.
 */
static bool
trial_is_bound(struct frame frame)
{
	struct error_fields f;

	if (!error_fields_decode(&f, frame.body))
		return false;
	return (span_equals(f.sqlstate, "55P03") &&
		span_equals(f.routine, "ProcessInterrupts")) ||
	       (span_equals(f.sqlstate, "40P01") &&
		span_equals(f.routine, "DeadLockReport"));
}

static void
trial_hold(struct trial *t, struct frame frame, struct span raw)
{
	t->prepared += frame.type == BACKEND_PARSE_COMPLETE;
	if (frame.body.data != NULL &&
	    t->held.len + raw.len <= TRIAL_HELD_MAX_BYTES) {
		write_bytes(&t->held, raw.data, raw.len);
		if (!t->held.failed)
			return;
	}
	writer_clear(&t->held);
	t->state = TRIAL_LARGE;
}

/* True for the end of the session. */
static bool
trial_is_end(struct frame frame)
{
	struct error_fields f;

	return frame.type == BACKEND_ERROR_RESPONSE &&
	       error_fields_decode(&f, frame.body) &&
	       (span_equals(f.severity, "FATAL") ||
		span_equals(f.severity, "PANIC"));
}

static bool
trial_take_error(struct trial *t, struct frame frame)
{
	if (frame.body.data != NULL && trial_is_bound(frame)) {
		t->state = TRIAL_BOUND;
		return true;
	}
	t->state = TRIAL_FAILED;
	return false;
}

bool
trial_take(struct trial *t, struct frame frame, struct span raw)
{
	bool is_error = frame.type == BACKEND_ERROR_RESPONSE;

	switch (t->state) {
	case TRIAL_OPEN:
		if (is_error)
			return trial_take_error(t, frame);
		trial_hold(t, frame, raw);
		return true;
	case TRIAL_FAILED:
		return false;
	case TRIAL_LARGE:
		t->prepared += frame.type == BACKEND_PARSE_COMPLETE;
		return !trial_is_end(frame);
	case TRIAL_BOUND:
		/* Behind the first error only the end of the session is one. */
		return !is_error;
	}
	return false;
}

bool
trial_has_begun(const struct trial *t)
{
	return t->state != TRIAL_OPEN || t->held.len > 0;
}

bool
trial_is_void(const struct trial *t)
{
	return t->state == TRIAL_BOUND || t->state == TRIAL_LARGE;
}

void
trial_drop(struct trial *t)
{
	writer_clear(&t->held);
	t->prepared = 0;
}

void
trial_clear(struct trial *t)
{
	writer_clear(&t->held);
	memset(t, 0, sizeof(*t));
}
