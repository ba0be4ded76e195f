/*
 * fnv.h - FNV-1a of 64 bits, for tables of our own: fast, and no protection
 * against texts that are made to collide.
 *
 * Source: draft-eastlake-fnv.
 */
#ifndef LOCKSTEP_POLICY_SQL_FNV_H
#define LOCKSTEP_POLICY_SQL_FNV_H

#include <stddef.h>
#include <stdint.h>

/* The hash of `len` bytes; data may be NULL if len is 0. */
uint64_t fnv_hash(const void *data, size_t len);

/* The hash of what `hash` is the hash of, and these bytes behind it. */
uint64_t fnv_more(uint64_t hash, const void *data, size_t len);

#endif
