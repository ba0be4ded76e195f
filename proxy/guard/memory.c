#include "proxy/guard/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "policy/catalog/remembered.h"
#include "policy/sql/grow.h"
#include "proxy/base/queue.h"

enum {
	RELATIONS_MIN = 4, /* room for, at first */
};

struct relation {
	char *name; /* owned, as a lock_item has it */
	enum lock_mode mode;
	uint64_t wanted_ms; /* the last time */
};

/* One beginning of a transaction. */
struct episode {
	TAILQ_ENTRY(episode) link;
	struct memory_key key;
	struct relation *relations; /* owned; by grow_array */
	size_t count;
	size_t bytes; /* all that it takes */
};

TAILQ_HEAD(episode_list, episode);

struct memory {
	pthread_mutex_t lock;
	/* Guarded by lock: the one asked for last comes first. */
	struct episode_list episodes;
	size_t count;
	size_t bytes;
};

struct memory *
memory_new(void)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	pthread_mutex_init(&m->lock, NULL);
	TAILQ_INIT(&m->episodes);
	return m;
}

/* Episodes */

static size_t
relation_bytes(const char *name)
{
	return sizeof(struct relation) + strlen(name) + 1;
}

static void
memory_count_bytes(struct memory *m, struct episode *e, size_t bytes)
{
	e->bytes += bytes;
	m->bytes += bytes;
}

static void
memory_drop(struct memory *m, struct episode *e)
{
	TAILQ_REMOVE(&m->episodes, e, link);
	m->count--;
	m->bytes -= e->bytes;
	while (e->count > 0)
		free(e->relations[--e->count].name);
	free(e->relations);
	free(e);
}

void
memory_free(struct memory *m)
{
	if (m == NULL)
		return;
	while (!TAILQ_EMPTY(&m->episodes))
		memory_drop(m, TAILQ_FIRST(&m->episodes));
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static bool
keys_share_role(const struct memory_key *a, const struct memory_key *b)
{
	return strcmp(a->database, b->database) == 0 &&
	       strcmp(a->user, b->user) == 0;
}

static bool
keys_are_equal(const struct memory_key *a, const struct memory_key *b)
{
	return a->shape == b->shape && a->is_utf8 == b->is_utf8 &&
	       keys_share_role(a, b) &&
	       strcmp(a->application_name, b->application_name) == 0;
}

/* The episode, now the one asked for last.  NULL: there is none. */
static struct episode *
memory_find(struct memory *m, const struct memory_key *key)
{
	struct episode *e;

	TAILQ_FOREACH(e, &m->episodes, link)
		if (keys_are_equal(&e->key, key))
			break;
	if (e == NULL)
		return NULL;
	TAILQ_REMOVE(&m->episodes, e, link);
	TAILQ_INSERT_HEAD(&m->episodes, e, link);
	return e;
}

/* Forget relations that were not wanted since then.  False: none is left, and
 * the episode is gone. */
static bool
memory_forget_before(struct memory *m, struct episode *e, uint64_t then_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->count; i++) {
		struct relation *r = &e->relations[i];

		if (r->wanted_ms >= then_ms) {
			e->relations[kept++] = *r;
			continue;
		}
		e->bytes -= relation_bytes(r->name);
		m->bytes -= relation_bytes(r->name);
		free(r->name);
	}
	e->count = kept;
	if (kept == 0)
		memory_drop(m, e);
	return kept > 0;
}

/* The part of all that a role has in a database. */
struct share {
	size_t count;
	size_t bytes;
	struct episode *oldest; /* asked for least lately; NULL: it has none */
};

static struct share
memory_share_of(struct memory *m, const struct memory_key *key)
{
	struct share share = {0};
	struct episode *e;

	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): others left */
	TAILQ_FOREACH(e, &m->episodes, link) {
		if (!keys_share_role(&e->key, key))
			continue;
		share.count++;
		/* The freed ones have left the list. */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		share.bytes += e->bytes;
		share.oldest = e;
	}
	return share;
}

static struct episode *
memory_add(struct memory *m, const struct memory_key *key)
{
	struct share share = memory_share_of(m, key);
	struct episode *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	if (share.count >= MEMORY_OF_ROLE_MAX)
		memory_drop(m, share.oldest);
	else if (m->count == MEMORY_MAX)
		memory_drop(m, TAILQ_LAST(&m->episodes, episode_list));
	e->key = *key;
	TAILQ_INSERT_HEAD(&m->episodes, e, link);
	m->count++;
	memory_count_bytes(m, e, sizeof(*e));
	return e;
}

/* Drop what was asked for least lately, but for `spared`, until there is room
 * for its role, and for all. */
static void
memory_make_room(struct memory *m, struct episode *spared)
{
	struct share share = memory_share_of(m, &spared->key);

	while (share.bytes > MEMORY_OF_ROLE_BYTES_MAX &&
	       share.oldest != spared) {
		memory_drop(m, share.oldest);
		share = memory_share_of(m, &spared->key);
	}
	while (m->bytes > MEMORY_BYTES_MAX) {
		struct episode *e = TAILQ_LAST(&m->episodes, episode_list);

		if (e == spared)
			break;
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): likewise */
		memory_drop(m, e);
	}
}

/* To learn */

static struct relation *
episode_find(const struct episode *e, const char *name)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->relations[i].name, name) == 0)
			return &e->relations[i];
	return NULL;
}

/* One more relation, in no mode yet.  NULL: no room for it. */
static struct relation *
episode_add(struct memory *m, struct episode *e, const char *name)
{
	struct relation *relations;
	char *copy;

	if (e->count == MEMORY_RELATIONS_MAX)
		return NULL;
	relations = grow_array(e->relations, e->count, sizeof(*relations),
			       RELATIONS_MIN);
	if (relations == NULL)
		return NULL;
	e->relations = relations;
	copy = strdup(name);
	if (copy == NULL)
		return NULL;
	memory_count_bytes(m, e, relation_bytes(name));
	relations[e->count] = (struct relation){.name = copy};
	return &relations[e->count++];
}

static void
episode_learn(struct memory *m, struct episode *e, const struct lock_item *item,
	      uint64_t now_ms)
{
	struct relation *r = episode_find(e, item->name);

	if (r == NULL)
		r = episode_add(m, e, item->name);
	if (r == NULL)
		return;
	r->mode = lock_mode_join(r->mode, item->mode);
	r->wanted_ms = now_ms;
}

static void
memory_learn_locked(struct memory *m, const struct memory_key *key,
		    const struct lock_set *set, uint64_t now_ms)
{
	struct episode *e = memory_find(m, key);

	for (size_t i = 0; i < set->count; i++) {
		if (!remembered_is_fit(&set->items[i], key->is_utf8))
			continue;
		if (e == NULL)
			e = memory_add(m, key);
		if (e == NULL)
			return;
		episode_learn(m, e, &set->items[i], now_ms);
	}
	if (e != NULL)
		memory_make_room(m, e);
}

void
memory_learn(struct memory *m, const struct memory_key *key,
	     const struct lock_set *set, uint64_t now_ms)
{
	if (set->count > MEMORY_RELATIONS_MAX)
		return;
	pthread_mutex_lock(&m->lock);
	memory_learn_locked(m, key, set, now_ms);
	pthread_mutex_unlock(&m->lock);
}

/* To recall */

static bool
episode_recall(const struct episode *e, struct statement_list *out)
{
	struct statement *s = calloc(1, sizeof(*s));
	struct target *targets = calloc(e->count, sizeof(*targets));

	if (s == NULL || targets == NULL) {
		free(s);
		free(targets);
		return false;
	}
	s->targets = targets;
	*out = (struct statement_list){.items = s, .count = 1};
	for (; s->target_count < e->count; s->target_count++) {
		const struct relation *r = &e->relations[s->target_count];

		if (!remembered_target(&targets[s->target_count], r->name,
				       r->mode))
			return false;
	}
	return true;
}

static bool
memory_recall_locked(struct memory *m, const struct memory_key *key,
		     uint64_t now_ms, struct statement_list *out)
{
	uint64_t oldest_ms =
	    now_ms > MEMORY_AGE_MS ? now_ms - MEMORY_AGE_MS : 0;
	struct episode *e = memory_find(m, key);

	return e != NULL && memory_forget_before(m, e, oldest_ms) &&
	       episode_recall(e, out);
}

bool
memory_recall(struct memory *m, const struct memory_key *key, uint64_t now_ms,
	      struct statement_list *out)
{
	bool is_known;

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&m->lock);
	is_known = memory_recall_locked(m, key, now_ms, out);
	pthread_mutex_unlock(&m->lock);
	if (!is_known)
		statement_list_clear(out);
	return is_known;
}

void
memory_settle(struct memory *m, const struct memory_key *key, uint64_t since_ms)
{
	struct episode *e;

	pthread_mutex_lock(&m->lock);
	e = memory_find(m, key);
	if (e != NULL)
		(void)memory_forget_before(m, e, since_ms);
	pthread_mutex_unlock(&m->lock);
}

/* To tell */

static bool
episode_is_of(const struct episode *e, const struct memory_key *key)
{
	return e->key.statement == key->statement &&
	       keys_share_role(&e->key, key) &&
	       (key->is_utf8 || !e->key.is_utf8);
}

/* Returns how many relations were told, of at most `room`. */
static size_t
episode_tell(const struct episode *e, uint64_t now_ms, size_t room,
	     memory_tell_fn *tell, void *arg)
{
	size_t told = 0;

	for (size_t i = 0; i < e->count && told < room; i++) {
		const struct relation *r = &e->relations[i];
		struct recollection found = {
		    .relation = r->name,
		    .application_name = e->key.application_name,
		    .mode = r->mode,
		    .age_ms = now_ms > r->wanted_ms ? now_ms - r->wanted_ms : 0,
		};

		if (found.age_ms > MEMORY_AGE_MS)
			continue;
		tell(arg, &found);
		told++;
	}
	return told;
}

void
memory_tell(struct memory *m, const struct memory_key *key, uint64_t now_ms,
	    memory_tell_fn *tell, void *arg)
{
	size_t room = MEMORY_TELLS_MAX;
	struct episode *e;

	pthread_mutex_lock(&m->lock);
	TAILQ_FOREACH(e, &m->episodes, link)
		if (episode_is_of(e, key))
			room -= episode_tell(e, now_ms, room, tell, arg);
	pthread_mutex_unlock(&m->lock);
}
