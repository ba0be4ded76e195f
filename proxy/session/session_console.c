/*
 * session_console.c - a client that has come for the console, and what consoles
 * do to other sessions.
 */
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/auth/credentials.h"
#include "proxy/base/log.h"
#include "proxy/console/console.h"
#include "proxy/guard/exchange.h"
#include "proxy/pair/cancel.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"

enum {
	CANCEL_KEY_BYTES = 4, /* up to protocol 3.1 there is no other */
	PAUSING_MAX_BYTES = 16 * 1024, /* that wait behind a PAUSE */
};

/* True if the process at the other end runs as the user that the client says it
 * is. */
static bool
session_is_peer(const struct session *s)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(s->pair.client.fd, SOL_SOCKET, SO_PEERCRED, &peer,
			  &len) == 0 &&
	       console_access_is_peer(s->credentials->console, s->pair.user,
				      peer.uid);
}

/* True if there is a verifier by which the client can prove who it is. */
static bool
session_has_verifier(const struct session *s)
{
	const struct auth_file *f = s->credentials->auth_file;
	struct span user = span_of(s->pair.user, strlen(s->pair.user));

	return f != NULL && auth_file_find(f, user) != NULL;
}

enum console_rights
session_console_rights(const struct session *s)
{
	const struct console_access *a = s->credentials->console;
	enum console_rights rights;

	if (a == NULL || s->is_blind ||
	    strcmp(s->pair.database, CONSOLE_DATABASE) != 0)
		return CONSOLE_MAY_NOTHING;
	rights = console_access_find(a, s->pair.user);
	if (rights != CONSOLE_MAY_NOTHING &&
	    (s->is_local ? session_is_peer(s) : session_has_verifier(s)))
		return rights;
	return CONSOLE_MAY_NOTHING;
}

static void
session_log_console(const struct session *s)
{
	struct log_event e;

	log_begin(&e, LOG_INFO, "console opened");
	log_number(&e, "session", s->pair.id);
	log_text(&e, "user", s->pair.user);
	log_text(&e, "rights", s->rights == CONSOLE_MAY_ALL ? "all" : "look");
	log_end(&e);
}

/* Let a cancel request find the console, and have it welcome the client. */
static void
session_welcome(struct session *s)
{
	const struct cancel_target target = {
	    .worker = s->sessions->worker,
	    .session = s->pair.id,
	    .is_held = true, /* there is no server */
	};
	uint8_t bytes[CANCEL_KEY_BYTES];
	struct span secret = {NULL, 0};
	uint32_t pid = (uint32_t)getpid();

	if (getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes)) {
		secret = span_of(bytes, sizeof(bytes));
		s->pair.cancel_entry = cancel_remember(s->pair.daemon->cancels,
						       pid, secret, &target);
	}
	if (s->pair.cancel_entry == NULL)
		secret.len = 0;
	console_welcome(s->console, pid, secret);
	explicit_bzero(bytes, sizeof(bytes));
}

void
session_enter_console(struct session *s)
{
	s->console = console_new(&s->pair, &s->sessions->gate,
				 s->sessions->worker, s->rights);
	if (s->console == NULL) {
		pair_close(&s->pair, CLOSE_MEMORY, NULL);
		return;
	}
	pair_stop_timer(&s->pair);
	session_leave_login(s);
	buffer_clear(&s->startup);
	s->pair.is_logged_in = true;
	session_enter(s, SESSION_CONSOLE);
	session_log_console(s);
	session_welcome(s);
}

/* True if more of the client's is wanted: or, while a PAUSE waits, to know that
 * the client is there. */
static bool
session_console_reads(const struct session *s)
{
	return console_is_idle(s->console) ||
	       (console_is_pausing(s->console) &&
		s->pair.from_client.buffer.len < PAUSING_MAX_BYTES);
}

void
session_console_go_on(struct session *s)
{
	console_go_on(s->console);
	if (!pair_is_closing(&s->pair))
		stream_want_read(&s->pair.client,
				 session_console_reads(s) &&
				     stream_pending(&s->pair.client) == 0);
}

void
session_task_returned(struct session *s, struct console_task *t)
{
	if (s->state == SESSION_CONSOLE && !pair_is_closing(&s->pair))
		console_task_returned(s->console, t);
	else
		console_task_free(t);
	session_finish_event(s);
}

/* End what waits with us, a statement or a message at the gate. */
static enum console_task_end
session_abort(struct session *s)
{
	bool is_aborted;

	if (s->state != SESSION_READY)
		return TASK_NOT_HELD;
	if (s->guarded.exchange != NULL)
		is_aborted = exchange_abort(s->guarded.exchange);
	else
		is_aborted = s->guarded.watch.is_waiting && session_cancel(s);
	session_finish_event(s);
	return is_aborted ? TASK_DONE : TASK_NOT_HELD;
}

static enum console_task_end
session_release(struct session *s)
{
	bool is_released = s->state == SESSION_READY &&
			   s->guarded.exchange != NULL &&
			   exchange_release(s->guarded.exchange);

	session_finish_event(s);
	return is_released ? TASK_DONE : TASK_NOT_HELD;
}

enum console_task_end
session_do_task(struct session *s, enum console_task_kind kind)
{
	if (s->state == SESSION_CLOSING)
		return TASK_NO_SESSION;
	if (kind == TASK_RELEASE)
		return session_release(s);
	if (kind == TASK_ABORT)
		return session_abort(s);
	pair_close(&s->pair, CLOSE_KILLED, NULL);
	session_finish_event(s);
	return TASK_DONE;
}
