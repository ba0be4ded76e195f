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
	case 'W':
		out->where = value;
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

bool
data_row_decode(struct span *values, size_t count, struct span body)
{
	struct reader r = {.rest = body};

	if (read_u16(&r) != count)
		return false;
	read_values(&r, values, count);
	return reader_finished(&r);
}

void
ready_for_query_write(struct writer *w, enum transaction_status status)
{
	writer_begin(w, BACKEND_READY_FOR_QUERY);
	write_u8(w, (uint8_t)status);
	writer_end(w);
}
