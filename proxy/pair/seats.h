/*
 * seats.h - how many sessions each database and each role has, over all
 * workers: for max_db_connections and max_user_connections.  A session takes
 * its seat once the server has let it in, so that nobody can keep others out
 * by a name alone, and gives it back as it ends.  Every function locks it.
 */
#ifndef LOCKSTEP_PROXY_PAIR_SEATS_H
#define LOCKSTEP_PROXY_PAIR_SEATS_H

#include <stdint.h>

struct seats;

enum seats_answer {
	SEATS_TAKEN,
	SEATS_DATABASE_FULL,
	SEATS_USER_FULL,
	SEATS_NO_MEMORY,
};

/* The most that may be taken; 0: any number. */
struct seats_limits {
	uint32_t of_database;
	uint32_t of_user;
};

/* No seat is taken.  NULL: out of memory. */
struct seats *seats_new(void);

/* Free them, when nobody uses them any more.  Accepts NULL. */
void seats_free(struct seats *s);

/* Take one of each, or none. */
enum seats_answer seats_take(struct seats *s, const char *database,
			     const char *user,
			     const struct seats_limits *limits);

/* Give back what was taken for these. */
void seats_give(struct seats *s, const char *database, const char *user);

#endif
