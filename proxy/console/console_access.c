#include "proxy/console/console_access.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

struct console_user {
	const char *name; /* borrowed of the configuration */
	enum console_rights rights;
	bool has_uid;
	uid_t uid;
};

struct console_access {
	size_t count;
	struct console_user users[];
};

static void
console_access_add(struct console_access *a, const struct name_list *names,
		   enum console_rights rights)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		struct console_user *u = &a->users[a->count++];
		/* No other thread runs yet. */
		const struct passwd *found =
		    getpwnam(names->items[i]); // NOLINT(concurrency-mt-unsafe)

		u->name = names->items[i];
		u->rights = rights;
		u->has_uid = found != NULL;
		if (found != NULL)
			u->uid = found->pw_uid;
	}
}

struct console_access *
console_access_new(const struct config *c)
{
	size_t count = c->admin_users.count + c->stats_users.count;
	struct console_access *a =
	    calloc(1, sizeof(*a) + count * sizeof(a->users[0]));

	if (a == NULL)
		return NULL;
	/* A name on both lists may do all: the first that is found counts. */
	console_access_add(a, &c->admin_users, CONSOLE_MAY_ALL);
	console_access_add(a, &c->stats_users, CONSOLE_MAY_LOOK);
	return a;
}

void
console_access_free(struct console_access *a)
{
	free(a);
}

static const struct console_user *
console_access_user(const struct console_access *a, const char *name)
{
	size_t i;

	for (i = 0; a != NULL && i < a->count; i++)
		if (strcmp(a->users[i].name, name) == 0)
			return &a->users[i];
	return NULL;
}

enum console_rights
console_access_find(const struct console_access *a, const char *user)
{
	const struct console_user *u = console_access_user(a, user);

	return u == NULL ? CONSOLE_MAY_NOTHING : u->rights;
}

bool
console_access_is_peer(const struct console_access *a, const char *user,
		       uid_t uid)
{
	const struct console_user *u = console_access_user(a, user);

	return u != NULL && u->has_uid && u->uid == uid;
}
