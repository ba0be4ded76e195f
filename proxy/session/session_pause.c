/*
 * session_pause.c - a login amid a PAUSE: its startup packet waits, and is
 * looked at anew, under the settings that are then in force, at RESUME.
 */
#include <string.h>

#include "proxy/auth/credentials.h"
#include "proxy/config/generation.h"
#include "proxy/gate/gate_watch.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"
#include "proxy/session/sessions.h"

enum {
	PAUSED_MAX_BYTES = 64 * 1024, /* that a client may send ahead */
};

void
session_pause(struct session *s)
{
	session_enter(s, SESSION_PAUSED);
	pair_stop_timer(&s->pair); /* the wait is not the client's doing */
	gate_watch_pause(&s->guarded.watch);
}

void
session_read_ahead(struct session *s)
{
	if (session_read_some(s) &&
	    s->pair.from_client.buffer.len >= PAUSED_MAX_BYTES)
		stream_want_read(&s->pair.client, false);
}

/* True if the client's TLS is by the certificate that fresh ones have: its
 * channel binding would fail by another. */
static bool
session_suits(const struct session *s, const struct credentials *fresh)
{
	struct span now = s->credentials->binding;
	struct span then = fresh->binding;

	return s->pair.client.tls == NULL ||
	       (now.len == then.len &&
		(now.len == 0 || memcmp(now.data, then.data, now.len) == 0));
}

/* The upstream may be another one since the client came. */
static void
session_renew_generation(struct session *s)
{
	struct credentials *fresh =
	    credentials_store_use(s->pair.daemon->credentials);

	if (session_suits(s, fresh)) {
		credentials_release(s->credentials);
		generation_release(s->generation);
		session_take_credentials(s, fresh);
	} else {
		credentials_release(fresh);
	}
}

static void
session_leave_pause(struct session *s)
{
	session_renew_generation(s);
	session_enter(s, SESSION_STARTUP);
	pair_set_timer(&s->pair, pair_config(&s->pair)->login_timeout_ms);
	stream_want_read(&s->pair.client, true);
	session_startup_step(s);
}

void
session_paused_go_on(struct session *s)
{
	if (s->guarded.watch.is_waiting)
		return;
	/* Some other window is over. */
	if (gate_find_pause(&s->sessions->gate, s->pair.database) != NULL)
		gate_watch_pause(&s->guarded.watch);
	else
		session_leave_pause(s);
}
