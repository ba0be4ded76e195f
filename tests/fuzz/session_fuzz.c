/*
 * Whole sessions between clients and a server that the input plays: what they
 * say, when it arrives, when time goes by, who leaves or dies.  Whatever
 * happens, no statement of a client's takes effect more often than it was
 * sent, all that was asked is answered, and nothing is left of a session that
 * has ended; and as long as the server tells the truth about the client's
 * statements, the client sees what it would have seen without the proxy.
 */
#include "tests/support/session_talk.h"
#include "tests/support/session_view.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __wrap_log_end(struct log_event *e);

enum {
	STEPS_MAX = 400,
	SETTLE_MS = 600000, /* only a session that is stuck takes that long */
	SETTLE_WAITS = 20000,
	SILENCE_MS = 5000, /* shorter than any deadline for the server */
};

static struct world world;
static struct view view;

/* Nothing is written. */
void
__wrap_log_end(struct log_event *e)
{
	(void)e;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	world_is_traced = getenv("LOCKSTEP_TRACE") != NULL;
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	log_init(LOG_ERROR, LOG_TEXT);
	world_listen(&world);
	return 0;
}

static void
step_time(struct world *w)
{
	static const uint16_t steps_ms[] = {1,   10,  50,   100,
					    300, 999, 2500, SILENCE_MS};

	uint16_t ms = steps_ms[world_choose(w) % 8];

	w->silent_ms += ms;
	w->may_end |= w->silent_ms > SILENCE_MS;
	virtual_clock_advance(ms);
	world_turn(w);
}

static void
step_client_ends(struct world *w, struct world_client *c)
{
	switch (world_choose(w) % 4) {
	case 0:
		world_client_leaves(c);
		break;
	case 1:
		if (c->fd >= 0)
			shutdown(c->fd, SHUT_WR);
		c->has_terminated = true;
		break;
	default:
		talk_end(c);
		talk_terminate(c);
		break;
	}
}

static struct world_server *
choose_server(struct world *w)
{
	uint8_t choice = world_choose(w);

	return w->server_count > 0 ? &w->servers[choice % w->server_count]
				   : NULL;
}

static void
step_server(struct world *w, uint8_t op)
{
	struct world_server *v = choose_server(w);

	if (v == NULL)
		return;
	switch (op) {
	case 0:
		(void)world_server_step(v);
		break;
	case 1:
		while (world_server_step(v))
			;
		world_server_deliver(v, SIZE_MAX);
		break;
	case 2:
		world_server_deliver(v, 1 + world_choose(w) % 64);
		break;
	case 3:
		world_server_deliver(v, SIZE_MAX);
		break;
	default:
		if (world_choose(w) % 8 != 7)
			break;
		w->may_end = true;
		world_server_close(v);
		break;
	}
	world_turn(w);
}

/* PAUSE, or RESUME if that was before. */
static void
step_pause(struct world *w)
{
	if (!pause_end(&w->daemon, ""))
		(void)pause_begin(&w->daemon, 99, "");
	world_turn(w);
}

/* Signals come; seldom, as most end all sessions. */
static void
step_operator(struct world *w)
{
	uint8_t choice = world_choose(w) % 64;

	w->may_end |= choice < 3;
	if (choice == 0)
		sessions_drain(&w->sessions);
	else if (choice == 1)
		sessions_expire(&w->sessions);
	else if (choice == 2)
		sessions_stop(&w->sessions);
	else if (choice < 20)
		step_pause(w);
	else
		sessions_describe(&w->sessions);
}

static void
step(struct world *w)
{
	uint8_t op = world_choose(w);
	struct world_client *c = &w->clients[(op >> 5) % WORLD_CLIENTS];

	if (!c->has_come) {
		world_client_comes(w, (size_t)(c - w->clients));
		world_run(w);
	}
	switch (op % 32) {
	case 0:
	case 1:
	case 2:
	case 3:
		talk(w, c);
		world_client_deliver(w, c, SIZE_MAX);
		world_turn(w);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
	case 8:
		talk(w, c);
		world_run(w);
		break;
	case 9:
	case 10:
		talk(w, c);
		break;
	case 11:
	case 12:
		world_client_deliver(w, c, 1 + world_choose(w) % 64);
		world_turn(w);
		break;
	case 13:
	case 14:
	case 15:
		world_turn(w);
		break;
	case 16:
	case 17:
	case 18:
	case 19:
	case 20:
		step_server(w, op % 32 - 16);
		break;
	case 21:
	case 22:
		step_time(w);
		break;
	case 23:
		if (world_choose(w) % 4 == 3)
			step_client_ends(w, c);
		break;
	case 24:
		world_cancel(w, (size_t)(c - w->clients));
		world_turn(w);
		break;
	case 25:
		step_operator(w);
		break;
	case 26:
		if (world_choose(w) % 4 == 3)
			w->allocations = 1 + world_choose(w) % 64;
		break;
	case 27:
		world_run(w);
		step_time(w);
		world_run(w);
		break;
	default:
		world_run(w);
		break;
	}
}

/* True if the client has got all that it is owed; the end, once it has said its
 * last. */
static bool
is_content(const struct world_client *c)
{
	if (!c->has_come || c->fd < 0 || c->has_heard_end)
		return true;
	if (c->has_terminated)
		return false;
	view_check(&view, c);
	return !view.is_short;
}

static bool
are_content(const struct world *w)
{
	size_t i;

	for (i = 0; i < WORLD_CLIENTS; i++)
		if (!is_content(&w->clients[i]))
			return false;
	return true;
}

/* Everything is answered now; it takes some time at most. */
static void
settle(struct world *w)
{
	uint64_t begun_ms = virtual_clock_ms();
	unsigned int waits = 0;
	size_t i;

	w->input.rest.len = 0;
	w->allocations = 0;
	(void)pause_end(&w->daemon, "");
	for (i = 0; i < WORLD_CLIENTS; i++)
		if (w->clients[i].has_come)
			talk_end(&w->clients[i]);
	world_run(w);
	while (w->lies != LIES_ALL && !are_content(w)) {
		assert_true(world_wait(w));
		assert_true(++waits < SETTLE_WAITS);
		assert_true(virtual_clock_ms() - begun_ms < SETTLE_MS);
		world_run(w);
	}
}

static const struct world_server *
server_of(const struct world *w, const struct world_client *c)
{
	size_t i;

	for (i = 0; i < w->server_count; i++)
		if (w->servers[i].client == c)
			return &w->servers[i];
	return NULL;
}

/* Leave in a ledger what can still take effect: nothing of a block that has
 * failed does, where there is no savepoint to go back to; where it was refused
 * at its replay it has been undone before the client says so. */
static void
leave_what_counts(struct ledger *l, const struct scripted_server *of)
{
	if (of->status == TRANSACTION_FAILED && of->savepoints == 0)
		ledger_undo(l, 0);
}

/* The server has run what the client believes that it has. */
static void
check_runs(const struct world *w, const struct world_client *c)
{
	static struct ledger has;
	static struct ledger told;
	const struct world_server *v = server_of(w, c);
	int i;

	assert_non_null(v);
	has = v->ledger;
	told = view.ledger;
	leave_what_counts(&has, &v->model);
	leave_what_counts(&told, &view.model);
	for (i = 0; i < c->statements; i++)
		if (has.runs[i] != told.runs[i])
			fail_msg("statement %d has run %u times, not %u", i,
				 has.runs[i], told.runs[i]);
}

static void
check_client(const struct world *w, const struct world_client *c)
{
	bool is_whole = c->fd >= 0 && !c->has_terminated && !c->has_heard_end;

	view_check(&view, c);
	if (view.is_farewell || view.model.is_gone)
		assert_true(w->may_end || view.model.is_gone);
	if (!is_whole)
		return;
	check_runs(w, c);
	/* They always pass, whoever's statement they came with. */
	assert_int_equal(view.asyncs, server_of(w, c)->asyncs);
}

/* Nothing is kept from others by a session that is idle, and whose client is
 * there. */
static void
check_sessions(struct world *w)
{
	struct session *s;

	LIST_FOREACH(s, &w->sessions.list, link) {
		if (s->state != SESSION_READY || s->pair.from_client.is_eof ||
		    s->pair.pipeline.status != TRANSACTION_IDLE)
			continue;
		assert_null(s->guarded.exchange);
		assert_false(lease_is_held(&s->guarded.lease));
		assert_int_equal(s->guarded.kept.frames.len, 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = &world;
	unsigned int steps = 0;
	size_t i;

	world_begin(w, data, size);
	while (w->input.rest.len > 0 && steps++ < STEPS_MAX)
		step(w);
	settle(w);
	if (w->lies != LIES_ALL) {
		check_sessions(w);
		for (i = 0; i < WORLD_CLIENTS; i++)
			if (w->clients[i].has_come)
				check_client(w, &w->clients[i]);
	}
	world_end(w);
	return 0;
}
