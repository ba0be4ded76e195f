/*
 * Any rows, with any values, as the answer to each of our questions: what comes
 * of them is bounded and free of what they should not hold, or they are odd.
 */
#include "proxy/guard/batch.h"

#include <stdio.h>

#include "protocol/reader.h"
#include "proxy/base/log.h"
#include "tests/support/batch.h"

enum {
	COLUMNS_MAX = 24,
	VALUE_MAX = 64,
	ROWS_MAX = 64,
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once: sockets take longer than an answer. */
static struct batch_fixture *fixture;
static struct statement_list list;

/* A column holds one of these, or any bytes. */
static const char *const values[] = {
    "",
    "t",
    "f",
    "0",
    "1",
    "8",
    "100",
    "101",
    "r",
    "v",
    "p",
    "off",
    "on",
    "{}",
    "1s",
    "a",
    "public.a",
    "4294967295",
    "99999999999999999999",
    "AccessShareLock",
    "ShareLock",
    "read committed",
    "7:7:",
    "7:9:8",
    "3/7",
    "{100,101}",
    "{\"a\",NULL}",
    "transaction 733",
    "lockstep",
    "2147483647",
    "-1",
    "12",
};

enum {
	VALUES = sizeof(values) / sizeof(values[0]),
};

static void
ask(struct batch_fixture *f, uint8_t question)
{
	static const struct repeat nothing;
	struct batch *b = &f->batch;

	switch (question % 15) {
	case 0:
		batch_add_facts(b, true);
		break;
	case 1:
		batch_add_overrides(b);
		break;
	case 2:
		batch_add_plan(b, list.items, list.count, true);
		break;
	case 3:
		batch_add_plan(b, list.items, list.count, false);
		break;
	case 4:
		batch_add_look(b, NULL);
		break;
	case 5:
		batch_add_names(b);
		break;
	case 6:
		batch_add_own_names(b);
		break;
	case 7:
		batch_add_snapshot(b);
		break;
	case 8:
		batch_add_isolation(b);
		break;
	case 9:
		batch_add_keeps(b);
		break;
	case 10:
		batch_add_repeatable(b, &nothing, false);
		break;
	case 11:
		batch_add_glance(b, list.items, list.count);
		break;
	case 12:
		batch_add_keys(b, list.items, list.count);
		break;
	case 13:
		add_attempt(f);
		break;
	default:
		batch_add_plain(b, false);
		break;
	}
}

/* A value: NULL, one of those that are expected somewhere, or any bytes. */
static void
write_value(struct writer *w, struct reader *input)
{
	uint8_t kind = read_u8(input);
	struct span any;

	if (kind == 255) {
		write_u32(w, UINT32_MAX);
		return;
	}
	if (kind < 224) {
		const char *text = values[kind % VALUES];

		any = span_of(text, strlen(text));
	} else {
		size_t len = read_u8(input) % VALUE_MAX;

		any = read_span(input,
				len < input->rest.len ? len : input->rest.len);
	}
	write_u32(w, (uint32_t)any.len);
	write_bytes(w, any.data, any.len);
}

static void
answer_any_row(struct batch_fixture *f, struct reader *input)
{
	struct writer w = {0};
	uint8_t count = read_u8(input) % COLUMNS_MAX;
	uint8_t cut = read_u8(input);
	size_t i;

	write_u16(&w, count);
	for (i = 0; i < count; i++)
		write_value(&w, input);
	if (cut >= 250 && w.len > cut - 250u)
		w.len -= cut - 250u;
	(void)server_says(f, BACKEND_DATA_ROW, span_of(w.data, w.len));
	writer_clear(&w);
}

/* Rows, as many as the input says. */
static void
answer_execute(struct batch_fixture *f, struct reader *input)
{
	uint8_t rows = read_u8(input) % ROWS_MAX;

	while (rows-- > 0 && input->rest.len > 0)
		answer_any_row(f, input);
	assert_takes(f, BACKEND_COMMAND_COMPLETE, "X\0", 2);
}

static void
answer_all(struct batch_fixture *f, struct reader *input)
{
	struct pair_fixture *p = &f->guarded.pair;
	struct span sent = pair_fixture_read(p, p->server);
	struct frame frame;

	while (frame_next(&frame, &sent, FRAME_LENGTH_MAX) == FRAME_OK) {
		if (frame.type == FRONTEND_PARSE)
			assert_takes(f, BACKEND_PARSE_COMPLETE, "", 0);
		else if (frame.type == FRONTEND_BIND)
			assert_takes(f, BACKEND_BIND_COMPLETE, "", 0);
		else if (frame.type == FRONTEND_CLOSE)
			assert_takes(f, BACKEND_CLOSE_COMPLETE, "", 0);
		else if (frame.type == FRONTEND_EXECUTE)
			answer_execute(f, input);
		else
			answer_ready(f);
	}
}

static void
check_results(const struct batch *b)
{
	size_t i;

	for (i = 0; i < b->planned.count; i++) {
		assert_non_null(b->planned.items[i].name);
		assert_true(b->planned.items[i].mode > LOCK_NONE);
	}
	assert_true(b->attempt_index <= b->set->count);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char sql[] = "drop table a, b";
	void *state = NULL;

	(void)argc;
	(void)argv;
	log_init(LOG_ERROR, LOG_TEXT);
	(void)batch_fixture_setup(&state);
	fixture = state;
	(void)statement_list_parse(&list, sql, strlen(sql), GUARD_SCOPE_DROPS,
				   STATEMENT_PARSE_BYTES_DEFAULT);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader input = {.rest = span_of(data, size)};
	struct batch_fixture *f = fixture;

	batch_begin(&f->batch, &f->guarded.guarded, &f->set);
	ask(f, read_u8(&input));
	assert_true(batch_send(&f->batch, true));
	answer_all(f, &input);
	assert_int_equal(f->batch.done, f->batch.count);
	check_results(&f->batch);
	batch_clear(&f->batch);
	return 0;
}
