/*
 * statement_arena.h - the memory that libpg_query works in.
 *
 * The library cannot live without any: some places do not look whether they
 * got it, others end the process.  So the build has it call the functions below
 * in place of malloc and its like (policy/CMakeLists.txt), and where there is
 * no more, be it that the bound is reached, they do not return: the call that
 * the library was in is given up, and all it had goes at once.
 *
 *	statement_arena_begin(&a);
 *	if (statement_arena_call(&a, scan, &scan_arg))
 *		... what it made lives in the arena ...
 *	statement_arena_end(&a);
 *
 * An arena may be begun within another; a thread has its own.
 */
#ifndef LOCKSTEP_POLICY_SQL_STATEMENT_ARENA_H
#define LOCKSTEP_POLICY_SQL_STATEMENT_ARENA_H

#include <stdbool.h>
#include <stddef.h>

enum {
	/* Twice what the dearest text of STATEMENT_PARSE_BYTES_MAX that a
	 * server would run is known to take. */
	STATEMENT_ARENA_MAX_BYTES = 64 * 1024 * 1024,
};

struct statement_arena_chunk;

struct statement_arena {
	struct statement_arena *outer; /* borrowed; NULL: there is none */
	struct statement_arena_chunk *chunks; /* owned, the newest first */
	size_t bytes;                         /* the sum of their room */
	bool is_full; /* more was wanted than the bound allows */
};

/* Calls into libpg_query; holds nothing that another has to free, as it may be
 * given up anywhere within. */
typedef void statement_arena_fn(void *arg);

/* Begin one on the caller's stack: libpg_query of this thread works in it. */
void statement_arena_begin(struct statement_arena *a);

/* Call fn.  False: out of memory, or the arena is full, and it was given up. */
bool statement_arena_call(struct statement_arena *a, statement_arena_fn *fn,
			  void *arg);

/* Free all that was made in it, which was begun last. */
void statement_arena_end(struct statement_arena *a);

/* The bytes that all arenas of this thread hold now; for tests. */
size_t statement_arena_bytes(void);

/* For libpg_query: malloc, realloc, free and strdup. */
void *statement_arena_malloc(size_t size);
void *statement_arena_realloc(void *old, size_t size);
void statement_arena_free(void *p);
char *statement_arena_strdup(const char *text);

#endif
