#include "protocol/startup.h"

#include "protocol/types.h"
#include "protocol/writer.h"
#include "tests/support/test.h"

#define PLAIN "\0\0\0\x2d\0\3\0\0user\0ann\0database\0shop\0replication\0\0\0"

static enum startup_status
decode(struct span in)
{
	struct startup_packet p;

	return startup_decode(&p, in);
}

/* A StartupMessage with these parameters, in pairs, up to a NULL. */
static struct span
startup_message(struct writer *w, uint32_t version, const char *const *pairs)
{
	writer_begin(w, 0);
	write_u32(w, version);
	for (; *pairs != NULL; pairs++)
		write_string(w, *pairs);
	write_u8(w, 0);
	writer_end(w);
	assert_false(w->failed);
	return span_of(w->data, w->len);
}

static void
check_wants_more(struct span part)
{
	assert_int_equal(decode(part), STARTUP_MORE);
}

static void
startup_decode_wants_more_for_every_proper_prefix(void **state)
{
	(void)state;
	bytes_each_proper_prefix(bytes(PLAIN, 45), check_wants_more);
	bytes_each_proper_prefix(bytes("\0\0\0\10\4\xd2\x16\x2f", 8),
				 check_wants_more);
	bytes_each_proper_prefix(bytes("\0\0\0\10\4\xd2\x16\x30", 8),
				 check_wants_more);
	bytes_each_proper_prefix(
	    bytes("\0\0\0\20\4\xd2\x16\x2e\0\0\1\2abcd", 16), check_wants_more);
	bytes_each_proper_prefix(bytes("\0\0\0\12\0\2\0\0xy", 10),
				 check_wants_more);
	check_wants_more((struct span){.data = NULL});
}

static void
startup_decode_finds_the_parameters(void **state)
{
	static const char *const pairs[] = {"user",
					    "ann",
					    "options",
					    "-c work_mem=1MB",
					    "database",
					    "shop",
					    "_pq_.x",
					    "1",
					    "application_name",
					    "psql",
					    "replication",
					    "database",
					    "DateStyle",
					    "ISO",
					    NULL};
	struct writer w = {0};
	struct span in = startup_message(&w, 3 << 16, pairs);
	struct startup_packet p;

	(void)state;
	assert_int_equal(startup_decode(&p, in), STARTUP_MESSAGE);
	assert_int_equal(p.version, 0x30000);
	assert_span_text(p.user, "ann");
	assert_span_text(p.database, "shop");
	assert_span_text(p.application_name, "psql");
	assert_span_text(p.replication, "database");
	assert_span_text(p.options, "-c work_mem=1MB");
	writer_clear(&w);
}

static void
startup_decode_leaves_absent_parameters_empty(void **state)
{
	struct startup_packet p;

	(void)state;
	assert_int_equal(startup_decode(&p, bytes("\0\0\0\11\0\3\0\0\0", 9)),
			 STARTUP_MESSAGE);
	assert_int_equal(p.user.len, 0);
	assert_int_equal(p.database.len, 0);
	assert_int_equal(p.application_name.len, 0);
	assert_int_equal(p.replication.len, 0);
	assert_int_equal(p.options.len, 0);
	assert_false(startup_is_replication(&p));
}

static void
startup_decode_lets_the_last_of_equal_names_count(void **state)
{
	static const char *const pairs[] = {"user", "ann", "user", "bob", NULL};
	struct writer w = {0};
	struct startup_packet p;

	(void)state;
	assert_int_equal(
	    startup_decode(&p, startup_message(&w, 3 << 16, pairs)),
	    STARTUP_MESSAGE);
	assert_span_text(p.user, "bob");
	writer_clear(&w);
}

static void
startup_decode_leaves_what_follows_the_packet(void **state)
{
	struct span in = bytes("\0\0\0\10\4\xd2\x16\x2f" PLAIN, 53);
	struct startup_packet p;

	(void)state;
	assert_int_equal(startup_decode(&p, in), STARTUP_SSL);
	assert_int_equal(p.raw.len, 8);
	assert_ptr_equal(p.raw.data, in.data);
	in = span_of(in.data + 8, in.len - 8);
	assert_int_equal(startup_decode(&p, in), STARTUP_MESSAGE);
	assert_int_equal(p.raw.len, 45);
	assert_span_text(p.user, "ann");
	assert_span_text(p.database, "shop");
}

static void
startup_decode_accepts_every_minor_of_protocol_three(void **state)
{
	static const uint32_t minors[] = {0, 2, 3, 9999, 0xffff};

	(void)state;
	for (size_t i = 0; i < sizeof(minors) / sizeof(minors[0]); i++) {
		static const char *const none[] = {NULL};
		struct writer w = {0};
		struct startup_packet p;
		uint32_t version = 3u << 16 | minors[i];

		assert_int_equal(
		    startup_decode(&p, startup_message(&w, version, none)),
		    STARTUP_MESSAGE);
		assert_int_equal(p.version, version);
		writer_clear(&w);
	}
}

static void
startup_decode_names_other_versions_unsupported(void **state)
{
	struct startup_packet p;
	struct span two = bytes("\0\0\0\12\0\2\0\0xy", 10);

	(void)state;
	assert_int_equal(startup_decode(&p, two), STARTUP_UNSUPPORTED);
	assert_int_equal(p.version, 2 << 16);
	assert_int_equal(p.raw.len, 10);
	assert_int_equal(startup_decode(&p, bytes("\0\0\0\10\0\4\0\1", 8)),
			 STARTUP_UNSUPPORTED);
	assert_int_equal(p.version, 4 << 16 | 1);
	assert_int_equal(decode(bytes("\0\0\0\10\0\0\0\0", 8)),
			 STARTUP_UNSUPPORTED);
	assert_int_equal(decode(bytes("\0\0\0\10\xff\xff\xff\xff", 8)),
			 STARTUP_UNSUPPORTED);
	/* 1234,5681: a request that nobody has defined yet */
	assert_int_equal(decode(bytes("\0\0\0\10\4\xd2\x16\x31", 8)),
			 STARTUP_UNSUPPORTED);
}

static void
startup_decode_reads_a_cancel_request(void **state)
{
	struct startup_packet p;
	struct span in = bytes("\0\0\0\20\4\xd2\x16\x2e\0\0\1\2\xff\0ab", 16);

	(void)state;
	assert_int_equal(startup_decode(&p, in), STARTUP_CANCEL);
	assert_int_equal(p.cancel.backend_pid, 258);
	assert_span_equal(p.cancel.secret, bytes("\xff\0ab", 4));
	assert_int_equal(p.raw.len, 16);
}

static void
startup_decode_bounds_the_cancel_secret(void **state)
{
	(void)state;
	for (uint32_t len = 0; len <= 300; len++) {
		uint8_t wire[12 + 300] = {0, 0, 0, 0, 4, 0xd2, 0x16, 0x2e};
		struct startup_packet p;
		bool good = len >= 4 && len <= 256;

		wire[2] = (uint8_t)((12 + len) >> 8);
		wire[3] = (uint8_t)(12 + len);
		assert_int_equal(startup_decode(&p, span_of(wire, 12 + len)),
				 good ? STARTUP_CANCEL : STARTUP_NONE);
		if (good)
			assert_int_equal(p.cancel.secret.len, len);
	}
}

static const struct {
	const char *name;
	const char *wire;
	size_t len;
} no_packets[] =
    {
	{"length zero", "\0\0\0\0", 4},
	{"length seven", "\0\0\0\7", 4},
	{"length above the bound", "\0\0\x27\x15", 4},
	{"largest length", "\x7f\xff\xff\xff", 4},
	{"negative length", "\xff\xff\xff\xff", 4},
	{"an HTTP request", "GET ", 4},
	{"a TLS record", "\x16\3\1\1", 4},
	{"cancel without a secret", "\0\0\0\14\4\xd2\x16\x2e\0\0\0\1", 12},
	{"cancel without a pid", "\0\0\0\10\4\xd2\x16\x2e", 8},
},
  bad_packets[] = {
      {"no terminator at all", "\0\0\0\10\0\3\0\0", 8},
      {"no terminator after pairs", "\0\0\0\17\0\3\0\0user\0a\0", 15},
      {"value cut short", "\0\0\0\16\0\3\0\0user\0a", 14},
      {"name cut short", "\0\0\0\14\0\3\0\0user", 12},
      {"name without value", "\0\0\0\16\0\3\0\0user\0\0", 14},
      {"bytes behind the terminator", "\0\0\0\12\0\3\0\0\0x", 10},
      {"pair behind the terminator", "\0\0\0\17\0\3\0\0\0user\0a", 15},
};

static void
startup_decode_tells_what_is_no_packet(void **state)
{
	size_t count = sizeof(no_packets) / sizeof(no_packets[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct span in =
		    bytes_copy(bytes(no_packets[i].wire, no_packets[i].len));

		print_message("%s\n", no_packets[i].name);
		assert_int_equal(decode(in), STARTUP_NONE);
		bytes_free(in);
	}
}

/* As the server has it, which does not look at the length. */
static void
startup_decode_takes_requests_with_a_body(void **state)
{
	(void)state;
	assert_int_equal(decode(bytes("\0\0\0\11\4\xd2\x16\x2f\0", 9)),
			 STARTUP_SSL);
	assert_int_equal(decode(bytes("\0\0\0\11\4\xd2\x16\x30\0", 9)),
			 STARTUP_GSSENC);
}

static void
startup_decode_rejects_what_is_malformed(void **state)
{
	size_t count = sizeof(bad_packets) / sizeof(bad_packets[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct span in =
		    bytes_copy(bytes(bad_packets[i].wire, bad_packets[i].len));

		print_message("%s\n", bad_packets[i].name);
		assert_int_equal(decode(in), STARTUP_BAD);
		bytes_free(in);
	}
}

static void
startup_decode_takes_a_packet_as_long_as_postgresql_does(void **state)
{
	size_t len = STARTUP_PACKET_MAX;
	uint8_t *wire = malloc(len);

	(void)state;
	assert_non_null(wire);
	memset(wire, 'x', len);
	memcpy(wire, "\0\0\x27\x14\0\3\0\0options", 15);
	wire[15] = 0;
	memcpy(wire + len - 2, "\0\0", 2);
	assert_int_equal(decode(span_of(wire, len)), STARTUP_MESSAGE);
	assert_int_equal(decode(span_of(wire, len - 1)), STARTUP_MORE);
	free(wire);
}

static const struct {
	const char *value;
	bool is_replication;
} replication_values[] = {
    {"t", true},         {"T", true},          {"tr", true},
    {"tru", true},       {"true", true},       {"TrUe", true},
    {"y", true},         {"ye", true},         {"YES", true},
    {"on", true},        {"On", true},         {"1", true},
    {"database", true},  {"", false},          {"f", false},
    {"false", false},    {"no", false},        {"n", false},
    {"o", false},        {"of", false},        {"off", false},
    {"0", false},        {"11", false},        {"01", false},
    {"truex", false},    {"true ", false},     {" true", false},
    {"yesyes", false},   {"onn", false},       {"data", false},
    {"DATABASE", false}, {"databases", false}, {"2", false},
};

static void
startup_is_replication_reads_booleans_as_postgresql_does(void **state)
{
	size_t count =
	    sizeof(replication_values) / sizeof(replication_values[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const char *pairs[] = {"replication",
				       replication_values[i].value, NULL};
		struct writer w = {0};
		struct startup_packet p;
		struct span in = startup_message(&w, 3 << 16, pairs);

		print_message("'%s'\n", replication_values[i].value);
		assert_int_equal(startup_decode(&p, in), STARTUP_MESSAGE);
		assert_int_equal(startup_is_replication(&p),
				 replication_values[i].is_replication);
		writer_clear(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(startup_decode_wants_more_for_every_proper_prefix),
	    cmocka_unit_test(startup_decode_finds_the_parameters),
	    cmocka_unit_test(startup_decode_leaves_absent_parameters_empty),
	    cmocka_unit_test(startup_decode_lets_the_last_of_equal_names_count),
	    cmocka_unit_test(startup_decode_leaves_what_follows_the_packet),
	    cmocka_unit_test(
		startup_decode_accepts_every_minor_of_protocol_three),
	    cmocka_unit_test(startup_decode_names_other_versions_unsupported),
	    cmocka_unit_test(startup_decode_reads_a_cancel_request),
	    cmocka_unit_test(startup_decode_bounds_the_cancel_secret),
	    cmocka_unit_test(startup_decode_tells_what_is_no_packet),
	    cmocka_unit_test(startup_decode_takes_requests_with_a_body),
	    cmocka_unit_test(startup_decode_rejects_what_is_malformed),
	    cmocka_unit_test(
		startup_decode_takes_a_packet_as_long_as_postgresql_does),
	    cmocka_unit_test(
		startup_is_replication_reads_booleans_as_postgresql_does),
	};

	return cmocka_run_group_tests_name("protocol/startup", tests, NULL,
					   NULL);
}
