/*
 * rival.h - another guarded statement that has the turn which ours wants, or a
 * stranger who holds the advisory lock that stands for it in the server.
 */
#ifndef LOCKSTEP_POLICY_CATALOG_RIVAL_H
#define LOCKSTEP_POLICY_CATALOG_RIVAL_H

#include <stdint.h>

struct rival {
	uint64_t session; /* 0: not one of this proxy */
	uint32_t pid;     /* the server process; 0: not known */
	char user[64];    /* names are cut at 63 bytes, as PostgreSQL does */
	char application_name[64];
	uint64_t since_ms; /* when the turn became its; 0: not known */
};

#endif
