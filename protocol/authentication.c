#include "protocol/authentication.h"

#include "protocol/reader.h"
#include "protocol/types.h"

bool
authentication_decode(struct authentication *out, struct span body)
{
	struct reader r = {.rest = body};

	out->code = read_u32(&r);
	out->data = read_span(&r, r.rest.len);
	return reader_finished(&r);
}

bool
sasl_mechanism_next(struct span *list, struct span *name)
{
	struct reader r = {.rest = *list};

	*name = read_string(&r);
	if (name->len == 0) /* a name that is cut short is empty, too */
		return false;
	*list = r.rest;
	return true;
}

bool
sasl_mechanisms_have(struct span list, const char *name)
{
	struct span each;

	while (sasl_mechanism_next(&list, &each)) {
		if (span_equals(each, name))
			return true;
	}
	return false;
}

void
authentication_write(struct writer *w, uint32_t code, struct span data)
{
	writer_begin(w, BACKEND_AUTHENTICATION);
	write_u32(w, code);
	write_bytes(w, data.data, data.len);
	writer_end(w);
}

void
authentication_sasl_write_without(struct writer *w, struct span list,
				  const char *name)
{
	struct span each;

	writer_begin(w, BACKEND_AUTHENTICATION);
	write_u32(w, AUTHENTICATION_SASL);
	while (sasl_mechanism_next(&list, &each)) {
		if (!span_equals(each, name))
			write_bytes(w, each.data, each.len + 1);
	}
	write_u8(w, 0);
	writer_end(w);
}

bool
sasl_initial_response_decode(struct sasl_initial_response *out,
			     struct span body)
{
	struct reader r = {.rest = body};
	uint32_t len;

	out->mechanism = read_string(&r);
	len = read_u32(&r);
	out->has_data = len != UINT32_MAX;
	out->data = read_span(&r, out->has_data ? len : 0);
	return reader_finished(&r);
}

void
sasl_initial_response_write(struct writer *w, const char *mechanism,
			    struct span data)
{
	writer_begin(w, FRONTEND_PASSWORD);
	write_string(w, mechanism);
	write_u32(w, (uint32_t)data.len);
	write_bytes(w, data.data, data.len);
	writer_end(w);
}

void
sasl_response_write(struct writer *w, struct span data)
{
	writer_begin(w, FRONTEND_PASSWORD);
	write_bytes(w, data.data, data.len);
	writer_end(w);
}
