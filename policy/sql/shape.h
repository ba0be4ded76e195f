/*
 * shape.h - what two runs of one migration have in common: a hash of its texts
 * without what differs from one to the next.
 *
 * Literals, comments, blanks, the case of bare words, and a ';' at the end do
 * not count; names do, quoted or not.  Texts that are made to collide can:
 * where that matters, more than the hash is compared.
 */
#ifndef LOCKSTEP_POLICY_SQL_SHAPE_H
#define LOCKSTEP_POLICY_SQL_SHAPE_H

#include <stddef.h>
#include <stdint.h>

/* The shape of `shape` with one more part behind it. */
static inline uint64_t
shape_add(uint64_t shape, uint64_t part)
{
	return (shape ^ part) * 0x100000001b3u + 1;
}

/* The shape of a text of `len` bytes; a body in dollars counts as text. */
uint64_t shape_of_text(const char *sql, size_t len);

#endif
