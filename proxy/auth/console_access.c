#include "proxy/auth/console_access.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

enum {
	PASSWD_BYTES = 16 * 1024, /* the texts of one of the system's users */
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

/* Look up which of the system's users it is, if one is of that name. */
static void
console_user_look_up(struct console_user *u)
{
	char texts[PASSWD_BYTES];
	struct passwd entry;
	struct passwd *found = NULL;

	u->has_uid =
	    getpwnam_r(u->name, &entry, texts, sizeof(texts), &found) == 0 &&
	    found != NULL;
	if (u->has_uid)
		u->uid = entry.pw_uid;
}

static void
console_access_add(struct console_access *a, const struct name_list *names,
		   enum console_rights rights)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		struct console_user *u = &a->users[a->count++];

		u->name = names->items[i];
		u->rights = rights;
		console_user_look_up(u);
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
