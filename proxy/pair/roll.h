/*
 * roll.h - a roll call: each worker tells of its sessions, those first that
 * have waited or worked for longest.
 *
 * The HTTP thread asks, and looks now and then whether all have answered.  A
 * worker writes to a place of its own, and gives its use back: so either side
 * may be gone when the other comes to it.
 */
#ifndef LOCKSTEP_PROXY_PAIR_ROLL_H
#define LOCKSTEP_PROXY_PAIR_ROLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/net/address.h"
#include "proxy/pair/daemon.h"
#include "proxy/pair/pair.h"

enum {
	ROLL_MAX = 200, /* sessions in the answer of a worker */
};

/* By what sessions stand one before the other. */
struct roll_order {
	uint64_t id;     /* the session's */
	uint64_t for_ms; /* in this state, or in this transaction */
	bool is_exact;   /* else for_ms is the least that it can be */
	bool is_busy;    /* something is under way in it */
};

/* A session, as of one moment. */
struct roll_entry {
	struct roll_order order;
	const char *state;     /* as SHOW CLIENTS has it; static */
	const char *waits_for; /* the party to do something next; static */
	char transaction;      /* 'I', 'T', 'E'; 0: not logged in */
	uint64_t connected_ms;
	uint32_t pid; /* the server's; 0: not known */
	uint16_t port;
	char host[ADDRESS_HOST_MAX]; /* the client's; "": a Unix socket */
	char user[PAIR_NAME_BYTES];
	char database[PAIR_NAME_BYTES];
	char application_name[PAIR_NAME_BYTES];
};

/* The answer of one worker. */
struct roll_part {
	uint64_t total; /* sessions of the worker */
	size_t count;
	struct roll_entry *entries; /* owned; NULL: none, or no memory */
};

struct roll;

/* Ask all workers; the caller has one use.  NULL: out of memory. */
struct roll *roll_call(struct daemon *d);

/* The place that this worker has to write to. */
struct roll_part *roll_part(struct roll *r, uint32_t worker);

/* Give the asker's use back. */
void roll_release(struct roll *r);

/* A worker has written its part, and gives its use back. */
void roll_answer(struct roll *r, uint32_t worker);

/* How many workers have not answered. */
uint32_t roll_missing(const struct roll *r);

/* True if a stands before b: who works or waits, and of them who has for
 * longest. */
bool roll_is_before(const struct roll_order *a, const struct roll_order *b);

/*
 * Merge what has been answered: *out has the first ROLL_MAX, by
 * roll_is_before, for the caller to free, and *total is how many there are.
 * The number of them.
 */
size_t roll_merge(const struct roll *r, struct roll_entry **out,
		  uint64_t *total);

#endif
