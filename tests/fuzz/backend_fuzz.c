/*
 * One byte chooses the message, the rest is its body.  What is accepted lies
 * within the body and accounts for every byte of it.
 */
#include "protocol/backend.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	COLUMNS_MAX = 64,
};

static const uint8_t *
check_string(struct span text, const uint8_t *at)
{
	assert(text.data == at);
	assert(memchr(at, 0, text.len + 1) == at + text.len);
	return at + text.len + 1;
}

static void
check_ready_for_query(struct span body)
{
	enum transaction_status status;

	if (!ready_for_query_decode(&status, body))
		return;
	assert(body.len == 1 && body.data[0] == (uint8_t)status);
}

static void
check_key_data(struct span body)
{
	struct key_data k;

	if (!key_data_decode(&k, body))
		return;
	assert(k.secret.data == body.data + 4);
	assert(k.secret.len + 4 == body.len);
	assert(k.secret.len >= 4 && k.secret.len <= 256);
}

static void
check_parameter_status(struct span body)
{
	struct parameter_status p;
	const uint8_t *at;

	if (!parameter_status_decode(&p, body))
		return;
	at = check_string(p.name, body.data);
	assert(check_string(p.value, at) == body.data + body.len);
}

static void
check_command_complete(struct span body)
{
	struct span tag;

	if (command_complete_decode(&tag, body))
		assert(check_string(tag, body.data) == body.data + body.len);
}

static void
check_error_field(struct span field, struct span body, const char *codes)
{
	if (field.data == NULL) {
		assert(field.len == 0);
		return;
	}
	assert(field.data > body.data);
	assert(field.data + field.len < body.data + body.len);
	assert(memchr(codes, field.data[-1], strlen(codes)) != NULL);
	check_string(field, field.data);
}

static void
check_error_fields(struct span body)
{
	struct error_fields e;

	if (!error_fields_decode(&e, body))
		return;
	assert(body.data[body.len - 1] == 0);
	check_error_field(e.severity, body, "VS");
	check_error_field(e.sqlstate, body, "C");
	check_error_field(e.message, body, "M");
	check_error_field(e.detail, body, "D");
	check_error_field(e.position, body, "P");
	check_error_field(e.routine, body, "R");
}

/* As many columns as it says, or others: nothing is read outside the body. */
static void
check_data_row(struct span body)
{
	struct span values[COLUMNS_MAX];
	size_t said = body.len >= 2 ? (size_t)body.data[0] << 8 | body.data[1]
				    : COLUMNS_MAX;
	const uint8_t *at = body.data + 2;

	assert(said == 1 || !data_row_decode(values, 1, body));
	if (said >= COLUMNS_MAX || !data_row_decode(values, said, body))
		return;
	for (size_t i = 0; i < said; i++) {
		at += 4;
		assert(values[i].data == NULL || values[i].data == at);
		assert(values[i].data != NULL || values[i].len == 0);
		at += values[i].len;
	}
	assert(at == body.data + body.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(struct span) = {
	    check_ready_for_query,  check_key_data,     check_parameter_status,
	    check_command_complete, check_error_fields, check_data_row};

	if (size > 0)
		checks[data[0] % 6](span_of(data + 1, size - 1));
	return 0;
}
