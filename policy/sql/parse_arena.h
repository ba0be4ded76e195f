/*
 * parse_arena.h - the memory that libpg_query works in.
 *
 * It cannot live without any it asks for: some places do not look whether they
 * got it, others end the process.  So the build has it call the functions below
 * in place of malloc and its like (policy/CMakeLists.txt), and where there is
 *no more, be it that the bound is reached, they do not return: the call that
 *the library was in is given up, and all it had goes at once.
 *
 *	parse_arena_begin(&a);
 *	if (parse_arena_call(&a, scan, &scan_arg))
 *		... what it made lives in the arena ...
 *	parse_arena_end(&a);
 *
 * An arena may be begun within another; a thread has its own.
 */
#ifndef LOCKSTEP_POLICY_SQL_PARSE_ARENA_H
#define LOCKSTEP_POLICY_SQL_PARSE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

enum {
	/* Twice what the dearest text of STATEMENT_PARSE_BYTES_MAX that a
	 * server would run is known to take. */
	PARSE_ARENA_MAX_BYTES = 64 * 1024 * 1024,
};

struct parse_arena_chunk;

struct parse_arena {
	struct parse_arena *outer;        /* borrowed; NULL: there is none */
	struct parse_arena_chunk *chunks; /* owned, the newest first */
	size_t bytes;                     /* of all of them */
};

/* Calls into libpg_query; holds nothing that another has to free, as it may be
 * given up anywhere within. */
typedef void parse_arena_fn(void *arg);

/* Begin one on the caller's stack: libpg_query of this thread works in it. */
void parse_arena_begin(struct parse_arena *a);

/* Call fn.  False: out of memory, and it was given up. */
bool parse_arena_call(struct parse_arena *a, parse_arena_fn *fn, void *arg);

/* Free all that was made in it, which was begun last. */
void parse_arena_end(struct parse_arena *a);

/* The bytes that all arenas of this thread hold now; for tests. */
size_t parse_arena_bytes(void);

/* For libpg_query: malloc, realloc, free and strdup. */
void *parse_arena_malloc(size_t size);
void *parse_arena_realloc(void *old, size_t size);
void parse_arena_free(void *p);
char *parse_arena_strdup(const char *text);

#endif
