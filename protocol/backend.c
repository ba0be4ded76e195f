#include "protocol/backend.h"

#include "protocol/reader.h"

enum {
	SECRET_MIN = 4,
	SECRET_MAX = 256,
};

bool
ready_for_query_decode(enum transaction_status *out, struct span body)
{
	struct reader r = {.rest = body};
	uint8_t status = read_u8(&r);

	if (!reader_finished(&r))
		return false;
	switch (status) {
	case TRANSACTION_IDLE:
	case TRANSACTION_BLOCK:
	case TRANSACTION_FAILED:
		*out = (enum transaction_status)status;
		return true;
	default:
		return false;
	}
}

bool
key_data_decode(struct key_data *out, struct span body)
{
	struct reader r = {.rest = body};

	out->backend_pid = read_u32(&r);
	out->secret = read_span(&r, r.rest.len);
	return reader_finished(&r) && out->secret.len >= SECRET_MIN &&
	       out->secret.len <= SECRET_MAX;
}

bool
parameter_status_decode(struct parameter_status *out, struct span body)
{
	struct reader r = {.rest = body};

	out->name = read_string(&r);
	out->value = read_string(&r);
	return reader_finished(&r);
}

bool
command_complete_decode(struct span *tag, struct span body)
{
	struct reader r = {.rest = body};

	*tag = read_string(&r);
	return reader_finished(&r);
}

static void
error_field_set(struct error_fields *out, uint8_t code, struct span value)
{
	switch (code) {
	case 'V':
		out->severity = value;
		break;
	case 'C':
		out->sqlstate = value;
		break;
	case 'M':
		out->message = value;
		break;
	case 'D':
		out->detail = value;
		break;
	case 'P':
		out->position = value;
		break;
	case 'R':
		out->routine = value;
		break;
	default: /* the documentation wants unknown ones ignored */
		break;
	}
}

bool
error_fields_decode(struct error_fields *out, struct span body)
{
	struct reader r = {.rest = body};
	struct span localized = {.data = NULL};
	uint8_t code;

	*out = (struct error_fields){.severity = {.data = NULL}};
	while ((code = read_u8(&r)) != 0) {
		struct span value = read_string(&r);

		if (code == 'S')
			localized = value;
		error_field_set(out, code, value);
	}
	if (out->severity.data == NULL)
		out->severity = localized;
	return reader_finished(&r);
}

/* Walk the columns once, so that a row that begins well also ends well. */
bool
data_row_decode(struct data_row *out, struct span body)
{
	struct reader r = {.rest = body};
	struct data_row walk;
	struct span value;

	out->columns = read_u16(&r);
	out->rest = r.rest;
	if (r.overrun)
		return false;
	walk = *out;
	while (data_row_next(&walk, &value))
		continue;
	return walk.columns == 0 && walk.rest.len == 0;
}

bool
data_row_next(struct data_row *row, struct span *value)
{
	struct reader r = {.rest = row->rest};
	uint32_t len;

	*value = (struct span){.data = NULL};
	if (row->columns == 0)
		return false;
	len = read_u32(&r);
	if (len != UINT32_MAX) /* -1: NULL, no bytes follow */
		*value = read_span(&r, len);
	if (r.overrun)
		return false;
	row->rest = r.rest;
	row->columns--;
	return true;
}
