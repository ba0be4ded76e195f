#include "protocol/error_response.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "protocol/backend.h"
#include "protocol/reader.h"
#include "protocol/types.h"

static void
field_write(struct writer *w, uint8_t code, const char *text)
{
	if (text == NULL)
		return;
	write_u8(w, code);
	write_string(w, text);
}

/* Write the fields in the order of send_message_to_frontend in elog.c. */
static void
report_write(struct writer *w, uint8_t type, const struct error_report *e)
{
	writer_begin(w, type);
	field_write(w, 'S', e->severity);
	field_write(w, 'V', e->severity);
	field_write(w, 'C', e->sqlstate);
	field_write(w, 'M', e->message);
	field_write(w, 'D', e->detail);
	field_write(w, 'H', e->hint);
	write_u8(w, 0);
	writer_end(w);
}

void
error_response_write(struct writer *w, const struct error_report *e)
{
	report_write(w, BACKEND_ERROR_RESPONSE, e);
}

void
notice_response_write(struct writer *w, const struct error_report *e)
{
	report_write(w, BACKEND_NOTICE_RESPONSE, e);
}

void
error_response_shift(struct writer *w, uint8_t type, struct span body,
		     uint32_t characters)
{
	struct error_fields fields;
	uint64_t position;
	size_t before, after;
	char shifted[24]; /* more than UINT64_MAX has digits */

	writer_begin(w, type);
	if (!error_fields_decode(&fields, body) ||
	    !decimal_decode(&position, fields.position)) {
		write_bytes(w, body.data, body.len);
		writer_end(w);
		return;
	}
	snprintf(shifted, sizeof(shifted), "%" PRIu64, position + characters);
	before = (size_t)(fields.position.data - body.data);
	after = before + fields.position.len;
	write_bytes(w, body.data, before);
	write_bytes(w, shifted, strlen(shifted));
	write_bytes(w, body.data + after, body.len - after);
	writer_end(w);
}

void
error_response_add_detail(struct writer *w, uint8_t type, struct span body,
			  const char *text)
{
	struct error_fields fields;
	size_t before;

	writer_begin(w, type);
	if (!error_fields_decode(&fields, body)) {
		write_bytes(w, body.data, body.len);
	} else if (fields.detail.data != NULL) {
		before = (size_t)(fields.detail.data - body.data) +
			 fields.detail.len;
		write_bytes(w, body.data, before);
		write_u8(w, '\n');
		write_bytes(w, text, strlen(text));
		write_bytes(w, body.data + before, body.len - before);
	} else {
		write_bytes(w, body.data, body.len - 1);
		field_write(w, 'D', text);
		write_u8(w, 0);
	}
	writer_end(w);
}
