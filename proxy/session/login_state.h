/*
 * login_state.h - what the files of a login share.
 *
 *   login.c         both kinds: from the startup packet on, and the answers of
 *                   the server
 *   login_pass.c    auth = pass: the choice of a SASL mechanism
 *   login_client.c  auth = scram: the client is checked
 *   login_server.c  auth = scram: we log in for it
 *   login_host.c    is the server one that the client may have
 *   login_wait.c    no server can be had
 */
#ifndef LOCKSTEP_PROXY_SESSION_LOGIN_STATE_H
#define LOCKSTEP_PROXY_SESSION_LOGIN_STATE_H

#include <event2/event_struct.h>

#include "protocol/authentication.h"
#include "proxy/auth/scram.h"
#include "proxy/base/buffer.h"
#include "proxy/session/login.h"

enum {
	/* PG_MAX_SASL_MESSAGE_LENGTH is 1024; the rest is for the mechanism. */
	LOGIN_ANSWER_MAX = 2048,
};

/* How far the server has come. */
enum login_stage {
	LOGIN_SILENT,  /* no question and no refusal has come yet */
	LOGIN_ASKED,   /* the question passes to the client */
	LOGIN_OFFERED, /* SASL mechanisms, of which the client's choice counts
			*/
	LOGIN_PROVING, /* SCRAM is under way: ours, or one that is watched */
	LOGIN_PROVED,  /* SCRAM has come to its end */
};

struct pair;

struct login {
	enum login_stage stage;
	struct scram_server *of_client; /* owned; NULL: none yet */
	struct scram_client *to_server; /* owned; NULL: none yet */
	/* NULL: the role is not in the file.  Borrowed of the credentials. */
	const struct scram_verifier *verifier;
	uint8_t client_key[SCRAM_KEY_BYTES];
	bool has_chosen;         /* the client has chosen a mechanism of ours */
	bool has_answered_ahead; /* the client: to which question is unknown */
	bool is_owed;        /* the server waits for an answer of the client */
	bool is_plus;        /* the binding side uses SCRAM-SHA-256-PLUS */
	bool has_retried;    /* with or without TLS */
	bool had_choice;     /* other servers were left to be tried */
	struct buffer early; /* a message that came before any question */
	struct buffer refusal;  /* the error of the server left last */
	struct event patience;  /* with a server that does not answer; until the
				   next dial, where none can be had */
	bool is_waiting;        /* for that dial */
	uint32_t pause_ms;      /* ahead of the one behind it */
	uint64_t wait_until_ms; /* 0: it has not begun to wait */
};

/* True if the upstream's channel_binding is `require`. */
bool login_must_bind(const struct session *s);

/* Send all that the writer holds by `send`, then wipe and free it.  False: the
 * pair is closing. */
bool login_send(struct session *s, struct writer *w,
		bool (*send)(struct pair *p, const void *data, size_t len));

/* Wipe and free the bytes of the writer. */
void login_forget(struct writer *w);

/* Close the pair: channel_binding=require was not met. */
void login_refuse_unbound(struct session *s);

/* True if another server may be chosen: the client has heard nothing of this
 * one, and there is one more. */
bool login_can_choose(const struct session *s);

/* Leave the server, and dial the next one; why is for people. */
void login_dial_next(struct session *s, const char *why);

/* Close the server's connection; a dial follows, or a wait. */
void login_hang_up(struct session *s);

/* The pause of a wait is over: dial. */
void login_end_wait(struct session *s);

/* login_answer of AuthenticationOk, behind which come the bytes of `ahead`:
 * does the host fit? */
enum login_verdict login_judge_host(struct session *s, struct span ahead);

/*
 * With auth = pass: login_answer of an Authentication message, and login_judge
 * once the server has asked.
 */
enum login_verdict login_pass_answer(struct session *s,
				     const struct authentication *a);
bool login_pass_judge(struct session *s, const struct frame_header *h,
		      struct span in);

/* With auth = scram: offer mechanisms and enter SASL, or close the pair. */
void login_client_begin(struct session *s);

/* With auth = scram: login_answer of an Authentication message. */
enum login_verdict login_server_answer(struct session *s,
				       const struct authentication *a);

#endif
