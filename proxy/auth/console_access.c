#include "proxy/auth/console_access.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/auth/system_user.h"

enum {
	/* For all look-ups together: the main thread waits for it. */
	PATIENCE_MS = 2000,
};

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

static const struct console_user *
console_access_user(const struct console_access *a, const char *name)
{
	size_t i;

	for (i = 0; a != NULL && i < a->count; i++)
		if (strcmp(a->users[i].name, name) == 0)
			return &a->users[i];
	return NULL;
}

/* Add users, with the uids that are known of them. */
static void
console_access_add(struct console_access *a, const struct name_list *names,
		   enum console_rights rights,
		   const struct console_access *known)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		struct console_user *u = &a->users[a->count++];
		const struct console_user *then =
		    console_access_user(known, names->items[i]);

		if (then != NULL)
			*u = *then;
		u->name = names->items[i];
		u->rights = rights;
	}
}

static void
console_user_take(struct console_user *u, const struct system_user *found,
		  FILE *errors)
{
	u->has_uid = found->end == SYSTEM_USER_FOUND;
	u->uid = found->uid;
	if (found->end == SYSTEM_USER_FAILED)
		fprintf(errors,
			"console over Unix sockets for user \"%s\": it cannot "
			"be looked up in the system's user database: %s\n",
			u->name, strerror(found->error));
}

/* Look up whose uids are not known.  False: out of memory. */
static bool
console_access_look_up(struct console_access *a, FILE *errors)
{
	struct system_user *asked;
	size_t count = 0;
	size_t i;

	if (a->count == 0)
		return true;
	asked = calloc(a->count, sizeof(*asked));
	if (asked == NULL)
		return false;
	for (i = 0; i < a->count; i++)
		if (!a->users[i].has_uid)
			asked[count++].name = a->users[i].name;
	system_users_find(asked, count, PATIENCE_MS);
	for (count = 0, i = 0; i < a->count; i++)
		if (!a->users[i].has_uid)
			console_user_take(&a->users[i], &asked[count++],
					  errors);
	free(asked);
	return true;
}

struct console_access *
console_access_new(const struct config *c, const struct console_access *known,
		   FILE *errors)
{
	size_t count = c->admin_users.count + c->stats_users.count;
	struct console_access *a =
	    calloc(1, sizeof(*a) + count * sizeof(a->users[0]));

	if (a == NULL)
		return NULL;
	/* A name on both lists may do all: the first that is found counts. */
	console_access_add(a, &c->admin_users, CONSOLE_MAY_ALL, known);
	console_access_add(a, &c->stats_users, CONSOLE_MAY_LOOK, known);
	if (console_access_look_up(a, errors))
		return a;
	console_access_free(a);
	return NULL;
}

void
console_access_free(struct console_access *a)
{
	free(a);
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
