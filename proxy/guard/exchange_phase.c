/*
 * exchange_phase.c - which phase may follow which, and how a phase is told to
 * people.
 */
#include <assert.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/guard/exchange_state.h"
#include "proxy/guard/exchange_stop.h"
#include "proxy/guard/guarded.h"

#define BIT(name) (1u << EXCHANGE_##name)

enum {
	/* Let the statement run, with a savepoint of ours released or a block
	 * of ours begun first, or deliver an error in its place. */
	AN_END = BIT(OPENING) | BIT(RUNNING) | BIT(OBSERVING) | BIT(UNDOING) |
		 BIT(JUDGING) | BIT(REPEATING) | BIT(REFUSING) | BIT(DONE),
	/* Ask once more, wait for a better moment, let a foreign key go first,
	 * or come to an end. */
	A_STEP = BIT(LOOKING) | BIT(NAMING) | BIT(ATTEMPTING) | BIT(COAXING) |
		 BIT(WAITING) | BIT(ISOLATING) | BIT(PLANNING) | AN_END,
	/* The next piece, or the end of the text. */
	A_PIECE = BIT(COMMITTING) | BIT(ISOLATING) | BIT(GLANCING) |
		  BIT(PLANNING) | BIT(TRYING) | AN_END,
};

static const unsigned may_follow[EXCHANGE_PHASE_COUNT] = {
    [EXCHANGE_FENCE] = BIT(PROBING) | BIT(ISOLATING) | BIT(GLANCING) |
		       BIT(PLANNING) | BIT(ASKING) | BIT(SHUTTING) |
		       BIT(TRYING) | AN_END,
    [EXCHANGE_PROBING] =
	BIT(ISOLATING) | BIT(GLANCING) | BIT(PLANNING) | BIT(TRYING) | AN_END,
    [EXCHANGE_GLANCING] = BIT(TRYING) | A_STEP,
    [EXCHANGE_ASKING] = AN_END,
    [EXCHANGE_SHUTTING] = BIT(UNDOING) | BIT(DONE),
    [EXCHANGE_OPENING] =
	BIT(RUNNING) | BIT(UNDOING) | BIT(REFUSING) | BIT(DONE),
    [EXCHANGE_ISOLATING] = BIT(ISOLATING) | BIT(PLANNING) | AN_END,
    [EXCHANGE_PLANNING] = BIT(RECALLING) | BIT(LISTING) | A_STEP,
    [EXCHANGE_LISTING] = BIT(RECALLING) | A_STEP,
    [EXCHANGE_STEPPING] = A_STEP,
    [EXCHANGE_RECALLING] = A_STEP,
    [EXCHANGE_LOOKING] = A_STEP,
    [EXCHANGE_NAMING] =
	BIT(LOOKING) | BIT(WAITING) | BIT(ISOLATING) | BIT(PLANNING) | AN_END,
    [EXCHANGE_ATTEMPTING] =
	BIT(CHECKING) | BIT(TRYING) | BIT(STEPPING) | A_STEP,
    [EXCHANGE_CHECKING] = BIT(CHECKING) | BIT(TRYING) | BIT(STEPPING) | A_STEP,
    [EXCHANGE_COAXING] = A_STEP,
    [EXCHANGE_UNDOING] = A_STEP,
    [EXCHANGE_JUDGING] = BIT(RESTARTING) | BIT(ISOLATING) | BIT(PLANNING) |
			 BIT(REFUSING) | BIT(DONE),
    [EXCHANGE_RESTARTING] = BIT(REPEATING) | BIT(REFUSING) | BIT(DONE),
    [EXCHANGE_REPEATING] = BIT(REPEATING) | BIT(ISOLATING) | BIT(PLANNING) |
			   BIT(REFUSING) | BIT(DONE),
    [EXCHANGE_WAITING] = A_STEP,
    [EXCHANGE_TRYING] = BIT(RESTORING) | A_PIECE,
    [EXCHANGE_RESTORING] = A_PIECE,
    [EXCHANGE_RUNNING] = A_PIECE,
    [EXCHANGE_COMMITTING] = BIT(COMMITTING) | BIT(DONE),
    [EXCHANGE_REFUSING] = BIT(REFUSING) | BIT(DONE),
    [EXCHANGE_OBSERVING] = BIT(DONE),
    [EXCHANGE_DONE] = 0,
};

static const char *const phase_names[EXCHANGE_PHASE_COUNT] = {
#define X(constant, name) [EXCHANGE_##constant] = (name),
    EXCHANGE_PHASES(X)
#undef X
};

static const char *const context_names[CONTEXT_COUNT] = {
#define X(constant, name) [CONTEXT_##constant] = (name),
    EXCHANGE_CONTEXTS(X)
#undef X
};

/* True if all that was sent has been answered, or cannot be yet. */
static bool
exchange_may_leave(const struct exchange *x)
{
	const struct pipeline *p = &x->pair->pipeline;

	return x->phase == EXCHANGE_WAITING || x->phase == EXCHANGE_OBSERVING ||
	       pipeline_is_quiet(p) ||
	       (x->phase == EXCHANGE_FENCE && p->in_copy);
}

static void
exchange_trace_phase(const struct exchange *x, enum exchange_phase next)
{
	struct log_event e;

	log_begin(&e, LOG_TRACE, "phase");
	log_number(&e, "session", x->pair->id);
	log_text(&e, "from", phase_names[x->phase]);
	log_text(&e, "to", phase_names[next]);
	log_text(&e, "context", context_names[x->context]);
	log_end(&e);
}

void
exchange_trace_step(const struct exchange *x, const struct guard_step *step)
{
	struct log_event e;

	log_begin(&e, LOG_TRACE, "guard");
	log_number(&e, "session", x->pair->id);
	log_text(&e, "state", guard_state_name(step->state));
	log_text(&e, "action", guard_action_name(step->action));
	log_text(&e, "outcome", guard_outcome_name(step->outcome));
	log_end(&e);
}

/* Phases of a guarded statement that has not been sent. */
static const unsigned held_phases =
    BIT(GLANCING) | BIT(ISOLATING) | BIT(PLANNING) | BIT(LISTING) |
    BIT(RECALLING) | BIT(LOOKING) | BIT(NAMING) | BIT(ATTEMPTING) |
    BIT(CHECKING) | BIT(COAXING) | BIT(UNDOING) | BIT(JUDGING) | BIT(WAITING);

void
exchange_count_held(struct exchange *x, enum exchange_phase next)
{
	bool is_held = (held_phases & 1u << next) != 0;

	counts_add(x->pair->counts, COUNT_HELD,
		   (int64_t)is_held - x->is_counted_held);
	x->is_counted_held = is_held;
}

void
exchange_enter(struct exchange *x, enum exchange_phase next)
{
	assert(may_follow[x->phase] & 1u << next);
	assert(exchange_may_leave(x));
	if (log_wants(LOG_TRACE))
		exchange_trace_phase(x, next);
	exchange_count_held(x, next);
	lookout_leave(&x->watch);
	x->phase = next;
	x->phase_since_ms = clock_now_ms();
	exchange_stop(phase_names[next]);
}

void
exchange_enter_first(struct exchange *x)
{
	x->phase_since_ms = clock_now_ms();
	exchange_stop(phase_names[x->phase]);
}

bool
exchange_tell(const struct exchange *x, struct exchange_facts *out)
{
	uint64_t now_ms = clock_now_ms();

	if (!x->is_counted_held || x->errand != ERRAND_STATEMENT)
		return false;
	*out = (struct exchange_facts){
	    .statement = x->log.statement,
	    .application_name = x->application_name,
	    .held_ms = now_ms - x->log.begun_ms,
	    .account = guard_account(&x->guard, now_ms),
	};
	return true;
}

void
exchange_describe(const struct exchange *x, struct log_event *e)
{
	log_text(e, "phase", phase_names[x->phase]);
	log_number(e, "phase_ms", clock_now_ms() - x->phase_since_ms);
	log_text(e, "context", context_names[x->context]);
	if (x->log.statement == NULL)
		return;
	log_text(e, "statement", x->log.statement);
	log_number(e, "statement_ms", clock_now_ms() - x->log.begun_ms);
	guard_log_describe(&x->guard, clock_now_ms(), e);
}
