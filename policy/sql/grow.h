/*
 * grow.h - arrays that grow by doubling and do not keep their capacity.
 */
#ifndef LOCKSTEP_POLICY_SQL_GROW_H
#define LOCKSTEP_POLICY_SQL_GROW_H

#include <stddef.h>

/*
 * Make room for one item more in an array that was made by calls of this
 * function alone: `count` items of `item_bytes` each.  Its capacity is
 * `least`, a power of two, or the next power of two from count on.
 *
 * The array on the heap, in its old or a new place.  NULL: out of memory, and
 * `items` is as it was.
 */
void *grow_array(void *items, size_t count, size_t item_bytes, size_t least);

#endif
