/*
 * session.h - one client paired with one server, from accept to close.
 */
#ifndef LOCKSTEP_PROXY_SESSION_SESSION_H
#define LOCKSTEP_PROXY_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/auth/console_access.h"
#include "proxy/base/queue.h"
#include "proxy/console/console_task.h"
#include "proxy/guard/guarded.h"
#include "proxy/net/dial.h"
#include "proxy/pair/life.h"
#include "proxy/pair/pair.h"

struct console;
struct credentials;
struct generation;
struct handshake;
struct login;
struct sessions;
struct tls_context;

struct session {
	LIST_ENTRY(session) link;
	struct sessions *sessions; /* the worker's; borrowed */
	enum session_state state;  /* written by session_enter only */
	uint64_t state_since_ms;
	uint64_t since_ms; /* when the client came */
	/* The transaction, or the pause between two, that it was in when it was
	 * looked at last, and since when that was so; 0: it never was. */
	uint64_t stint;
	uint64_t stint_since_ms;
	bool is_over_limit; /* to be refused once it has said who it is */
	bool is_outsider;   /* comes from no network of `allow` */
	bool is_introduced; /* a PROXY header is due ahead of its bytes */
	bool has_seat;      /* session_leave_server gives it back */
	bool is_local;      /* over a Unix socket */
	bool is_direct;     /* began with TLS at once */
	bool is_blind;      /* replication: bytes pass unread once logged in */
	bool has_options;   /* the client's own settings may make a session
			       read-only */
	bool is_streaming;  /* replication that has no end of its own, now */
	bool is_reaped;     /* ended: sessions_reap will free it */
	bool is_expired;    /* to end as soon as no guarded statement runs */
	uint8_t encryption_requests;
	uint8_t last_server_type; /* type byte of the server's last message */
	struct pair pair;
	struct guarded guarded;
	/* One use, as of when the client came; NULL once logged in. */
	struct credentials *credentials;
	struct generation *generation; /* one use, of that time, to the end */
	/* One use, of the session that a cancel is for; NULL: of none. */
	struct tls_context *cancel_tls;
	struct login *login;         /* owned; NULL once logged in */
	struct handshake *handshake; /* with the client, under way */
	/* The rights that the client has once it has proved who it is: with
	 * any it gets the console in place of a server. */
	enum console_rights rights;
	struct console *console; /* owned; NULL but in CONSOLE */
	struct dial *dial; /* owned; NULL once the client hears of a server */
	/* The startup packet, until then. */
	struct buffer startup;
};

/*
 * Make a session of fd, a fresh connection, which is taken.  False: out of
 * memory, and fd is still the caller's.
 */
bool session_open(struct sessions *sessions, int fd);

/*
 * The three ways to close with CLOSE_SHUTDOWN: if it is between transactions
 * (a later event closes the others when they are), if no guarded statement runs
 * in it, and at once.
 */
void session_drain(struct session *s);
void session_expire(struct session *s);
void session_stop(struct session *s);

/* End the session of a client whose host is gone while a transaction of it is
 * open, or an answer is under way. */
void session_check_client(struct session *s);

/* True if PAUSE of that database, or of all for "", has to wait for the
 * session: it logs in, or is in a transaction. */
bool session_is_under_way(const struct session *s, const char *database);

/*
 * End with 57014 the statement or message that is held back.  True: one was.
 * False: none is, or not any more, and the request is the server's.
 */
bool session_cancel(struct session *s);

/* Do to the session what a console wants, one of TASK_KILL to TASK_ABORT, and
 * tell what came of it. */
enum console_task_end session_do_task(struct session *s,
				      enum console_task_kind kind);

/* A task of the session's console has come back; it is taken. */
void session_task_returned(struct session *s, struct console_task *t);

/* Tell the session that brought a cancel request whether something ended. */
void session_cancel_answered(struct session *s, bool has_ended);

/* The first ReadyForQuery has come. */
void session_logged_in(struct session *s, enum transaction_status status);

/* BackendKeyData has come: from now on a CancelRequest finds this session. */
void session_has_key(struct session *s, uint32_t pid, struct span secret);

/* Free a session that has been reaped. */
void session_free(struct session *s);

#endif
