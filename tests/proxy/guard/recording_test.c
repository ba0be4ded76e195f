#include "policy/sql/fnv.h"
#include "proxy/guard/recording.h"

#include "protocol/writer.h"
#include "tests/support/allocation.h"
#include "tests/support/test.h"

/* A frame with these texts, each followed by a NUL. */
static size_t
frame_of(uint8_t out[256], uint8_t type, const char *a, const char *b)
{
	size_t len = FRAME_HEADER_BYTES;
	const char *const texts[] = {a, b};

	for (size_t i = 0; i < 2; i++)
		if (texts[i] != NULL) {
			memcpy(out + len, texts[i], strlen(texts[i]) + 1);
			len += strlen(texts[i]) + 1;
		}
	if (type == FRONTEND_PARSE || type == FRONTEND_BIND) {
		memset(out + len, 0, 6);
		len += type == FRONTEND_PARSE ? 2 : 6;
	}
	out[0] = type;
	out[1] = out[2] = out[3] = 0;
	out[4] = (uint8_t)(len - 1);
	return len;
}

/* Nothing else is outstanding; a block is open where one was begun. */
static const struct pipeline *
line(const struct recording *r)
{
	static struct pipeline p;

	p.count = 1;
	p.status =
	    r->state == RECORDING_NONE ? TRANSACTION_IDLE : TRANSACTION_BLOCK;
	return &p;
}

static void
send_frame(struct recording *r, uint8_t type, const char *a, const char *b,
	   enum guard_replay most)
{
	uint8_t bytes[256];
	size_t len = frame_of(bytes, type, a, b);
	struct span copy = bytes_copy(span_of(bytes, len));
	struct frame_header h;

	assert_int_equal(frame_peek(&h, copy), FRAME_OK);
	if (recording_wants(r, &h, copy))
		recording_note_sent(r, &h, copy, line(r), most);
	bytes_free(copy);
}

static void
send_query(struct recording *r, const char *sql, enum guard_replay most)
{
	send_frame(r, FRONTEND_QUERY, sql, NULL, most);
}

static void
answer(struct recording *r, uint8_t type, const char *text)
{
	struct frame f = {type, span_of(text, strlen(text))};

	if (recording_is_open(r))
		recording_note_answer(r, &f);
}

static void
answer_query(struct recording *r, const char *tag)
{
	answer(r, BACKEND_COMMAND_COMPLETE, tag);
	answer(r, BACKEND_READY_FOR_QUERY, "T");
}

static void
begin(struct recording *r, enum guard_replay most)
{
	send_query(r, "begin", most);
	assert_int_equal(r->state, RECORDING_BEGUN);
	assert_false(recording_is_whole(r));
	answer_query(r, "BEGIN");
	assert_false(recording_is_whole(r));
}

static void
recording_begins_with_a_begin(void **state)
{
	static const char *const others[] = {
	    "select 1", "bogus", "starts", "insert into a values (1)", "", "b",
	};
	struct recording r = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		send_query(&r, others[i], GUARD_REPLAY_ON);
	send_query(&r, "begin", GUARD_REPLAY_OFF);
	send_frame(&r, FRONTEND_PARSE, "named", "begin", GUARD_REPLAY_ON);
	assert_int_equal(r.state, RECORDING_NONE);
	send_query(&r, "  /* a */ START transaction", GUARD_REPLAY_DDL);
	assert_int_equal(r.state, RECORDING_BEGUN);
	recording_clear(&r);
	send_frame(&r, FRONTEND_PARSE, "", "Begin", GUARD_REPLAY_DDL);
	assert_int_equal(r.state, RECORDING_OPEN);
	recording_clear(&r);
}

/* How long the server was busy: with BEGIN it never is. */
static void
recording_dates_the_cycles_behind_the_begin(void **state)
{
	struct recording r = {0};

	(void)state;
	begin(&r, GUARD_REPLAY_DDL);
	send_query(&r, "alter table a add b int", GUARD_REPLAY_DDL);
	answer_query(&r, "ALTER TABLE");
	send_query(&r, "alter table a add c int", GUARD_REPLAY_DDL);
	assert_int_equal(r.count, 3);
	assert_int_equal(r.cycles[0].sent_ms, 0);
	assert_true(r.cycles[1].sent_ms > 0);
	assert_true(r.cycles[2].sent_ms >= r.cycles[1].sent_ms);
	recording_clear(&r);
}

/* By the messages behind BEGIN. */
static const struct {
	uint8_t type;
	const char *a;
	const char *b;
	enum guard_replay most; /* the least that records it; OFF: none */
} messages[] = {
    {FRONTEND_QUERY, "alter table a add b int", NULL, GUARD_REPLAY_DDL},
    {FRONTEND_QUERY, "set local a = b", NULL, GUARD_REPLAY_DDL},
    {FRONTEND_QUERY, "select * from pg_class", NULL, GUARD_REPLAY_DDL},
    {FRONTEND_QUERY, "select * from a", NULL, GUARD_REPLAY_ON},
    {FRONTEND_QUERY, "update a set b = 1", NULL, GUARD_REPLAY_ON},
    {FRONTEND_QUERY, "select * from alembic_version", NULL, GUARD_REPLAY_DDL},
    {FRONTEND_QUERY, "delete from knex_migrations", NULL, GUARD_REPLAY_DDL},
    {FRONTEND_PARSE, "", "update knex_migrations_lock set a = $1",
     GUARD_REPLAY_DDL},
    {FRONTEND_QUERY, "commit", NULL, GUARD_REPLAY_OFF},
    {FRONTEND_QUERY, "begin", NULL, GUARD_REPLAY_OFF},
    {FRONTEND_QUERY, "copy a from stdin", NULL, GUARD_REPLAY_OFF},
    {FRONTEND_PARSE, "", "drop table a", GUARD_REPLAY_DDL},
    {FRONTEND_PARSE, "s", "drop table a", GUARD_REPLAY_OFF},
    {FRONTEND_BIND, "", "", GUARD_REPLAY_OFF},
    {FRONTEND_FUNCTION_CALL, "", NULL, GUARD_REPLAY_OFF},
    {FRONTEND_COPY_DATA, "", NULL, GUARD_REPLAY_OFF},
};

static void
recording_ends_at_what_cannot_be_repeated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		for (enum guard_replay most = GUARD_REPLAY_DDL;
		     most <= GUARD_REPLAY_ON; most++) {
			struct recording r = {0};
			bool is_kept = messages[i].most != GUARD_REPLAY_OFF &&
				       messages[i].most <= most;

			begin(&r, most);
			send_frame(&r, messages[i].type, messages[i].a,
				   messages[i].b, most);
			if (is_kept != (r.state == RECORDING_OPEN))
				fail_msg("%zu: %s", i, messages[i].a);
			assert_int_equal(r.why == NULL, is_kept);
			assert_int_equal(r.frames.data == NULL, !is_kept);
			recording_clear(&r);
		}
	}
}

static void
recording_takes_rows_written_behind_a_definition(void **state)
{
	struct recording r = {0};

	(void)state;
	begin(&r, GUARD_REPLAY_DDL);
	send_query(&r, "drop table a", GUARD_REPLAY_DDL);
	answer_query(&r, "DROP TABLE");
	send_query(&r, "insert into b values (1)", GUARD_REPLAY_DDL);
	assert_false(recording_is_whole(&r));
	answer_query(&r, "INSERT 0 1");
	assert_true(recording_is_whole(&r));
	assert_int_equal(r.count, 3);
	assert_int_equal(recording_cycle_frames(&r, 1).data[0], FRONTEND_QUERY);
	assert_memory_equal(recording_cycle_frames(&r, 2).data + 5, "insert",
			    6);
	recording_clear(&r);
	assert_int_equal(r.state, RECORDING_NONE);
}

static void
recording_counts_what_a_text_in_pieces_is_answered(void **state)
{
	struct recording r = {0};
	const char *sql = "create table d(); drop table a";

	(void)state;
	begin(&r, GUARD_REPLAY_DDL);
	recording_note_query(&r, span_of(sql, strlen(sql)), line(&r),
			     GUARD_REPLAY_DDL);
	answer_query(&r, "CREATE TABLE");
	recording_expect_ready(&r);
	assert_false(recording_is_whole(&r));
	answer_query(&r, "DROP TABLE");
	assert_true(recording_is_whole(&r));
	assert_int_equal(r.count, 2);
	recording_clear(&r);
	recording_expect_ready(&r);
}

static uint64_t
hash_of(uint8_t type, const char *text)
{
	uint64_t hash = fnv_hash(NULL, 0);
	struct frame f = {type, span_of(text, strlen(text))};

	recording_hash(&hash, &f);
	return hash;
}

static void
recording_hash_leaves_out_what_differs_by_itself(void **state)
{
	(void)state;
	assert_true(hash_of(BACKEND_READY_FOR_QUERY, "T") == fnv_hash(NULL, 0));
	assert_true(hash_of(BACKEND_COMMAND_COMPLETE, "a") !=
		    hash_of(BACKEND_COMMAND_COMPLETE, "b"));
	assert_true(hash_of(BACKEND_COMMAND_COMPLETE, "a") !=
		    hash_of(BACKEND_DATA_ROW, "a"));
	assert_true(recording_is_apart(BACKEND_NOTIFICATION_RESPONSE));
	assert_true(recording_is_apart(BACKEND_PARAMETER_STATUS));
	assert_false(recording_is_apart(BACKEND_NOTICE_RESPONSE));
}

static void
recording_hash_leaves_out_chatter(void **state)
{
	static const char log[] = "SLOG\0Mduration: 1 ms\0";
	static const char notice[] = "SNOTICE\0Mhello\0";
	struct frame a = {BACKEND_NOTICE_RESPONSE, span_of(log, sizeof(log))};
	struct frame b = {BACKEND_NOTICE_RESPONSE,
			  span_of(notice, sizeof(notice))};
	uint64_t hash = fnv_hash(NULL, 0);

	(void)state;
	recording_hash(&hash, &a);
	assert_true(hash == fnv_hash(NULL, 0));
	recording_hash(&hash, &b);
	assert_true(hash != fnv_hash(NULL, 0));
}

static void
recording_ends_at_answers_that_cannot_be_compared(void **state)
{
	struct frame huge = {.type = BACKEND_DATA_ROW};
	struct recording r = {0};

	(void)state;
	begin(&r, GUARD_REPLAY_DDL);
	send_query(&r, "show a", GUARD_REPLAY_DDL);
	answer_query(&r, "SHOW");
	answer(&r, BACKEND_COMMAND_COMPLETE, "of nothing");
	assert_int_equal(r.state, RECORDING_ENDED);
	recording_clear(&r);

	begin(&r, GUARD_REPLAY_DDL);
	send_query(&r, "show a", GUARD_REPLAY_DDL);
	answer(&r, BACKEND_NOTIFICATION_RESPONSE, "a");
	assert_int_equal(r.state, RECORDING_OPEN);
	recording_note_answer(&r, &huge);
	assert_int_equal(r.state, RECORDING_ENDED);
	recording_clear(&r);
}

static void
recording_is_bounded(void **state)
{
	struct recording r = {0};
	size_t i;

	(void)state;
	begin(&r, GUARD_REPLAY_DDL);
	for (i = 0; r.state != RECORDING_ENDED; i++) {
		send_query(&r, "truncate a", GUARD_REPLAY_DDL);
		assert_true(i < RECORDING_CYCLES_MAX);
		if (r.state == RECORDING_OPEN)
			answer_query(&r, "TRUNCATE TABLE");
	}
	assert_null(r.frames.data);
	assert_null(r.cycles);
	recording_clear(&r);
}

static void
recording_ends_where_memory_does(void **state)
{
	struct recording r = {0};
	struct frame_header h;
	uint8_t bytes[256];
	struct span in;

	(void)state;
	in.len = frame_of(bytes, FRONTEND_QUERY, "drop table a", NULL);
	in.data = bytes;
	assert_int_equal(frame_peek(&h, in), FRAME_OK);
	for (unsigned int n = 0; n < 2; n++) {
		begin(&r, GUARD_REPLAY_DDL);
		allocation_fail_after(n);
		for (size_t i = 0; r.state != RECORDING_ENDED; i++) {
			recording_note_sent(&r, &h, in, line(&r),
					    GUARD_REPLAY_DDL);
			if (r.state == RECORDING_OPEN)
				answer_query(&r, "DROP TABLE");
			assert_true(i < 1000);
		}
		assert_true(allocation_restore());
		recording_clear(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(recording_begins_with_a_begin),
	    cmocka_unit_test(recording_dates_the_cycles_behind_the_begin),
	    cmocka_unit_test(recording_ends_at_what_cannot_be_repeated),
	    cmocka_unit_test(recording_takes_rows_written_behind_a_definition),
	    cmocka_unit_test(
		recording_counts_what_a_text_in_pieces_is_answered),
	    cmocka_unit_test(recording_hash_leaves_out_what_differs_by_itself),
	    cmocka_unit_test(recording_hash_leaves_out_chatter),
	    cmocka_unit_test(recording_ends_at_answers_that_cannot_be_compared),
	    cmocka_unit_test(recording_is_bounded),
	    cmocka_unit_test(recording_ends_where_memory_does),
	};

	return cmocka_run_group_tests_name("proxy/guard/recording", tests, NULL,
					   NULL);
}
