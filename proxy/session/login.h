/*
 * login.h - from the startup packet to the first ReadyForQuery: the server
 * checks the client, or we do and log in for it.
 */
#ifndef LOCKSTEP_PROXY_SESSION_LOGIN_H
#define LOCKSTEP_PROXY_SESSION_LOGIN_H

#include <stdbool.h>

#include "protocol/frame.h"
#include "proxy/net/misfits.h"

struct login;
struct session;

/* Begin: the startup packet is there and may be acted on.  SASL or DIALING
 * follows, or the pair is closing. */
void login_begin(struct session *s);

/* In SASL: read the client, which has to prove that it knows its password. */
void login_readable(struct session *s);

/*
 * In AUTH: judge a message of the client's, but for Terminate; in begins with
 * it, and need not hold all of it.  True: pass it to the server.  False: it has
 * to wait, as a query sent ahead of the login's end has, or the pair is
 * closing.
 */
bool login_judge(struct session *s, const struct frame_header *h,
		 struct span in);

enum login_verdict {
	LOGIN_PASS, /* forward the message */
	LOGIN_TAKE, /* do not; the pair may be closing */
	LOGIN_WAIT, /* call again once more bytes stand behind it */
};

/* In AUTH: take a message of the server's; one too large to be there whole has
 * a body with data NULL.  ahead: the bytes behind it that are there. */
enum login_verdict login_answer(struct session *s, struct frame f,
				struct span ahead);

/* In AUTH: give the server connect_timeout for its first answer, if there are
 * others to be tried. */
void login_await_answer(struct session *s);

/* True in AUTH until the server has asked for anything, or refused. */
bool login_is_unanswered(const struct session *s);

/*
 * In any state: leave a server that has not answered yet, and dial the next
 * one; why is for people.  False: nothing is left to try, or it has answered.
 */
bool login_leave_server(struct session *s, const char *why);

/*
 * No other server could be dialled: tell the client what the last one
 * has said that was left.  True: that was sent.  False: nothing is to be
 * told, or the client is gone.
 */
bool login_tell_refusal(struct session *s);

/* True if a login that finds no server to be had may wait for one:
 * upstream_wait is not over. */
bool login_can_wait(const struct session *s);

/* In DIALING: wait, and dial anew then; why is for people. */
void login_wait(struct session *s, const char *why);

/* True in such a wait: the client is read, and what it sends kept. */
bool login_is_waiting(const struct session *s);

/* The hosts of the upstream that did not do, as this login goes by them; none
 * without target_session_attrs. */
struct misfits_view login_misfits(const struct session *s);

/* True if one host at most is what target_session_attrs asks for. */
bool login_wants_one_host(const struct session *s);

/* Once logged in: a ParameterStatus has come.  A standby that is promoted tells
 * so by one, and is among the misfits where a standby is asked for. */
void login_note_report(const struct session *s, struct span body);

/* Wipe and free the login.  Accepts NULL. */
void login_free(struct login *l);

#endif
