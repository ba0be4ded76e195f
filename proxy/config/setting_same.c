#include "proxy/config/setting_same.h"

#include <string.h>

static bool
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

static bool
same_texts(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	size_t i;

	if (a_count != b_count)
		return false;
	for (i = 0; i < a_count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool
same_endpoints(const struct endpoint *a, size_t a_count,
	       const struct endpoint *b, size_t b_count)
{
	size_t i;

	if (a_count != b_count)
		return false;
	for (i = 0; i < a_count; i++)
		if (a[i].port != b[i].port || strcmp(a[i].host, b[i].host) != 0)
			return false;
	return true;
}

static bool
same_order(const struct lock_order *a, const struct lock_order *b)
{
	return a->kind == b->kind &&
	       same_texts(a->names, a->name_count, b->names, b->name_count);
}

/* Compare a setting that has one field. */
static bool
same_field(const void *a, const void *b, const struct setting *s)
{
	const struct name_list *names_a = a;
	const struct name_list *names_b = b;
	const struct network_list *networks_a = a;
	const struct network_list *networks_b = b;

	switch (s->kind) {
	case SETTING_NUMBER:
	case SETTING_DURATION:
	case SETTING_SIZE:
	case SETTING_WORD:
	case SETTING_MODE:
		return *(const uint32_t *)a == *(const uint32_t *)b;
	case SETTING_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case SETTING_TEXT:
	case SETTING_FILE:
	case SETTING_CLIENT:
		return same_text(*(const char *const *)a,
				 *(const char *const *)b);
	case SETTING_ORDER:
		return same_order(a, b);
	case SETTING_NAMES:
		return same_texts(names_a->items, names_a->count,
				  names_b->items, names_b->count);
	case SETTING_NETWORKS:
		return same_texts(networks_a->texts, networks_a->count,
				  networks_b->texts, networks_b->count);
	case SETTING_LISTEN:
	case SETTING_HTTP_LISTEN:
	case SETTING_UPSTREAM:
		break;
	}
	return false;
}

/* The text has no word that the linked libpq does not know. */
static bool
same_upstream(const struct config *a, const struct config *b)
{
	return same_text(a->upstream_conninfo, b->upstream_conninfo) &&
	       a->upstream_hosts.attrs == b->upstream_hosts.attrs &&
	       a->upstream_hosts.is_random == b->upstream_hosts.is_random &&
	       a->upstream_tls.is_direct == b->upstream_tls.is_direct;
}

static bool
same_guard(const struct guard_settings *a, const struct guard_settings *b,
	   const struct setting *s)
{
	return same_field((const char *)a + s->offset,
			  (const char *)b + s->offset, s);
}

bool
setting_is_same(const struct config *a, const struct config *b,
		const struct setting *s)
{
	if (s->kind == SETTING_LISTEN)
		return same_endpoints(a->listen, a->listen_count, b->listen,
				      b->listen_count);
	if (s->kind == SETTING_HTTP_LISTEN)
		return same_endpoints(
		    a->http_listen.items, a->http_listen.count,
		    b->http_listen.items, b->http_listen.count);
	if (s->kind == SETTING_UPSTREAM)
		return same_upstream(a, b);
	if (setting_is_guard(s))
		return same_guard(&a->guard, &b->guard, s);
	return same_field((const char *)a + s->offset,
			  (const char *)b + s->offset, s);
}

static bool
same_part(const struct settings_part *a, const struct settings_part *b)
{
	enum guard_setting id;

	if (a->set != b->set)
		return false;
	for (id = 0; id < GUARD_SETTING_COUNT; id++)
		if (settings_part_has(a, id) &&
		    !same_guard(&a->values, &b->values, setting_of_guard(id)))
			return false;
	return true;
}

static bool
same_rule(const struct rule *a, const struct rule *b)
{
	size_t i;

	for (i = 0; i < RULE_PREDICATES; i++) {
		const struct rule_match *x = &a->matches[i];
		const struct rule_match *y = &b->matches[i];

		if (x->is_negated != y->is_negated ||
		    !same_texts(x->values, x->count, y->values, y->count))
			return false;
	}
	return same_text(a->name, b->name) && same_part(&a->part, &b->part);
}

bool
setting_rules_are_same(const struct config *a, const struct config *b)
{
	size_t i;

	if (a->rule_count != b->rule_count)
		return false;
	for (i = 0; i < a->rule_count; i++)
		if (!same_rule(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}
