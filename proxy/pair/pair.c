#include "proxy/pair/pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/backend.h"
#include "proxy/base/clock.h"
#include "proxy/history/history.h"
#include "proxy/pair/cancel.h"

_Static_assert(sizeof(((struct history_who *)0)->user) ==
		   sizeof(((struct pair *)0)->user),
	       "a name is copied");

void
pair_init(struct pair *p, struct daemon *d, struct event_base *base,
	  event_callback_fn on_timer, pair_resume_fn *resume, void *owner)
{
	p->daemon = d;
	p->config = d->start_config;
	p->resume = resume;
	p->owner = owner;
	p->client.fd = -1;
	p->server.fd = -1;
	pipeline_init(&p->pipeline);
	event_assign(&p->timer, base, -1, 0, on_timer, owner);
}

void
pair_count_in(struct pair *p, struct counts *counts)
{
	p->counts = counts;
	p->from_client.received = &counts->cells[COUNT_CLIENT_BYTES];
	p->from_server.received = &counts->cells[COUNT_SERVER_BYTES];
}

void
pair_leave_server(struct pair *p)
{
	if (p->cancel_entry != NULL)
		cancel_forget(p->daemon->cancels, p->cancel_entry);
	p->cancel_entry = NULL;
	stream_close(&p->server);
}

void
pair_clear(struct pair *p)
{
	pair_stop_timer(p);
	pair_leave_server(p);
	stream_close(&p->client);
	pipeline_clear(&p->pipeline);
	buffer_clear(&p->from_client.buffer);
	buffer_clear(&p->from_server.buffer);
	buffer_clear(&p->aside);
	writer_clear(&p->farewell.message);
	free(p->announced);
	p->announced = NULL;
	free(p->farewell.detail);
	p->farewell.detail = NULL;
}

bool
pair_relay_to_client(struct pair *p, const void *data, size_t len)
{
	if (pair_is_closing(p))
		return false;
	if (stream_write(&p->client, data, len))
		return true;
	pair_close(p, CLOSE_CLIENT_BROKEN, strerror(p->client.error));
	return false;
}

/* True if the client has got a part of a message. */
static bool
pair_is_amid_message(const struct pair *p)
{
	return p->from_server.pass_left > 0 && !p->from_server.drops_rest;
}

bool
pair_to_client(struct pair *p, const void *data, size_t len)
{
	if (!pair_is_amid_message(p))
		return pair_relay_to_client(p, data, len);
	if (pair_is_closing(p))
		return false;
	if (buffer_append(&p->aside, data, len))
		return true;
	pair_close(p, CLOSE_MEMORY, NULL);
	return false;
}

void
pair_end_message(struct pair *p)
{
	struct span aside = buffer_span(&p->aside);

	if (aside.len > 0)
		(void)pair_relay_to_client(p, aside.data, aside.len);
	buffer_clear(&p->aside);
}

bool
pair_to_server(struct pair *p, const void *data, size_t len)
{
	if (pair_is_closing(p))
		return false;
	/* The client has left and the server was told so. */
	if (p->server.is_shut || p->server.shut_when_drained)
		return true;
	if (stream_write(&p->server, data, len))
		return true;
	/* The server may have said why, which is still to be read. */
	if (p->server.error == EPIPE || p->server.error == ECONNRESET) {
		p->server.is_shut = true;
		return true;
	}
	pair_close(p, CLOSE_SERVER_LOST, strerror(p->server.error));
	return false;
}

bool
pair_report(struct pair *p, const struct error_report *report)
{
	struct writer w = {0};
	bool is_written = false;

	if (report->severity[0] == 'N' || report->severity[0] == 'W')
		notice_response_write(&w, report);
	else
		error_response_write(&w, report);
	if (w.failed)
		pair_close(p, CLOSE_MEMORY, NULL);
	else
		is_written = pair_to_client(p, w.data, w.len);
	writer_clear(&w);
	return is_written;
}

/* The digits in front: "15.4 (Debian 15.4-1)", "17beta1". */
static uint32_t
pair_major_version(struct span value)
{
	uint32_t version = 0;
	size_t i;

	for (i = 0; i < value.len && i < 3; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			break;
		version = version * 10 + (uint32_t)(value.data[i] - '0');
	}
	return version;
}

void
pair_note_parameter(struct pair *p, struct span body)
{
	struct parameter_status s;

	if (!parameter_status_decode(&s, body))
		return;
	if (span_equals(s.name, "standard_conforming_strings"))
		p->sends_plain_backslashes = span_equals(s.value, "off");
	if (span_equals(s.name, "server_version"))
		p->server_version = pair_major_version(s.value);
	if (span_equals(s.name, "client_encoding"))
		p->is_utf8 = span_equals(s.value, "UTF8");
	if (span_equals(s.name, "application_name"))
		span_copy(p->application_name, sizeof(p->application_name),
			  s.value);
}

void
pair_count_error(struct pair *p, struct span body)
{
	struct error_fields f;

	if (!error_fields_decode(&f, body))
		f.sqlstate = span_of(NULL, 0);
	counts_add_error(p->counts, f.sqlstate);
}

void
pair_tell_who(const struct pair *p, struct history_who *out)
{
	out->session = p->id;
	out->pid = p->server_pid;
	memcpy(out->user, p->user, sizeof(out->user));
	memcpy(out->database, p->database, sizeof(out->database));
	memcpy(out->application_name, p->application_name,
	       sizeof(out->application_name));
}

bool
pair_origin(const struct pair *p, struct address *out)
{
	memset(out, 0, sizeof(*out));
	if (p->announced != NULL) {
		*out = *p->announced;
		return true;
	}
	out->len = sizeof(out->address);
	if (getpeername(p->client.fd, (struct sockaddr *)&out->address,
			&out->len) == 0)
		return true;
	out->len = 0;
	return false;
}

void
pair_set_held(struct pair *p, bool is_held)
{
	if (p->cancel_entry != NULL)
		cancel_set_held(p->daemon->cancels, p->cancel_entry, is_held);
}

void
pair_set_timer(struct pair *p, uint64_t delay_ms)
{
	struct timeval t = clock_timeval(delay_ms);

	event_add(&p->timer, &t);
}

void
pair_stop_timer(struct pair *p)
{
	event_del(&p->timer);
}

void
pair_resume(struct pair *p)
{
	p->resume(p->owner);
}

void
pair_close(struct pair *p, enum close_reason reason, const char *detail)
{
	pair_close_saying(p, reason, NULL, detail, NULL);
}

void
pair_close_tell_log(struct pair *p, const char *detail)
{
	/* Out of memory: the reason alone must do. */
	if (p->farewell.detail == NULL)
		p->farewell.detail = strdup(detail);
}

void
pair_close_saying(struct pair *p, enum close_reason reason, const char *message,
		  const char *detail, const char *hint)
{
	const struct close_reason_row *row = &close_reasons[reason];
	struct error_report report = {
	    .severity = "FATAL",
	    .sqlstate = p->is_logged_in ? row->sqlstate : row->early_sqlstate,
	    .message = message != NULL ? message : row->message,
	    .detail = detail,
	    .hint = hint,
	};
	struct farewell *f = &p->farewell;

	if (f->is_recorded)
		return;
	f->is_recorded = true;
	f->reason = reason;
	/* Out of memory: the reason alone must do. */
	if (detail != NULL)
		f->detail = strdup(detail);
	if (report.message != NULL)
		error_response_write(&f->message, &report);
}
