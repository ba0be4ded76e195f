/*
 * session.h - one client paired with one server, from accept to close.
 */
#ifndef LOCKSTEP_PROXY_SESSION_SESSION_H
#define LOCKSTEP_PROXY_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/error_response.h"
#include "protocol/pipeline.h"
#include "proxy/pair/close_reason.h"
#include "proxy/net/dial.h"
#include "proxy/gate/gate.h"
#include "proxy/gate/lease.h"
#include "proxy/guard/prepared.h"
#include "proxy/net/stream.h"
#include "proxy/server/worker.h"

enum session_state {
	SESSION_STARTUP,
	SESSION_HANDSHAKE,
	SESSION_SASL,
	SESSION_DIALING,
	SESSION_AUTH,
	SESSION_READY,
	SESSION_CANCELING,
	SESSION_CLOSING,
	SESSION_STATES,
};

/* Bytes of one direction that wait to be looked at. */
struct inlet {
	struct buffer buffer;
	size_t pass_left; /* of a frame whose rest streams through, */
	bool drops_rest;  /* or is dropped */
	bool is_eof;
};

struct credentials;
struct exchange;
struct handshake;
struct login;

struct session {
	LIST_ENTRY(session) link;
	struct worker *worker;
	uint64_t id;
	enum session_state state;
	enum close_reason close_reason;
	bool is_over_limit; /* to be refused once it has said who it is */
	bool is_local;      /* over a Unix socket */
	bool is_direct;     /* began with TLS at once */
	bool is_blind;      /* replication: bytes pass unread once logged in */
	bool is_reaped;
	bool is_expired;     /* to end as soon as no guarded statement runs */
	bool is_terminating; /* the client has said goodbye */
	bool sends_plain_backslashes; /* standard_conforming_strings is off */
	bool is_utf8;                 /* client_encoding */
	bool skips_to_sync; /* the client's messages are dropped until then */
	uint8_t encryption_requests;
	uint8_t last_server_type;
	struct stream client;
	struct stream server;
	struct inlet from_client;
	struct inlet from_server;
	struct pipeline pipeline;
	struct event timer; /* login and closing; an exchange's waits */
	struct credentials *credentials; /* in force when it came; until it is
					    logged in */
	struct login *login;             /* likewise */
	struct handshake *handshake;     /* with the client */
	struct dial *dial;
	struct address server_address;
	struct cancel_entry *cancel_entry;
	struct buffer
	    startup; /* the packet, until the server has answered it */
	uint32_t kept_count;
	struct buffer kept; /* whole frames of a cycle that may be guarded */
	struct prepared prepared;
	uint32_t injected;         /* statements of ours, ever */
	uint32_t stray_statement;  /* number of one to be closed; 0: none */
	struct exchange *exchange; /* of a guarded statement; NULL mostly */
	struct gate_watch gate;
	struct lease lease;
	char user[64]; /* for the log; cut */
	char database[64];
};

/* Takes fd, a fresh connection. */
void session_open(struct worker *w, int fd, bool is_over_limit);

/*
 * End it: tell the client why, if the reason has a text, and close once that
 * is out.  detail may be NULL.  Idempotent: the first reason stays.
 */
void session_close(struct session *s, enum close_reason reason,
		   const char *detail);

/* The same with a message and a hint of its own; any may be NULL. */
void session_close_saying(struct session *s, enum close_reason reason,
			  const char *message, const char *detail,
			  const char *hint);

/*
 * The three ways to close with CLOSE_SHUTDOWN: if it is between transactions
 * (a later turn closes the others when they are), if no guarded statement runs
 * in it, and at once.
 */
void session_drain(struct session *s);
void session_expire(struct session *s);
void session_stop(struct session *s);

/*
 * What it holds back is to end with 57014.  False: it holds nothing back, or
 * not any more, and the request is the server's.
 */
bool session_cancel(struct session *s);

/* To the session that brought the request. */
void session_cancel_answered(struct session *s, bool has_ended);

/* For relay.c and exchange.c.  False: the session is closing now. */
bool session_to_client(struct session *s, const void *data, size_t len);
bool session_to_server(struct session *s, const void *data, size_t len);
bool session_report(struct session *s, const struct error_report *report);

/* While it is, a CancelRequest comes to session_cancel, not to the server. */
void session_set_held(struct session *s, bool is_held);

/* What waits may go on. */
void session_resume(struct session *s);

void session_set_timer(struct session *s, uint64_t delay_ms);

/* The first ReadyForQuery has come. */
void session_logged_in(struct session *s, enum transaction_status status);

/* BackendKeyData has. */
void session_has_key(struct session *s, uint32_t pid, struct span secret);

/* The settings it runs under. */
const struct config *session_config(const struct session *s);

/* Forget the exchange if it is done. */
void session_end_exchange(struct session *s);

/* For worker_reap's owner only. */
void session_free(struct session *s);

#endif
