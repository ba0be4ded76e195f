/*
 * login_state.h - what the files of a login share.
 *
 *   login.c         both kinds: from the startup packet on, and the answers of
 *                   the server
 *   login_pass.c    auth = pass: what is said of SASL mechanisms
 *   login_client.c  auth = scram: the client is checked
 *   login_server.c  auth = scram: we log in for it
 */
#ifndef LOCKSTEP_PROXY_SESSION_LOGIN_STATE_H
#define LOCKSTEP_PROXY_SESSION_LOGIN_STATE_H

#include "protocol/authentication.h"
#include "proxy/base/buffer.h"
#include "proxy/session/login.h"
#include "proxy/auth/scram.h"

enum {
	/* PG_MAX_SASL_MESSAGE_LENGTH is 1024; the rest is for the mechanism */
	LOGIN_ANSWER_MAX = 2048,
};

/* How far the server has come. */
enum login_stage {
	LOGIN_SILENT,  /* it has not asked for anything, nor refused */
	LOGIN_ASKED,   /* for something that passes */
	LOGIN_OFFERED, /* SASL mechanisms, of which the client's choice counts
			*/
	LOGIN_PROVING, /* SCRAM is under way: ours, or one that is watched */
	LOGIN_PROVED,  /* and has come to its end */
};

struct pair;

struct login {
	enum login_stage stage;
	struct scram_server *of_client;
	struct scram_client *to_server;
	/* NULL: the role is not in the file.  Borrowed of the credentials. */
	const struct scram_verifier *verifier;
	uint8_t client_key[SCRAM_KEY_BYTES];
	bool has_chosen;         /* the client, a mechanism of ours */
	bool has_answered_ahead; /* so which question it was is not known */
	bool is_owed;        /* the server waits for an answer of the client */
	bool is_plus;        /* of whoever binds: SCRAM-SHA-256-PLUS */
	bool has_retried;    /* with or without TLS */
	struct buffer early; /* what the server said before it asked */
	struct buffer refusal; /* the server's, of the first try */
};

/* The upstream's channel_binding is `require`. */
bool login_must_bind(const struct session *s);

/* Send what the writer holds, wipe and forget it.  False: closing. */
bool login_send(struct session *s, struct writer *w,
		bool (*send)(struct pair *p, const void *data, size_t len));

/* Wipe and forget. */
void login_forget(struct writer *w);

/* Close: channel_binding=require was not met. */
void login_refuse_unbound(struct session *s);

/* auth = pass. */
enum login_verdict login_pass_answer(struct session *s,
				     const struct authentication *a);
bool login_pass_judge(struct session *s, const struct frame_header *h,
		      struct span in);

/* auth = scram: SASL follows. */
void login_client_begin(struct session *s);

/* auth = scram. */
enum login_verdict login_server_answer(struct session *s,
				       const struct authentication *a);

#endif
