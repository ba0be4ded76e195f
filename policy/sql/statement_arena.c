/*
 * statement_arena.c - chunks, each twice the one before, from which pieces are
 * cut one behind the other; a piece is never given back alone.
 *
 * libpg_query makes what it keeps for the thread (its top context, and that of
 * errors) outside of any arena.  Contexts that it would use again are in one,
 * and are forgotten with it.
 */
#include "policy/sql/statement_arena.h"

#include <assert.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pg_query.h>

/* libpg_query's own, whose headers are not installed (src/postgres/include). */
extern __thread int pg_query_initialized;
extern __thread void *TopMemoryContext;
extern __thread void *ErrorContext;
extern __thread void *CurrentMemoryContext;
extern __thread void *PG_exception_stack;
extern __thread void *error_context_stack;
void FlushErrorState(void);
void MemoryContextSetParent(void *context, void *parent);
void MemoryContextDeleteChildren(void *context);
void AllocSetDeleteFreeList(void *context);

enum {
	CHUNK_BYTES_MIN = 64 * 1024,
	ALIGNMENT = 16,
};

struct statement_arena_chunk {
	struct statement_arena_chunk *next;
	size_t used; /* bytes of the room */
	size_t cap;
	_Alignas(ALIGNMENT) uint8_t room[];
};

/* Stands before each piece. */
struct piece {
	_Alignas(ALIGNMENT) size_t size;
};

static _Thread_local struct statement_arena *current;
static _Thread_local jmp_buf *escape; /* NULL: nothing is to be given up */

static void *
give_up(void)
{
	if (escape != NULL)
		longjmp(*escape, 1);
	return NULL;
}

static struct statement_arena_chunk *
arena_grow(struct statement_arena *a, size_t size)
{
	size_t cap = a->chunks != NULL ? 2 * a->chunks->cap : CHUNK_BYTES_MIN;
	struct statement_arena_chunk *c;

	if (cap < size)
		cap = size;
	if (cap > STATEMENT_ARENA_MAX_BYTES - a->bytes)
		cap = STATEMENT_ARENA_MAX_BYTES - a->bytes;
	a->is_full = size > cap;
	if (a->is_full)
		return NULL;
	c = malloc(sizeof(*c) + cap);
	if (c == NULL)
		return NULL;
	c->next = a->chunks;
	c->used = 0;
	c->cap = cap;
	a->chunks = c;
	a->bytes += cap;
	return c;
}

static void *
arena_cut(struct statement_arena *a, size_t size)
{
	struct statement_arena_chunk *c = a->chunks;
	struct piece *p;
	size_t all;

	if (size > STATEMENT_ARENA_MAX_BYTES) {
		a->is_full = true;
		return NULL;
	}
	/* A piece of nothing at the end of a chunk would be beyond it. */
	if (size == 0)
		size = 1;
	all = sizeof(*p) + (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (c == NULL || all > c->cap - c->used)
		c = arena_grow(a, all);
	if (c == NULL)
		return NULL;
	p = (struct piece *)(void *)(c->room + c->used);
	c->used += all;
	p->size = size;
	return p + 1;
}

static bool
is_in_arena(const void *p)
{
	uintptr_t at = (uintptr_t)p;

	for (const struct statement_arena *a = current; a != NULL; a = a->outer)
		for (const struct statement_arena_chunk *c = a->chunks;
		     c != NULL; c = c->next)
			if (at - (uintptr_t)c->room < c->cap)
				return true;
	return false;
}

void *
statement_arena_malloc(size_t size)
{
	void *p = current != NULL ? arena_cut(current, size) : malloc(size);

	return p != NULL ? p : give_up();
}

void *
statement_arena_realloc(void *old, size_t size)
{
	size_t before = 0;
	void *p;

	if (old != NULL && !is_in_arena(old)) {
		p = realloc(old, size);
		return p != NULL ? p : give_up();
	}
	if (old != NULL)
		before = ((struct piece *)old)[-1].size;
	p = statement_arena_malloc(size);
	if (p != NULL && old != NULL)
		memcpy(p, old, before < size ? before : size);
	return p;
}

void
statement_arena_free(void *p)
{
	if (p != NULL && !is_in_arena(p))
		free(p);
}

char *
statement_arena_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = statement_arena_malloc(size);

	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

/* Make what libpg_query keeps for the thread, once. */
static void
library_begin(void)
{
	struct statement_arena *arena = current;

	if (pg_query_initialized != 0)
		return;
	current = NULL;
	pg_query_init();
	current = arena;
}

/* Have the library forget all that it has in an arena, and where it was. */
static void
library_reset(void)
{
	PG_exception_stack = NULL;
	error_context_stack = NULL;
	if (TopMemoryContext == NULL || ErrorContext == NULL) {
		/* There was no memory for both: begin again next time. */
		free(TopMemoryContext);
		TopMemoryContext = NULL;
		pg_query_initialized = 0;
		return;
	}
	CurrentMemoryContext = TopMemoryContext;
	FlushErrorState();
	MemoryContextSetParent(ErrorContext, NULL);
	MemoryContextDeleteChildren(TopMemoryContext);
	MemoryContextSetParent(ErrorContext, TopMemoryContext);
	AllocSetDeleteFreeList(TopMemoryContext);
}

void
statement_arena_begin(struct statement_arena *a)
{
	*a = (struct statement_arena){.outer = current};
	current = a;
}

bool
statement_arena_call(struct statement_arena *a, statement_arena_fn *fn,
		     void *arg)
{
	volatile bool is_done = false;
	jmp_buf here;

	assert(current == a && escape == NULL);
	if (setjmp(here) == 0) {
		escape = &here;
		library_begin();
		fn(arg);
		is_done = true;
	}
	escape = NULL;
	current = a;
	library_reset();
	return is_done;
}

void
statement_arena_end(struct statement_arena *a)
{
	struct statement_arena_chunk *c;

	assert(current == a && escape == NULL);
	current = a->outer;
	while ((c = a->chunks) != NULL) {
		a->chunks = c->next;
		free(c);
	}
}

size_t
statement_arena_bytes(void)
{
	size_t bytes = 0;

	for (const struct statement_arena *a = current; a != NULL; a = a->outer)
		bytes += a->bytes;
	return bytes;
}
