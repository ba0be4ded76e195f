#include "proxy/config/config_change.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config/conninfo.h"
#include "proxy/config/mistake.h"
#include "proxy/config/setting.h"
#include "proxy/config/setting_same.h"

static_assert((int)SETTING_COUNT <= (int)CONFIG_SETTINGS_MAX, "each has a bit");

#define BIT(n) (UINT64_C(1) << (n))

static bool
keep_text(char **to, const char *from)
{
	char *copy = from == NULL ? NULL : strdup(from);

	if (from != NULL && copy == NULL)
		return false;
	conninfo_wipe(*to); /* a CONNINFO may be among them */
	*to = copy;
	return true;
}

static bool
keep_endpoints(struct endpoint_list *to, const struct endpoint *from,
	       size_t count)
{
	size_t i;

	endpoint_list_clear(to);
	for (i = 0; i < count; i++)
		if (!endpoint_list_add(to, from[i].host, strlen(from[i].host),
				       from[i].port))
			return false;
	return true;
}

static bool
keep_listen(struct config *to, const struct config *from)
{
	struct endpoint_list list = {to->listen, to->listen_count};
	bool is_good = keep_endpoints(&list, from->listen, from->listen_count);

	to->listen = list.items;
	to->listen_count = list.count;
	return is_good;
}

/* Give *to the value that the setting has in *from; one that needs a restart
 * is none of the guard's. */
static bool
config_keep_field(struct config *to, const struct config *from,
		  const struct setting *s)
{
	void *field = (char *)to + s->offset;
	const void *kept = (const char *)from + s->offset;

	switch (s->kind) {
	case SETTING_NUMBER:
	case SETTING_DURATION:
	case SETTING_SIZE:
	case SETTING_WORD:
	case SETTING_MODE:
		memcpy(field, kept, sizeof(uint32_t));
		return true;
	case SETTING_BOOL:
		memcpy(field, kept, sizeof(bool));
		return true;
	case SETTING_TEXT:
	case SETTING_FILE:
	case SETTING_CLIENT:
		return keep_text(field, *(const char *const *)kept);
	case SETTING_LISTEN:
		return keep_listen(to, from);
	case SETTING_HTTP_LISTEN:
		return keep_endpoints(&to->http_listen, from->http_listen.items,
				      from->http_listen.count);
	case SETTING_UPSTREAM:
	case SETTING_ORDER:
	case SETTING_NAMES:
	case SETTING_NETWORKS:
		break;
	}
	assert(false && "it changes without a restart");
	return false;
}

static bool
config_keep(struct config *to, const struct config *from,
	    const struct setting *s)
{
	size_t place = (size_t)(s - setting_table);

	to->origins[place] = from->origins[place];
	return config_keep_field(to, from, s);
}

bool
config_change_make(struct config_change *out, struct config *fresh,
		   const struct config *old)
{
	size_t i;

	*out = (struct config_change){
	    .has_rules = !setting_rules_are_same(fresh, old),
	};
	for (i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = &setting_table[i];

		if (fresh->origins[i] == ORIGIN_CONSOLE)
			out->of_console |= BIT(i);
		if (setting_is_same(fresh, old, s))
			continue;
		if (!s->needs_restart)
			out->changed |= BIT(i);
		else if (config_keep(fresh, old, s))
			out->kept |= BIT(i);
		else
			return false;
	}
	return true;
}

bool
config_change_is_empty(const struct config_change *c)
{
	return c->changed == 0 && !c->has_rules;
}

static void
describe_add(char out[CONFIG_CHANGE_BYTES], const char *name)
{
	size_t len = strlen(out);

	snprintf(out + len, CONFIG_CHANGE_BYTES - len, "%s%s",
		 len == 0 ? "" : ", ", name);
}

void
config_change_describe(char out[CONFIG_CHANGE_BYTES],
		       const struct config_change *c)
{
	size_t i;

	out[0] = '\0';
	for (i = 0; i < SETTING_COUNT; i++)
		if (c->changed & BIT(i))
			describe_add(out, setting_table[i].name);
	if (c->has_rules)
		describe_add(out, "rules");
}

/* The name of the nth setting of a set. */
static const char *
change_name(uint64_t set, size_t n)
{
	size_t i;

	for (i = 0; i < SETTING_COUNT; i++)
		if ((set & BIT(i)) && n-- == 0)
			return setting_table[i].name;
	return NULL;
}

const char *
config_change_kept(const struct config_change *c, size_t n)
{
	return change_name(c->kept, n);
}

const char *
config_change_of_console(const struct config_change *c, size_t n)
{
	return change_name(c->of_console, n);
}
