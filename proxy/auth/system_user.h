/*
 * system_user.h - the uids that names have in the system's user database.
 *
 * That may be another machine's (NSS), and dead: each name is asked for in a
 * thread of its own, and whoever asks waits for a while only.
 */
#ifndef LOCKSTEP_PROXY_AUTH_SYSTEM_USER_H
#define LOCKSTEP_PROXY_AUTH_SYSTEM_USER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum system_user_end {
	SYSTEM_USER_FOUND,
	SYSTEM_USER_NONE,   /* there is no such user */
	SYSTEM_USER_FAILED, /* nobody knows */
};

struct system_user {
	const char *name; /* borrowed */
	enum system_user_end end;
	uid_t uid; /* SYSTEM_USER_FOUND */
	int error; /* SYSTEM_USER_FAILED: an errno; ETIMEDOUT: no answer yet;
		      EAGAIN: too many hang */
};

/* Look them up, all together in patience_ms at most. */
void system_users_find(struct system_user *users, size_t count,
		       uint32_t patience_ms);

#endif
