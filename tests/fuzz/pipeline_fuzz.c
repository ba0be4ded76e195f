/*
 * A client, a model of the server and the pipeline between them: the input
 * chooses what is sent, how it fares, and in which order the three get on.
 * Every answer must be told to belong to the message that caused it, and when
 * all is said the pipeline must know what the server knows.
 *
 * The client sends copy data without waiting, as a pipelining one may, but is
 * spared what ends a real session: other messages amid a copy.
 */
#include "protocol/pipeline.h"

#include <assert.h>
#include <string.h>

#include "protocol/reader.h"

enum {
	MESSAGES_MAX = 512,
	ANSWERS_MAX = 8 * MESSAGES_MAX,
	NONE = -1,
};

enum outcome {
	OUTCOME_ROWS,
	OUTCOME_ERROR,
	OUTCOME_COPY_IN,
	OUTCOME_COPY_OUT,
	OUTCOME_COPY_ERROR, /* refused, but the client sends its data */
	OUTCOME_EMPTY,
	OUTCOMES,
};

struct message {
	uint8_t type;
	enum pipeline_owner owner;
	enum outcome outcome;
};

struct answer {
	uint8_t type;
	uint8_t status;
	int cause; /* index of the message */
	bool completes;
};

struct world {
	struct reader input;
	struct pipeline pipeline;
	struct message messages[MESSAGES_MAX];
	struct answer answers[ANSWERS_MAX];
	int sent, processed, answered, delivered;
	bool client_copies;    /* owes the end of a copy */
	bool client_may_sync;  /* and the Execute that began it a Sync */
	int server_copy;       /* the message whose copy is read, or NONE */
	bool server_skips;     /* until a Sync */
	bool server_is_open;   /* extended messages since the last Sync */
	uint8_t server_status; /* of its last ReadyForQuery */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
client_send(struct world *w, uint8_t type, enum outcome outcome)
{
	enum pipeline_owner owner =
	    read_u8(&w->input) & 1 ? PIPELINE_PROXY : PIPELINE_CLIENT;

	w->messages[w->sent++] = (struct message){type, owner, outcome};
	pipeline_sent(&w->pipeline, type, owner);
}

static void
client_copies_on(struct world *w)
{
	uint8_t choice = read_u8(&w->input);
	enum outcome outcome = choice & 8 ? OUTCOME_ERROR : OUTCOME_ROWS;

	if (w->client_may_sync && choice & 16)
		client_send(w, FRONTEND_SYNC, OUTCOME_ROWS);
	else if (choice & 4)
		client_send(w, FRONTEND_COPY_DATA, outcome);
	else
		w->client_copies = false;
	w->client_may_sync = false;
	if (!w->client_copies)
		client_send(w, choice & 1 ? 'c' : 'f', outcome);
}

static void
client_step(struct world *w)
{
	static const char types[] = "QPBDECFSHcfd";
	uint8_t type, outcome;

	if (w->sent == MESSAGES_MAX)
		return;
	if (w->client_copies) {
		client_copies_on(w);
		return;
	}
	type = (uint8_t)types[read_u8(&w->input) % (sizeof(types) - 1)];
	outcome = read_u8(&w->input) % OUTCOMES;
	client_send(w, type, outcome);
	if (type != FRONTEND_QUERY && type != FRONTEND_EXECUTE)
		return;
	w->client_copies =
	    outcome == OUTCOME_COPY_IN || outcome == OUTCOME_COPY_ERROR;
	w->client_may_sync = w->client_copies && type == FRONTEND_EXECUTE;
}

static void
answer(struct world *w, int cause, uint8_t type, bool completes)
{
	assert(w->answered < ANSWERS_MAX);
	w->answers[w->answered++] =
	    (struct answer){type, w->server_status, cause, completes};
}

static void
server_ready(struct world *w, int at)
{
	static const uint8_t statuses[] = {'I', 'T', 'E'};

	w->server_status = statuses[at % 3];
	answer(w, at, BACKEND_READY_FOR_QUERY, true);
}

static bool
is_extended(const struct world *w, int at)
{
	return memchr("PBDEC", w->messages[at].type, 5) != NULL;
}

static void
server_error(struct world *w, int at)
{
	answer(w, at, BACKEND_ERROR_RESPONSE, is_extended(w, at));
	w->server_copy = NONE;
	if (is_extended(w, at))
		w->server_skips = true;
	else
		server_ready(w, at);
}

static void
server_command_complete(struct world *w, int at)
{
	answer(w, at, BACKEND_COMMAND_COMPLETE, is_extended(w, at));
	if (!is_extended(w, at))
		server_ready(w, at);
}

static void
server_copies_on(struct world *w, const struct message *m)
{
	int copy = w->server_copy;

	switch (m->type) {
	case FRONTEND_SYNC:
		return;
	case FRONTEND_COPY_DATA:
		if (m->outcome == OUTCOME_ERROR)
			server_error(w, copy);
		return;
	case FRONTEND_COPY_DONE:
		if (m->outcome == OUTCOME_ERROR) {
			server_error(w, copy);
			return;
		}
		w->server_copy = NONE;
		server_command_complete(w, copy);
		return;
	default:
		assert(m->type == FRONTEND_COPY_FAIL);
		server_error(w, copy);
	}
}

/* Query and Execute. */
static void
server_runs(struct world *w, int at)
{
	switch (w->messages[at].outcome) {
	case OUTCOME_COPY_IN:
		answer(w, at, BACKEND_COPY_IN_RESPONSE, false);
		w->server_copy = at;
		return;
	case OUTCOME_COPY_OUT:
		answer(w, at, BACKEND_COPY_OUT_RESPONSE, false);
		answer(w, at, BACKEND_COPY_DATA, false);
		answer(w, at, BACKEND_COPY_DONE, false);
		break;
	case OUTCOME_EMPTY:
		answer(w, at, BACKEND_EMPTY_QUERY_RESPONSE, is_extended(w, at));
		if (!is_extended(w, at))
			server_ready(w, at);
		return;
	case OUTCOME_ROWS:
	case OUTCOME_ERROR:
	case OUTCOME_COPY_ERROR:
	case OUTCOMES:
		answer(w, at, BACKEND_DATA_ROW, false);
		break;
	}
	server_command_complete(w, at);
}

static void
server_describes(struct world *w, int at)
{
	enum outcome outcome = w->messages[at].outcome;

	if (outcome & 2)
		answer(w, at, BACKEND_PARAMETER_DESCRIPTION, false);
	answer(w, at, outcome & 1 ? BACKEND_NO_DATA : BACKEND_ROW_DESCRIPTION,
	       true);
}

static void
server_syncs(struct world *w, int at)
{
	w->server_skips = false;
	w->server_is_open = false;
	if (w->messages[at].outcome == OUTCOME_ERROR)
		answer(w, at, BACKEND_ERROR_RESPONSE, false);
	server_ready(w, at);
}

static void
server_obeys(struct world *w, int at)
{
	switch (w->messages[at].type) {
	case FRONTEND_PARSE:
		answer(w, at, BACKEND_PARSE_COMPLETE, true);
		return;
	case FRONTEND_BIND:
		answer(w, at, BACKEND_BIND_COMPLETE, true);
		return;
	case FRONTEND_CLOSE:
		answer(w, at, BACKEND_CLOSE_COMPLETE, true);
		return;
	case FRONTEND_DESCRIBE:
		server_describes(w, at);
		return;
	case FRONTEND_FUNCTION_CALL:
		answer(w, at, BACKEND_FUNCTION_CALL_RESPONSE, false);
		server_ready(w, at);
		return;
	default:
		server_runs(w, at);
	}
}

static void
server_step(struct world *w)
{
	int at = w->processed;
	const struct message *m = &w->messages[at];

	if (at == w->sent)
		return;
	w->processed++;
	if (w->server_copy != NONE)
		server_copies_on(w, m);
	else if (m->type == FRONTEND_SYNC)
		server_syncs(w, at);
	else if (memchr("Hdcf", m->type, 4) == NULL && !w->server_skips) {
		w->server_is_open = is_extended(w, at);
		if (m->outcome == OUTCOME_ERROR ||
		    m->outcome == OUTCOME_COPY_ERROR)
			server_error(w, at);
		else
			server_obeys(w, at);
	}
}

static void
delivery_step(struct world *w)
{
	const struct answer *a = &w->answers[w->delivered];
	const struct message *m;
	struct pipeline_event e;

	if (w->delivered == w->answered)
		return;
	w->delivered++;
	m = &w->messages[a->cause];
	e = pipeline_received(&w->pipeline, a->type, a->status);
	assert(e.verdict == PIPELINE_ANSWER);
	assert(e.entry == m->type && e.owner == m->owner);
	assert(e.completed == a->completes);
}

static void
notice_step(struct world *w)
{
	struct pipeline_event e =
	    pipeline_received(&w->pipeline, BACKEND_NOTICE_RESPONSE, 0);

	assert(e.verdict == PIPELINE_ASYNC && !e.completed);
}

static void
settle(struct world *w)
{
	const struct pipeline *p = &w->pipeline;

	if (w->client_copies && w->sent < MESSAGES_MAX)
		client_send(w, FRONTEND_COPY_DONE, OUTCOME_ROWS);
	while (w->processed < w->sent)
		server_step(w);
	while (w->delivered < w->answered)
		delivery_step(w);
	assert(!p->failed);
	assert(p->status == w->server_status);
	if (w->server_copy != NONE) /* no room was left for its end */
		return;
	assert(pipeline_is_quiet(p));
	assert(p->done_seq == p->sent_seq);
	assert(pipeline_is_settled(p) ==
	       (!w->server_is_open && !w->server_skips));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	w = (struct world){.input = {.rest = span_of(data, size)},
			   .server_copy = NONE,
			   .server_status = TRANSACTION_IDLE};
	pipeline_init(&w.pipeline);
	while (w.input.rest.len > 0 && !w.input.overrun) {
		switch (read_u8(&w.input) % 8) {
		case 0:
			notice_step(&w);
			break;
		case 1:
		case 2:
			server_step(&w);
			break;
		case 3:
		case 4:
			delivery_step(&w);
			break;
		default:
			client_step(&w);
			break;
		}
	}
	settle(&w);
	pipeline_clear(&w.pipeline);
	return 0;
}
