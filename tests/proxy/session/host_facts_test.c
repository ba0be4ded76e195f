#include "proxy/session/host_facts.h"

#include "tests/support/reports.h"
#include "tests/support/test.h"

static void
assert_read(struct span in, enum host_facts_status status,
	    enum host_fact in_hot_standby, enum host_fact is_read_only)
{
	struct host_facts f;

	assert_int_equal(host_facts_read(&f, in), status);
	if (status != HOST_FACTS_READ)
		return;
	assert_int_equal(f.in_hot_standby, in_hot_standby);
	assert_int_equal(f.is_read_only, is_read_only);
}

static void
host_facts_read_waits_for_each_proper_prefix(void **state)
{
	struct span whole = bytes(STANDBY KEY, sizeof(STANDBY KEY) - 1);
	size_t len;

	(void)state;
	for (len = 0; len < whole.len; len++)
		assert_read(span_of(whole.data, len), HOST_FACTS_MORE, 0, 0);
	assert_read(whole, HOST_FACTS_READ, HOST_FACT_ON, HOST_FACT_OFF);
}

static void
host_facts_read_ends_with_the_key_or_without_it(void **state)
{
	(void)state;
	assert_read(bytes(PRIMARY READY, sizeof(PRIMARY READY) - 1),
		    HOST_FACTS_READ, HOST_FACT_OFF, HOST_FACT_OFF);
	assert_read(bytes(KEY, sizeof(KEY) - 1), HOST_FACTS_READ,
		    HOST_FACT_UNKNOWN, HOST_FACT_UNKNOWN);
	assert_read(bytes(NOTICE STANDBY KEY, sizeof(NOTICE STANDBY KEY) - 1),
		    HOST_FACTS_READ, HOST_FACT_ON, HOST_FACT_OFF);
}

static void
host_facts_read_knows_no_other_words(void **state)
{
	static const char odd[] = "S\0\0\0\x17"
				  "in_hot_standby\0yes\0" KEY;

	(void)state;
	assert_read(bytes(odd, sizeof(odd) - 1), HOST_FACTS_READ,
		    HOST_FACT_UNKNOWN, HOST_FACT_UNKNOWN);
}

static void
host_facts_read_tells_of_an_error(void **state)
{
	(void)state;
	assert_read(bytes(STANDBY FATAL, sizeof(STANDBY FATAL) - 1),
		    HOST_FACTS_REFUSED, 0, 0);
}

/* Notices before the reports, without an end: nothing is known in time. */
static void
host_facts_read_waits_for_so_many_bytes_only(void **state)
{
	static char notices[HOST_FACTS_MAX_BYTES];
	size_t at;

	(void)state;
	for (at = 0; at + 5 <= sizeof(notices); at += 5)
		memcpy(notices + at, "N\0\0\0\4", 5);
	assert_read(bytes(notices, sizeof(notices) - 1), HOST_FACTS_MORE, 0, 0);
	assert_read(bytes(notices, sizeof(notices)), HOST_FACTS_READ,
		    HOST_FACT_UNKNOWN, HOST_FACT_UNKNOWN);
}

/* A length that no report has, or that is none. */
static void
host_facts_read_does_not_wait_for_what_is_too_large(void **state)
{
	static char notices[HOST_FACTS_MAX_BYTES] = NOTICE;

	(void)state;
	assert_read(bytes("S\x7f\xff\xff\xff", 5), HOST_FACTS_READ,
		    HOST_FACT_UNKNOWN, HOST_FACT_UNKNOWN);
	memcpy(notices + sizeof(NOTICE) - 1, "N\0\0\xff\xff", 5);
	assert_read(bytes(notices, sizeof(NOTICE) + 4), HOST_FACTS_MORE,
		    HOST_FACT_UNKNOWN, HOST_FACT_UNKNOWN);
	assert_read(bytes(notices, sizeof(notices)), HOST_FACTS_READ,
		    HOST_FACT_UNKNOWN, HOST_FACT_UNKNOWN);
}

static void
host_facts_judge_as_libpq_does(void **state)
{
	static const struct host_facts unknown = {0}, primary = {1, 1},
				       fenced = {1, 2}, standby = {2, 1},
				       closed = {2, 2}, half = {1, 0};
	static const struct {
		enum session_attrs attrs;
		enum host_fit unknown, half, primary, fenced, standby, closed;
	} rows[] = {
	    {SESSION_ATTRS_ANY, HOST_FITS, HOST_FITS, HOST_FITS, HOST_FITS,
	     HOST_FITS, HOST_FITS},
	    {SESSION_ATTRS_READ_WRITE, HOST_SAYS_NOTHING, HOST_SAYS_NOTHING,
	     HOST_FITS, HOST_IS_READ_ONLY, HOST_IS_STANDBY, HOST_IS_STANDBY},
	    {SESSION_ATTRS_READ_ONLY, HOST_SAYS_NOTHING, HOST_SAYS_NOTHING,
	     HOST_IS_READ_WRITE, HOST_FITS, HOST_FITS, HOST_FITS},
	    {SESSION_ATTRS_PRIMARY, HOST_SAYS_NOTHING, HOST_FITS, HOST_FITS,
	     HOST_FITS, HOST_IS_STANDBY, HOST_IS_STANDBY},
	    {SESSION_ATTRS_STANDBY, HOST_SAYS_NOTHING, HOST_IS_PRIMARY,
	     HOST_IS_PRIMARY, HOST_IS_PRIMARY, HOST_FITS, HOST_FITS},
	    {SESSION_ATTRS_PREFER_STANDBY, HOST_SAYS_NOTHING, HOST_IS_PRIMARY,
	     HOST_IS_PRIMARY, HOST_IS_PRIMARY, HOST_FITS, HOST_FITS},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum session_attrs a = rows[i].attrs;

		assert_int_equal(host_facts_judge(&unknown, a),
				 rows[i].unknown);
		assert_int_equal(host_facts_judge(&half, a), rows[i].half);
		assert_int_equal(host_facts_judge(&primary, a),
				 rows[i].primary);
		assert_int_equal(host_facts_judge(&fenced, a), rows[i].fenced);
		assert_int_equal(host_facts_judge(&standby, a),
				 rows[i].standby);
		assert_int_equal(host_facts_judge(&closed, a), rows[i].closed);
	}
}

static void
host_fit_words_has_some_for_each(void **state)
{
	enum host_fit fit;

	(void)state;
	for (fit = HOST_FITS; fit <= HOST_IS_READ_WRITE; fit++)
		assert_true(strlen(host_fit_words(fit)) > 0);
	assert_string_equal(host_fit_words(HOST_IS_STANDBY),
			    "server is in hot standby mode");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(host_facts_read_waits_for_each_proper_prefix),
	    cmocka_unit_test(host_facts_read_ends_with_the_key_or_without_it),
	    cmocka_unit_test(host_facts_read_knows_no_other_words),
	    cmocka_unit_test(host_facts_read_tells_of_an_error),
	    cmocka_unit_test(host_facts_read_waits_for_so_many_bytes_only),
	    cmocka_unit_test(
		host_facts_read_does_not_wait_for_what_is_too_large),
	    cmocka_unit_test(host_facts_judge_as_libpq_does),
	    cmocka_unit_test(host_fit_words_has_some_for_each),
	};

	return cmocka_run_group_tests_name("proxy/session/host_facts", tests,
					   NULL, NULL);
}
