/*
 * rescue_call.h - what a worker tells of a statement that runs for long and may
 * wait unseen: mail of kind MAIL_CALL, freed by who reads it.
 */
#ifndef LOCKSTEP_PROXY_RESCUE_RESCUE_CALL_H
#define LOCKSTEP_PROXY_RESCUE_RESCUE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/pair/pair.h"

struct rescue_call {
	uint64_t session;  /* whose statement it is */
	uint32_t pid;      /* the server's, of that session */
	uint32_t valid_ms; /* 0: the statement is over; else it counts for so
			      long, unless it is told again */
	char database[PAIR_NAME_BYTES];
};

#endif
