/*
 * misfits.c - a slot is, from its highest bit on: whether the host is no silent
 * one, the number of its entry, and a part of its key; 0: it is free.
 */
#include "proxy/net/misfits.h"

#include <stddef.h>
#include <string.h>

#include "policy/sql/fnv.h"

enum {
	TAG_BITS = 24,
	NUMBER_BITS = 39,
};

static const uint64_t tag_mask = ((uint64_t)1 << TAG_BITS) - 1;
static const uint64_t number_mask = ((uint64_t)1 << NUMBER_BITS) - 1;

struct misfits_view
misfits_view_of(struct misfits *all, enum session_attrs attrs, const char *user,
		const char *database)
{
	struct misfits_view v = {.all = all, .attrs = attrs};

	v.of_all = fnv_hash(&attrs, sizeof(attrs));
	v.of_login = fnv_more(v.of_all, user, strlen(user) + 1);
	v.of_login = fnv_more(v.of_login, database, strlen(database));
	return v;
}

static uint64_t
misfits_key(uint64_t seed, const struct address *host)
{
	return fnv_more(seed, &host->address, host->len);
}

static _Atomic uint64_t *
misfits_slot(const struct misfits_view *v, uint64_t key)
{
	return &v->all->slots[key % MISFITS_SLOTS];
}

/* The part of a key that its slot does not tell. */
static uint64_t
misfits_tag(uint64_t key)
{
	return key >> (64 - TAG_BITS);
}

static uint64_t
misfits_rank_of(const struct misfits_view *v, uint64_t key)
{
	uint64_t slot = atomic_load(misfits_slot(v, key));
	uint64_t rank = slot >> TAG_BITS;

	if ((slot & tag_mask) != misfits_tag(key) ||
	    (rank & number_mask) < atomic_load(&v->all->moved[v->attrs]))
		return 0;
	return rank;
}

uint64_t
misfits_rank(const struct misfits_view *v, const struct address *host)
{
	uint64_t for_all;
	uint64_t for_login;

	if (v->all == NULL)
		return 0;
	for_all = misfits_rank_of(v, misfits_key(v->of_all, host));
	for_login = misfits_rank_of(v, misfits_key(v->of_login, host));
	return for_all > for_login ? for_all : for_login;
}

void
misfits_add(const struct misfits_view *v, enum misfit_why why,
	    const struct address *host)
{
	bool is_of_login = why == MISFIT_BY_SETTING;
	uint64_t key = misfits_key(is_of_login ? v->of_login : v->of_all, host);
	uint64_t number;
	uint64_t rank;

	if (v->all == NULL)
		return;
	number = (atomic_fetch_add(&v->all->count, 1) + 1) & number_mask;
	if (why == MISFIT_IS_PRIMARY && misfits_rank(v, host) == 0)
		atomic_store(&v->all->moved[v->attrs], number);
	rank = (uint64_t)(why != MISFIT_IS_SILENT) << NUMBER_BITS | number;
	atomic_store(misfits_slot(v, key), rank << TAG_BITS | misfits_tag(key));
}

static void
misfits_forget(const struct misfits_view *v, uint64_t key)
{
	_Atomic uint64_t *slot = misfits_slot(v, key);
	uint64_t found = atomic_load(slot);

	if ((found & tag_mask) == misfits_tag(key))
		(void)atomic_compare_exchange_strong(slot, &found, 0);
}

void
misfits_remove(const struct misfits_view *v, const struct address *host)
{
	if (v->all == NULL)
		return;
	misfits_forget(v, misfits_key(v->of_all, host));
	misfits_forget(v, misfits_key(v->of_login, host));
}
