/*
 * asker.h - a connection of Lockstep's own: a client of PostgreSQL's that asks
 * one question at a time, by libpq's asynchronous calls.
 *
 * libpq reads what a service's name stands for as it is needed, so an asker
 * belongs in no worker's thread.  A question, like the way to the server, has a
 * time in which it is answered, or the connection is closed; no transaction
 * stays open.
 */
#ifndef LOCKSTEP_PROXY_NET_ASKER_H
#define LOCKSTEP_PROXY_NET_ASKER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/catalog/row.h"
#include "proxy/net/asker_names.h"

struct pg_conn;

enum {
	ASKER_WHY_BYTES = 200,
	ASKER_COLUMNS_MAX = 8, /* in a row; more are left out */
};

/* Functions that an asker calls; arg is its own.  Each may ask the next
 * question, or close. */
struct asker_ears {
	/* The connection stands. */
	void (*connected)(void *arg);
	/* The connection is closed, or could not be had; `why` says why. */
	void (*failed)(void *arg);
	/* A row of the answer; the values are borrowed for the call. */
	void (*row)(void *arg, const struct row_value *values, size_t count);
	/* The question is answered; is_refused: by an error, in `why`. */
	void (*answered)(void *arg, bool is_refused);
	/* A notification came, of this server pid; NULL: nobody listens. */
	void (*notified)(void *arg, uint32_t pid, const char *text);
};

struct asker {
	struct event_base *base;       /* borrowed */
	const struct asker_ears *ears; /* borrowed */
	void *arg;
	struct pg_conn *connection; /* owned; NULL: closed, or looking up */
	struct asker_names names;   /* while they are looked up */
	const char *conninfo;       /* borrowed, as is what follows */
	const char *database;
	const char *application_name;
	bool is_connected; /* as opposed to on the way */
	bool is_asking;    /* a question is open */
	bool is_refused;   /* an error has come in answer to it */
	struct event socket_event;
	struct event timer;        /* until when an answer is due */
	char why[ASKER_WHY_BYTES]; /* the last failure, one line */
};

/* Prepare a zeroed one, closed; base, ears and arg are set, and resolver and
 * mailbox of its names, if it is not to block for them. */
void asker_init(struct asker *a);

/*
 * Connect a closed one with this CONNINFO, but to this database unless it is
 * NULL, and under this application_name unless the CONNINFO has another.  All
 * of them are borrowed until it is closed again.  Calls an ear in time.
 */
void asker_connect(struct asker *a, const char *conninfo, const char *database,
		   const char *application_name);

/*
 * Ask a question with one parameter, as text; NULL: it has none, and may be of
 * several statements.  False: it is not connected, a question is open, or the
 * connection has just failed.
 */
bool asker_ask(struct asker *a, const char *sql, const char *param);

/* True if it is connected, or on the way. */
static inline bool
asker_is_open(const struct asker *a)
{
	return a->connection != NULL || asker_names_is_open(&a->names);
}

/* Disconnect, if it is not closed; no ear is called. */
void asker_close(struct asker *a);

#endif
