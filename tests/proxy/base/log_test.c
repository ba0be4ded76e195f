#include "proxy/base/log.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/capture.h"

enum {
	LINE_BYTES = sizeof(((struct log_event *)NULL)->line),
	THREADS = 4,
	LINES_OF_THREAD = 200,
};

/* The line of one event with one field. */
static char *
line_of(enum log_format format, const char *message, const char *key,
	const char *value, size_t len)
{
	struct log_event e;
	struct capture c;

	log_init(LOG_INFO, format);
	c = capture_begin();
	log_begin(&e, LOG_INFO, message);
	log_text_len(&e, key, value, len);
	log_end(&e);
	return capture_end(&c);
}

static void
assert_matches(const char *text, const char *pattern)
{
	regex_t regex;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&regex, text, 0, NULL, 0) != 0)
		fail_msg("%s\ndoes not match\n%s", text, pattern);
	regfree(&regex);
}

/* Behind a JSON string of valid UTF-8 without controls; NULL: it is none. */
static const char *
skip_json_string(const char *s)
{
	if (*s++ != '"')
		return NULL;
	while (*s != '"') {
		if ((unsigned char)*s < ' ')
			return NULL;
		if (*s++ != '\\')
			continue;
		if (*s == 'u')
			s += isxdigit((unsigned char)s[1]) &&
				     isxdigit((unsigned char)s[2]) &&
				     isxdigit((unsigned char)s[3]) &&
				     isxdigit((unsigned char)s[4])
				 ? 4
				 : 0;
		else if (strchr("\"\\nrt", *s) == NULL || *s == '\0')
			return NULL;
		s++;
	}
	return s + 1;
}

static const char *
skip_json_value(const char *s)
{
	if (*s == '"')
		return skip_json_string(s);
	if (strncmp(s, "true", 4) == 0)
		return s + 4;
	return isdigit((unsigned char)*s) ? s + strspn(s, "0123456789") : NULL;
}

/* One flat object and a newline. */
static void
assert_json_line(const char *line)
{
	const char *s = line;

	assert_true(mbstowcs(NULL, line, 0) != (size_t)-1);
	assert_int_equal(*s, '{');
	do {
		s = skip_json_string(s + 1);
		assert_true(s != NULL && *s == ':');
		s = skip_json_value(s + 1);
		assert_non_null(s);
	} while (*s == ',');
	assert_string_equal(s, "}\n");
}

static void
assert_text_line(const char *line)
{
	size_t len = strlen(line);
	size_t i;

	assert_true(mbstowcs(NULL, line, 0) != (size_t)-1);
	assert_true(len > 0 && line[len - 1] == '\n');
	for (i = 0; i < len - 1; i++)
		assert_true((unsigned char)line[i] >= ' ' && line[i] != 0x7F);
}

static void
log_line_writes_time_level_and_message(void **state)
{
	struct capture c;
	char *text;

	(void)state;
	log_init(LOG_DEBUG, LOG_TEXT);
	c = capture_begin();
	log_line(LOG_ERROR, "one %d \"quoted\"", 1);
	log_line(LOG_WARNING, "two");
	log_line(LOG_INFO, "three");
	log_line(LOG_DEBUG, "four");
	text = capture_end(&c);
#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\\.[0-9]{3} UTC "
	assert_matches(text,
		       "^" TIME "ERROR one 1 \"quoted\"\n" TIME
		       "WARN  two\n" TIME "INFO  three\n" TIME "DEBUG four\n$");
	free(text);
}

static void
log_line_writes_json(void **state)
{
	struct capture c;
	char *text;

	(void)state;
	log_init(LOG_INFO, LOG_JSON);
	c = capture_begin();
	log_line(LOG_WARNING, "a \"b\" \\ %s", "c\nd");
	text = capture_end(&c);
	assert_json_line(text);
	assert_matches(text, "^\\{\"time\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T"
			     "[0-9:]{8}\\.[0-9]{3}Z\",\"level\":\"warning\","
			     "\"message\":\"a \\\\\"b\\\\\" \\\\\\\\ "
			     "c\\\\nd\"\\}\n$");
	free(text);
}

static void
log_line_escapes_what_would_forge_a_line(void **state)
{
	struct capture c;
	char *text;

	(void)state;
	log_init(LOG_INFO, LOG_TEXT);
	c = capture_begin();
	log_line(LOG_INFO, "table %s", "x\n2026 UTC ERROR \x1b[2K\xff");
	text = capture_end(&c);
	assert_text_line(text);
	assert_non_null(strstr(text, "x\\n2026 UTC ERROR \\u001b[2K\\xff\n"));
	free(text);
}

static const struct {
	const char *value;
	size_t len;
	const char *text;
	const char *json;
} values[] = {
    {"plain", 5, "plain", "plain"},
    {"public.a-b:1/x,y", 16, "public.a-b:1/x,y", "public.a-b:1/x,y"},
    {"", 0, "\"\"", ""},
    {"two words", 9, "\"two words\"", "two words"},
    {"a=b", 3, "\"a=b\"", "a=b"},
    {"say \"x\"", 7, "\"say \\\"x\\\"\"", "say \\\"x\\\""},
    {"back\\slash", 10, "\"back\\\\slash\"", "back\\\\slash"},
    {"a\nb\tc\rd", 7, "\"a\\nb\\tc\\rd\"", "a\\nb\\tc\\rd"},
    {"a\0b", 3, "\"a\\u0000b\"", "a\\u0000b"},
    {"\x1b[31m\x7f", 6, "\"\\u001b[31m\\u007f\"", "\\u001b[31m\\u007f"},
    {"gr\xc3\xbc\xc3\x9f", 6, "\"gr\xc3\xbc\xc3\x9f\"", "gr\xc3\xbc\xc3\x9f"},
    {"\xf0\x9f\x90\x98", 4, "\"\xf0\x9f\x90\x98\"", "\xf0\x9f\x90\x98"},
    {"\xc2\x9b", 2, "\"\\u009b\"", "\\u009b"},
    {"\xe2\x80\xa8", 3, "\"\\u2028\"", "\\u2028"},
    {"\xe2\x80\xae", 3, "\"\\u202e\"", "\\u202e"},
    {"\xff", 1, "\"\\xff\"", "\\ufffd"},
    {"\xc3", 1, "\"\\xc3\"", "\\ufffd"},
    {"\xc0\xaf", 2, "\"\\xc0\\xaf\"", "\\ufffd\\ufffd"},
    {"\xe0\x80\xaf", 3, "\"\\xe0\\x80\\xaf\"", "\\ufffd\\ufffd\\ufffd"},
    {"\xed\xa0\x80", 3, "\"\\xed\\xa0\\x80\"", "\\ufffd\\ufffd\\ufffd"},
    {"\xf4\x90\x80\x80", 4, "\"\\xf4\\x90\\x80\\x80\"",
     "\\ufffd\\ufffd\\ufffd\\ufffd"},
    {"\xc3\"", 2, "\"\\xc3\\\"\"", "\\ufffd\\\""},
};

static void
log_text_len_escapes_values(void **state)
{
	char expected[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct span value =
		    bytes_copy(bytes(values[i].value, values[i].len));
		char *text = line_of(LOG_TEXT, "m", "key",
				     (const char *)value.data, value.len);
		char *json = line_of(LOG_JSON, "m", "key",
				     (const char *)value.data, value.len);

		assert_text_line(text);
		snprintf(expected, sizeof(expected), "INFO  m key=%s\n",
			 values[i].text);
		assert_string_equal(strstr(text, "INFO"), expected);
		assert_json_line(json);
		snprintf(expected, sizeof(expected), ",\"key\":\"%s\"}\n",
			 values[i].json);
		assert_string_equal(strstr(json, ",\"key"), expected);
		free(text);
		free(json);
		bytes_free(value);
	}
}

static void
log_text_len_stays_one_valid_line_for_any_bytes(void **state)
{
	unsigned seed = 1;
	int i;

	(void)state;
	for (i = 0; i < 2000; i++) {
		char value[64];
		size_t len = (size_t)rand_r(&seed) % sizeof(value);
		size_t j;
		char *line;

		for (j = 0; j < len; j++)
			value[j] = (char)rand_r(&seed);
		line = line_of(LOG_TEXT, "m", "key", value, len);
		assert_text_line(line);
		free(line);
		line = line_of(LOG_JSON, "m", "key", value, len);
		assert_json_line(line);
		free(line);
	}
}

static void
log_number_writes_all_digits(void **state)
{
	struct log_event e;
	struct capture c;
	char *text;

	(void)state;
	log_init(LOG_INFO, LOG_TEXT);
	c = capture_begin();
	log_begin(&e, LOG_INFO, "m");
	log_number(&e, "zero", 0);
	log_number(&e, "most", UINT64_MAX);
	log_end(&e);
	log_init(LOG_INFO, LOG_JSON);
	log_begin(&e, LOG_INFO, "m");
	log_number(&e, "zero", 0);
	log_number(&e, "most", UINT64_MAX);
	log_end(&e);
	text = capture_end(&c);
	assert_non_null(strstr(text, "m zero=0 most=18446744073709551615\n"));
	assert_non_null(
	    strstr(text, "\"m\",\"zero\":0,\"most\":18446744073709551615}\n"));
	free(text);
}

/* A value of each length around the end of the buffer, and a field behind. */
static char *
line_with_long_value(enum log_format format, const char *unit, size_t count)
{
	size_t unit_len = strlen(unit);
	char *value = calloc(count + 1, unit_len);
	struct log_event e;
	struct capture c;
	size_t i;

	assert_non_null(value);
	for (i = 0; i < count; i++)
		memcpy(value + i * unit_len, unit, unit_len);
	log_init(LOG_INFO, format);
	c = capture_begin();
	log_begin(&e, LOG_INFO, "message");
	log_text(&e, "long", value);
	log_number(&e, "behind", 1);
	log_end(&e);
	free(value);
	return capture_end(&c);
}

static const char *const units[] = {"x", "\"", "\n", "\xe2\x82\xac",
				    "\xe2\x80\xae"};

static void
log_text_cuts_a_long_text_line(void **state)
{
	size_t i;
	size_t count;

	(void)state;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (count = 400; count < LINE_BYTES + 20; count += 5) {
			char *line =
			    line_with_long_value(LOG_TEXT, units[i], count);
			bool is_whole = strstr(line, "behind=1\n") != NULL;

			assert_text_line(line);
			assert_true(strlen(line) <= LINE_BYTES);
			assert_true(is_whole || strstr(line, "...\n") != NULL);
			assert_true(is_whole || strlen(line) > LINE_BYTES - 40);
			assert_true(!is_whole || strstr(line, "...") == NULL);
			free(line);
		}
	}
}

static void
log_text_leaves_a_long_json_field_out(void **state)
{
	size_t i;
	size_t count;

	(void)state;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (count = 400; count < LINE_BYTES + 20; count += 5) {
			char *line =
			    line_with_long_value(LOG_JSON, units[i], count);
			bool is_cut = strstr(line, ",\"cut\":true}") != NULL;

			assert_json_line(line);
			assert_true(strlen(line) <= LINE_BYTES);
			assert_true(is_cut || strstr(line, "\"long\"") != NULL);
			if (strstr(line, "\"long\"") == NULL)
				assert_non_null(strstr(line, "\"behind\":1"));
			free(line);
		}
	}
}

/* Behind a flat object; NULL: it is none. */
static const char *
skip_json_object(const char *s)
{
	if (*s != '{')
		return NULL;
	if (s[1] == '}')
		return s + 2;
	do {
		s = skip_json_string(s + 1);
		if (s == NULL || *s != ':')
			return NULL;
		s = skip_json_value(s + 1);
		if (s == NULL)
			return NULL;
	} while (*s == ',');
	return *s == '}' ? s + 1 : NULL;
}

/* An object as OpenTelemetry has it. */
static void
assert_otel_line(const char *line)
{
	const char *attributes = strstr(line, ",\"attributes\":");
	const char *rest;

	assert_matches(
	    line, "^\\{\"timestamp\":\"[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z\","
		  "\"severity_text\":\"[A-Z]+\",\"severity_number\":[0-9]+,"
		  "\"body\":\"");
	assert_non_null(attributes);
	rest = skip_json_object(strchr(attributes, '{'));
	assert_non_null(rest);
	assert_matches(rest, "^(,\"trace_id\":\"[0-9a-f]{32}\",\"span_id\":"
			     "\"[0-9a-f]{16}\")?\\}\n$");
	assert_true(strlen(line) <= LINE_BYTES);
}

static const struct trace some_trace = {"4bf92f3577b34da6a3ce929d0e0e4736",
					"00f067aa0ba902b7"};

/* The line of an event with a field of so many bytes, and a trace. */
static char *
line_with_trace(enum log_format format, enum log_level level, size_t count,
		const struct trace *trace)
{
	char *value = calloc(1, count + 1);
	struct log_event e;
	struct capture c;

	assert_non_null(value);
	memset(value, '\\', count);
	log_init(LOG_TRACE, format);
	c = capture_begin();
	log_begin(&e, level, "m");
	log_text(&e, "k", value);
	log_number(&e, "n", 1);
	log_trace(&e, trace);
	log_end(&e);
	free(value);
	return capture_end(&c);
}

static void
otel_line_has_the_names_of_its_data_model(void **state)
{
	static const char *const severities[] = {
	    "\"ERROR\",\"severity_number\":17,",
	    "\"WARN\",\"severity_number\":13,",
	    "\"INFO\",\"severity_number\":9,",
	    "\"DEBUG\",\"severity_number\":5,",
	    "\"TRACE\",\"severity_number\":1,",
	};
	struct trace none = {{0}, {0}};
	struct capture c;
	char *line;
	int level;

	(void)state;
	for (level = LOG_ERROR; level <= LOG_TRACE; level++) {
		line = line_with_trace(LOG_OTEL, (enum log_level)level, 1,
				       &some_trace);
		assert_otel_line(line);
		assert_non_null(strstr(line, severities[level]));
		assert_non_null(strstr(
		    line, "\"body\":\"m\",\"attributes\":{\"k\":\"\\\\\","
			  "\"n\":1},\"trace_id\":\"4bf92f3577b34da6a3ce929d0e"
			  "0e4736\",\"span_id\":\"00f067aa0ba902b7\"}\n"));
		free(line);
	}
	line = line_with_trace(LOG_OTEL, LOG_INFO, 1, &none);
	assert_otel_line(line);
	assert_null(strstr(line, "trace_id"));
	free(line);
	c = capture_begin();
	log_line(LOG_INFO, "alone");
	line = capture_end(&c);
	assert_otel_line(line);
	assert_non_null(strstr(line, "\"attributes\":{}}\n"));
	free(line);
}

static void
otel_line_is_whole_however_long(void **state)
{
	size_t count;

	(void)state;
	for (count = 1800; count < LINE_BYTES; count++) {
		char *line =
		    line_with_trace(LOG_OTEL, LOG_INFO, count, &some_trace);
		bool is_cut = strstr(line, "\"cut\":true},") != NULL;

		assert_otel_line(line);
		assert_true(is_cut || strstr(line, "\"k\"") != NULL);
		assert_non_null(strstr(line, "trace_id"));
		free(line);
	}
}

static void
trace_is_two_fields_elsewhere(void **state)
{
	char *line = line_with_trace(LOG_TEXT, LOG_INFO, 1, &some_trace);

	(void)state;
	assert_non_null(strstr(line,
			       " trace_id=4bf92f3577b34da6a3ce929d0e0e4736 "
			       "span_id=00f067aa0ba902b7\n"));
	free(line);
	line = line_with_trace(LOG_JSON, LOG_INFO, 1, &some_trace);
	assert_json_line(line);
	assert_non_null(strstr(line, "\"span_id\":\"00f067aa0ba902b7\"}"));
	free(line);
}

static void
log_line_cuts_a_long_message(void **state)
{
	size_t count;

	(void)state;
	for (count = 3900; count < 2 * LINE_BYTES; count += 7) {
		char *message = calloc(1, count + 1);
		struct capture c;
		char *line;

		assert_non_null(message);
		memset(message, '\\', count);
		log_init(LOG_INFO, LOG_JSON);
		c = capture_begin();
		log_line(LOG_INFO, "%s", message);
		line = capture_end(&c);
		assert_json_line(line);
		assert_matches(line, "\\.\\.\\.\",\"cut\":true\\}\n$");
		free(line);
		log_init(LOG_INFO, LOG_OTEL);
		c = capture_begin();
		log_line(LOG_INFO, "%s", message);
		line = capture_end(&c);
		assert_otel_line(line);
		free(line);
		log_init(LOG_INFO, LOG_TEXT);
		c = capture_begin();
		log_line(LOG_INFO, "%s", message);
		line = capture_end(&c);
		assert_text_line(line);
		assert_true(strlen(line) <= LINE_BYTES);
		assert_non_null(strstr(line, "...\n"));
		free(line);
		free(message);
	}
}

static void
log_end_writes_only_wanted_levels(void **state)
{
	int wanted;
	int level;

	(void)state;
	for (wanted = LOG_ERROR; wanted <= LOG_DEBUG; wanted++) {
		for (level = LOG_ERROR; level <= LOG_DEBUG; level++) {
			struct log_event e;
			struct capture c;
			char *text;

			log_init((enum log_level)wanted, LOG_TEXT);
			c = capture_begin();
			log_begin(&e, (enum log_level)level, "m");
			log_text(&e, "k", "v");
			log_number(&e, "n", 1);
			log_end(&e);
			log_line((enum log_level)level, "m");
			text = capture_end(&c);
			assert_int_equal(*text != '\0', level <= wanted);
			free(text);
		}
	}
}

static void
log_line_keeps_errno(void **state)
{
	int saved_fd = dup(STDERR_FILENO);

	(void)state;
	log_init(LOG_INFO, LOG_TEXT);
	close(STDERR_FILENO);
	errno = ENOENT;
	log_line(LOG_INFO, "nobody reads this");
	assert_int_equal(errno, ENOENT);
	dup2(saved_fd, STDERR_FILENO);
	close(saved_fd);
}

static void *
write_lines(void *arg)
{
	int i;

	for (i = 0; i < LINES_OF_THREAD; i++)
		log_line(LOG_INFO, "%.*s", 100 + i, (const char *)arg);
	return NULL;
}

static void
log_line_is_whole_with_many_threads(void **state)
{
	static char texts[THREADS][512];
	pthread_t threads[THREADS];
	struct capture c;
	char *text;
	char *rest;
	char *line;
	int count = 0;
	int i;

	(void)state;
	log_init(LOG_INFO, LOG_JSON);
	c = capture_begin();
	for (i = 0; i < THREADS; i++) {
		memset(texts[i], 'a' + i, sizeof(texts[i]) - 1);
		assert_int_equal(
		    pthread_create(&threads[i], NULL, write_lines, texts[i]),
		    0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	text = capture_end(&c);
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		assert_matches(line, "\"(a+|b+|c+|d+)\"}$");
		count++;
	}
	assert_int_equal(count, THREADS * LINES_OF_THREAD);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(log_line_writes_time_level_and_message),
	    cmocka_unit_test(log_line_writes_json),
	    cmocka_unit_test(log_line_escapes_what_would_forge_a_line),
	    cmocka_unit_test(log_text_len_escapes_values),
	    cmocka_unit_test(log_text_len_stays_one_valid_line_for_any_bytes),
	    cmocka_unit_test(log_number_writes_all_digits),
	    cmocka_unit_test(log_text_cuts_a_long_text_line),
	    cmocka_unit_test(log_text_leaves_a_long_json_field_out),
	    cmocka_unit_test(otel_line_has_the_names_of_its_data_model),
	    cmocka_unit_test(otel_line_is_whole_however_long),
	    cmocka_unit_test(trace_is_two_fields_elsewhere),
	    cmocka_unit_test(log_line_cuts_a_long_message),
	    cmocka_unit_test(log_end_writes_only_wanted_levels),
	    cmocka_unit_test(log_line_keeps_errno),
	    cmocka_unit_test(log_line_is_whole_with_many_threads),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests_name("proxy/base/log", tests, NULL, NULL);
}
