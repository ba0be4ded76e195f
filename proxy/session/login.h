/*
 * login.h - from the startup packet to the first ReadyForQuery: who checks the
 * client, and what is said for it.
 */
#ifndef LOCKSTEP_PROXY_SESSION_LOGIN_H
#define LOCKSTEP_PROXY_SESSION_LOGIN_H

#include <stdbool.h>

#include "protocol/frame.h"

struct login;
struct session;

/* The startup packet is there and may be acted on: SASL or DIALING follows. */
void login_begin(struct session *s);

/* In SASL. */
void login_readable(struct session *s);

/*
 * In AUTH: a message of the client's, but for Terminate.  False: it has to
 * wait, as a query sent ahead of the login's end has, or the session is
 * closing.
 */
bool login_judge(struct session *s, const struct frame_header *h,
		 struct span in);

enum login_verdict {
	LOGIN_PASS,
	LOGIN_TAKE, /* it is not forwarded; the session may be closing */
};

/* In AUTH: a whole message of the server's. */
enum login_verdict login_answer(struct session *s, struct frame f);

/*
 * The other way could not be dialled: tell the client what the server said
 * when it refused the first.  False: it was not asked, or the client is gone.
 */
bool login_tell_refusal(struct session *s);

void login_free(struct login *l); /* accepts NULL, wipes */

#endif
