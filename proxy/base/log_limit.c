#include "proxy/base/log_limit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

struct kind {
	const char *name; /* static; NULL: the place is free */
	uint64_t since_ms;
	uint32_t written; /* since then */
	uint64_t left_out;
};

static atomic_uint most;

static struct {
	pthread_mutex_t lock;
	struct kind kinds[LOG_LIMIT_KINDS]; /* guarded by lock */
} limit = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
log_limit_init(uint32_t lines)
{
	log_limit_set(lines);
	memset(limit.kinds, 0, sizeof(limit.kinds));
}

void
log_limit_set(uint32_t lines)
{
	atomic_store(&most, lines);
}

/* The place of the kind, or of all that have none.  Called with the lock. */
static struct kind *
log_limit_find(const char *name)
{
	struct kind *k = limit.kinds;
	struct kind *last = &limit.kinds[LOG_LIMIT_KINDS - 1];

	while (k < last && k->name != NULL && strcmp(k->name, name) != 0)
		k++;
	if (k->name == NULL)
		k->name = k == last ? "others" : name;
	return k;
}

static bool
log_limit_count(struct kind *k, uint64_t now_ms)
{
	if (k->written == 0 || now_ms >= k->since_ms + LOG_LIMIT_MS) {
		k->since_ms = now_ms;
		k->written = 0;
	}
	if (k->written < atomic_load(&most)) {
		k->written++;
		return true;
	}
	k->left_out++;
	return false;
}

bool
log_limit_takes(const char *kind, uint64_t now_ms)
{
	bool takes;

	if (atomic_load(&most) == 0)
		return true;
	pthread_mutex_lock(&limit.lock);
	takes = log_limit_count(log_limit_find(kind), now_ms);
	pthread_mutex_unlock(&limit.lock);
	return takes;
}

bool
log_limit_take_left_out(size_t *place, const char **kind, uint64_t *lines)
{
	*lines = 0;
	pthread_mutex_lock(&limit.lock);
	while (*lines == 0 && *place < LOG_LIMIT_KINDS) {
		struct kind *k = &limit.kinds[(*place)++];

		*kind = k->name;
		*lines = k->left_out;
		k->left_out = 0;
	}
	pthread_mutex_unlock(&limit.lock);
	return *lines > 0;
}
