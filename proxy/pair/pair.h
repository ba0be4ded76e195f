/*
 * pair.h - the pipe: a client and its server, and what is known of the bytes
 * between them.
 *
 * A pair knows no session, no guard and no gate.  Rooms above it write through
 * it and record why it is to close; who owns it (a session) does the closing,
 * once, at the end of the event in which the reason was recorded.
 */
#ifndef LOCKSTEP_PROXY_PAIR_PAIR_H
#define LOCKSTEP_PROXY_PAIR_PAIR_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/error_response.h"
#include "protocol/pipeline.h"
#include "protocol/writer.h"
#include "proxy/base/buffer.h"
#include "proxy/net/address.h"
#include "proxy/net/stream.h"
#include "proxy/pair/close_reason.h"
#include "proxy/pair/counts.h"
#include "proxy/pair/daemon.h"

/* Kept out of line: the ordinary path is not to carry it along. */
#define PAIR_COLD __attribute__((cold, noinline))

enum {
	PAIR_NAME_BYTES = 64, /* NAMEDATALEN; longer names are cut */
};

/* Bytes of one direction that wait to be looked at. */
struct inlet {
	struct buffer buffer;
	size_t pass_left; /* bytes of a frame whose rest streams through */
	bool drops_rest;  /* they are dropped instead */
	bool only_grew; /* bytes came behind a message that waits for others */
	bool is_eof;    /* the peer has said its last */
	atomic_uint_fast64_t *received; /* counts its bytes; borrowed */
};

/* Why the pair is to end.  Written once, by pair_close. */
struct farewell {
	bool is_recorded;
	enum close_reason reason;
	char *detail;          /* owned; NULL: there is none */
	struct writer message; /* a FATAL ErrorResponse; empty: say nothing */
};

struct history_who;

typedef void pair_resume_fn(void *owner);

struct pair {
	uint64_t id; /* the session's, for the log and for others */
	const struct config *config; /* borrowed: that of its generation */
	struct daemon *daemon;
	struct counts *counts;  /* the worker's; NULL: nothing is counted */
	pair_resume_fn *resume; /* the owner's, for pair_resume */
	void *owner;
	bool is_logged_in;            /* a first ReadyForQuery has come */
	bool is_terminating;          /* the client has sent Terminate */
	bool sends_plain_backslashes; /* standard_conforming_strings is off */
	bool is_utf8;                 /* client_encoding is UTF8 */
	uint32_t server_version;      /* the major one; 0: not known */
	struct stream client;
	struct stream server;
	struct inlet from_client;
	struct inlet from_server;
	struct buffer aside; /* said within a message of the server's */
	struct pipeline pipeline;
	struct address server_address;
	struct address *announced; /* owned: where a PROXY header says that the
				      client is; NULL: there was none */
	struct cancel_entry
	    *cancel_entry;   /* the registry's; NULL: no key yet */
	uint32_t server_pid; /* as the server told it; 0: not yet */
	struct event timer;  /* the owner's handler */
	struct farewell farewell;
	char user[PAIR_NAME_BYTES]; /* for the log; cut */
	char database[PAIR_NAME_BYTES];
	/* As the server told it last. */
	char application_name[PAIR_NAME_BYTES];
};

/*
 * Prepare a zeroed pair.  Its streams are closed; timer runs in base's loop
 * and calls on_timer with owner, as resume is called with it.
 */
void pair_init(struct pair *p, struct daemon *d, struct event_base *base,
	       event_callback_fn on_timer, pair_resume_fn *resume, void *owner);

/* Count what happens to a session's pair there, which is borrowed for its
 * life. */
void pair_count_in(struct pair *p, struct counts *counts);

/* Close the server's side; a CancelRequest does not find the pair any more. */
void pair_leave_server(struct pair *p);

/* Close what is open and free what is owned. */
void pair_clear(struct pair *p);

/* The settings that it runs under. */
static inline const struct config *
pair_config(const struct pair *p)
{
	return p->config;
}

/*
 * Send, or queue what the socket does not take.  False: the pair is closing;
 * a peer that is found gone makes it so.  Nothing is sent once a reason to
 * close is recorded.
 */
bool pair_to_client(struct pair *p, const void *data, size_t len);

/* The same of the server's own bytes, which may be a part of a message: while
 * one is under way, all that pair_to_client is given waits for
 * pair_end_message.
 */
bool pair_relay_to_client(struct pair *p, const void *data, size_t len);

/* The message that was under way has gone whole: send what has waited. */
PAIR_COLD void pair_end_message(struct pair *p);

/*
 * The same to the server.  True also where the server takes no more (the
 * client has left, or the server is about to say why it has): the bytes are
 * dropped then.
 */
bool pair_to_server(struct pair *p, const void *data, size_t len);

/*
 * Tell the client: a NoticeResponse for severities NOTICE and WARNING, else
 * an ErrorResponse.  False: the pair is closing, for want
 * of memory perhaps.
 */
bool pair_report(struct pair *p, const struct error_report *report);

/* A ParameterStatus, whole: what of it counts here is noted. */
PAIR_COLD void pair_note_parameter(struct pair *p, struct span body);

/* Count an error of the server's that the client gets; one whose body is not
 * all there is of no SQLSTATE. */
PAIR_COLD void pair_count_error(struct pair *p, struct span body);

/* Tell whose the pair is, for the history. */
void pair_tell_who(const struct pair *p, struct history_who *out);

/* A CancelRequest for this pair comes to the proxy while it is held. */
void pair_set_held(struct pair *p, bool is_held);

/* Run the owner's timer once, delay_ms from now, instead of before. */
void pair_set_timer(struct pair *p, uint64_t delay_ms);
void pair_stop_timer(struct pair *p);

/* Where the client is.  False: it has gone, and out->len is 0. */
bool pair_origin(const struct pair *p, struct address *out);

/* Something that this pair waited for is over: its owner may go on. */
void pair_resume(struct pair *p);

/*
 * Record why the pair is to end, with the message of that reason for the
 * client if it has one, and return; nothing is torn down yet.  The first
 * reason stays.  detail is copied and may be NULL.
 */
PAIR_COLD void pair_close(struct pair *p, enum close_reason reason,
			  const char *detail);

/* The same with a message and a hint of its own; any text may be NULL. */
PAIR_COLD void pair_close_saying(struct pair *p, enum close_reason reason,
				 const char *message, const char *detail,
				 const char *hint);

/* Tell the log, and not the client, more of a reason that was recorded; detail
 * is copied. */
PAIR_COLD void pair_close_tell_log(struct pair *p, const char *detail);

/* A reason is recorded: nothing else is to be done for it. */
static inline bool
pair_is_closing(const struct pair *p)
{
	return p->farewell.is_recorded;
}

#endif
