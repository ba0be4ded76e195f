#include "proxy/net/misfits.h"

#include <stddef.h>
#include <string.h>

#include "policy/sql/fnv.h"

struct misfits_view
misfits_view_of(struct misfits *all, enum session_attrs attrs, const char *user,
		const char *database)
{
	struct misfits_view v = {.all = all};
	uint64_t seed = fnv_hash(&attrs, sizeof(attrs));

	v.seeds[MISFIT_FOR_ALL] = seed;
	seed = fnv_more(seed, user, strlen(user) + 1);
	v.seeds[MISFIT_FOR_LOGIN] = fnv_more(seed, database, strlen(database));
	return v;
}

static uint64_t
misfits_key(const struct misfits_view *v, enum misfit_for whom,
	    const struct address *host)
{
	return fnv_more(v->seeds[whom], &host->address, host->len);
}

static _Atomic uint64_t *
misfits_slot(const struct misfits_view *v, uint64_t key)
{
	return &v->all->keys[key % MISFITS_SLOTS];
}

static bool
misfits_have_for(const struct misfits_view *v, enum misfit_for whom,
		 const struct address *host)
{
	uint64_t key = misfits_key(v, whom, host);

	return atomic_load(misfits_slot(v, key)) == key;
}

bool
misfits_have(const struct misfits_view *v, const struct address *host)
{
	return v->all != NULL && (misfits_have_for(v, MISFIT_FOR_ALL, host) ||
				  misfits_have_for(v, MISFIT_FOR_LOGIN, host));
}

void
misfits_add(const struct misfits_view *v, enum misfit_for whom,
	    const struct address *host)
{
	uint64_t key = misfits_key(v, whom, host);

	if (v->all != NULL)
		atomic_store(misfits_slot(v, key), key);
}

void
misfits_remove(const struct misfits_view *v, const struct address *host)
{
	enum misfit_for whom;

	if (v->all == NULL)
		return;
	for (whom = 0; whom < MISFIT_FOR_COUNT; whom++) {
		uint64_t key = misfits_key(v, whom, host);

		(void)atomic_compare_exchange_strong(misfits_slot(v, key), &key,
						     0);
	}
}

void
misfits_clear(const struct misfits_view *v)
{
	size_t i;

	for (i = 0; v->all != NULL && i < MISFITS_SLOTS; i++)
		atomic_store(&v->all->keys[i], 0);
}
