/*
 * session_rows.c - a session as a row of what the console shows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/guard/report.h"
#include "proxy/base/clock.h"
#include "proxy/console/console_show.h"
#include "proxy/guard/exchange.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"

enum {
	MS = 1000, /* in a second, and microseconds in one */
	SHOWN_BYTES = 512,
};

/* Tell of the statement that is held.  False: none is. */
static bool
session_tells_held(const struct session *s, struct exchange_facts *out)
{
	return s->state == SESSION_READY && s->guarded.exchange != NULL &&
	       exchange_tell(s->guarded.exchange, out);
}

uint64_t
session_wait_ms(const struct session *s)
{
	const struct guarded *g = &s->guarded;
	struct exchange_facts facts;

	if (session_tells_held(s, &facts))
		return facts.held_ms;
	if (g->watch.is_waiting)
		return clock_now_ms() - g->watch.waiting_since_ms;
	return 0;
}

const char *
session_shown_state(const struct session *s)
{
	const struct guarded *g = &s->guarded;
	struct exchange_facts facts;

	if (s->state != SESSION_READY)
		return session_state_name(s);
	if (session_tells_held(s, &facts))
		return "held";
	if (g->watch.is_paused)
		return "paused";
	if (g->watch.is_waiting)
		return "waiting";
	return session_is_idle(s) ? "idle" : "active";
}

static void
row_address(struct console_rows *r, const struct address *a)
{
	char host[ADDRESS_HOST_MAX];
	uint16_t port = 0;

	console_row_text(r, address_split(a, host, &port) ? host : "unix");
	console_row_number(r, port);
}

/* The client's, or the server's if is_server. */
static void
session_row_address(const struct session *s, struct console_rows *r,
		    bool is_server)
{
	struct address a;

	if (is_server)
		a = s->pair.server_address;
	else
		(void)pair_origin(&s->pair, &a);
	row_address(r, &a);
}

/* In the form of PgBouncer's pointers, by which its tables are joined. */
static void
row_pointer(struct console_rows *r, uint64_t id, bool is_there)
{
	char text[24] = "";

	if (is_there)
		snprintf(text, sizeof(text), "0x%" PRIx64, id);
	console_row_text(r, text);
}

static void
session_write_side(const struct session *s, struct console_rows *r,
		   bool is_server)
{
	const struct stream *stream =
	    is_server ? &s->pair.server : &s->pair.client;
	const char status[2] = {(char)s->pair.pipeline.status, '\0'};
	uint64_t now_ms = clock_now_ms();
	uint64_t wait_ms = session_wait_ms(s);
	bool has_other = is_server || stream_is_open(&s->pair.server);
	char time[CONSOLE_TIME_BYTES];

	console_time_ago(time, now_ms - s->since_ms);
	console_row_begin(r);
	console_row_text(r, is_server ? "S" : "C");
	console_row_text(r, s->pair.user);
	console_row_text(r, s->pair.database);
	console_row_text(r, session_shown_state(s));
	session_row_address(s, r, is_server);
	console_row_text(r, time);
	console_row_number(r, wait_ms / MS);
	console_row_number(r, wait_ms % MS * MS);
	console_row_number(r, 0);
	row_pointer(r, s->pair.id, true);
	row_pointer(r, s->pair.id, has_other);
	console_row_number(r, s->pair.server_pid);
	console_row_text(
	    r, stream->tls == NULL ? "" : tls_version_name(stream->tls));
	console_row_number(r, s->pair.id);
	console_row_text(r, has_other ? status : "");
	console_row_end(r);
}

/* The first of those who are in the way. */
static void
row_holder(struct console_rows *r, const struct holders *holders)
{
	const struct holder *h = &holders->shown[0];
	char text[SHOWN_BYTES];

	console_row_number(r, holders->count);
	if (holders->count == 0) {
		console_row_null(r);
		console_row_null(r);
		return;
	}
	snprintf(text, sizeof(text), "%s %s, %s for %" PRIu64 " ms", h->user,
		 h->application_name, h->state, h->transaction_age_ms);
	console_row_number(r, h->pid);
	console_row_text(r, text);
}

static bool
session_write_held(const struct session *s, struct console_rows *r)
{
	uint64_t now_ms = clock_now_ms();
	struct exchange_facts f;
	const struct guard_account *a = &f.account;
	char text[SHOWN_BYTES];

	if (!session_tells_held(s, &f))
		return false;
	console_row_begin(r);
	console_row_number(r, s->pair.id);
	console_row_text(r, s->pair.user);
	console_row_text(r, s->pair.database);
	console_row_text(r, f.application_name);
	console_row_text(r, f.statement);
	report_lock_set(text, sizeof(text), a->set);
	console_row_text(r, text);
	console_row_text(r, guard_policy_name(a->settings->policy));
	console_row_text(r, guard_state_name(a->state));
	console_row_number(r, f.held_ms);
	if (a->deadline_ms > 0)
		console_row_number(
		    r, a->deadline_ms > now_ms ? a->deadline_ms - now_ms : 0);
	else
		console_row_null(r);
	console_row_number(r, a->attempts);
	console_row_number(r, a->waits);
	console_row_number(r, a->windows);
	console_row_number(r, a->gate_ms);
	row_holder(r, a->holders);
	text[0] = '\0';
	if (a->rival != NULL)
		report_rival(text, sizeof(text), a);
	console_row_text(r, text);
	console_row_end(r);
	return true;
}

bool
session_write_row(const struct session *s, struct console_rows *r)
{
	bool is_server = r->table == CONSOLE_SERVERS;

	if (r->table == CONSOLE_HELD)
		return session_write_held(s, r);
	if (is_server && !stream_is_open(&s->pair.server))
		return false;
	session_write_side(s, r, is_server);
	return true;
}
