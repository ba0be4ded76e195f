/*
 * session_drain.c - between two transactions: what a shutdown waits for, and a
 * PAUSE.
 */
#include "proxy/guard/exchange.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"

/* True if nothing is under way, in the server or to it, and no transaction is
 * open: more than session_is_idle asks, whose answer is for people. */
static bool
session_is_settled(const struct session *s)
{
	return s->guarded.exchange == NULL &&
	       pipeline_is_settled(&s->pair.pipeline) &&
	       s->pair.pipeline.status == TRANSACTION_IDLE &&
	       s->pair.from_client.pass_left == 0 &&
	       s->pair.from_server.pass_left == 0 &&
	       s->guarded.kept.frames.len == 0;
}

/* True if that is so and nothing waits but for a RESUME: a message that does
 * was never sent. */
static bool
session_is_at_boundary(const struct session *s)
{
	return s->state == SESSION_READY && !s->is_blind &&
	       session_is_settled(s) &&
	       (s->pair.from_client.buffer.len == 0 ||
		s->guarded.watch.is_paused);
}

bool
session_is_under_way(const struct session *s, const char *database)
{
	if (s->is_blind || s->rights != CONSOLE_MAY_NOTHING ||
	    (database[0] != '\0' && strcmp(s->pair.database, database) != 0))
		return false;
	if (s->state == SESSION_READY)
		return !session_is_settled(s);
	return s->state == SESSION_SASL || s->state == SESSION_DIALING ||
	       s->state == SESSION_AUTH;
}

void
session_shut_down(struct session *s)
{
	pair_close_saying(&s->pair, CLOSE_SHUTDOWN,
			  s->pair.is_logged_in ? NULL
					       : "Lockstep is shutting down",
			  NULL, NULL);
}

void
session_drain(struct session *s)
{
	if (s->state != SESSION_READY || session_is_at_boundary(s))
		session_shut_down(s);
	session_finish_event(s);
}

/* True once the time to drain is over, unless a guarded statement runs. */
static bool
session_is_overdue(const struct session *s)
{
	const struct exchange *x = s->guarded.exchange;

	return s->is_expired && (x == NULL || !exchange_is_running(x));
}

void
session_expire(struct session *s)
{
	s->is_expired = true;
	if (session_is_overdue(s))
		session_shut_down(s);
	session_finish_event(s);
}

void
session_stop(struct session *s)
{
	session_shut_down(s);
	session_finish_event(s);
}

bool
session_is_to_shut_down(const struct session *s)
{
	return session_is_overdue(s) ||
	       (s->sessions->is_draining && !s->pair.from_client.is_eof &&
		session_is_at_boundary(s));
}
