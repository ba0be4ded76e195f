#include "proxy/config/setting_show.h"

#include <stdio.h>
#include <string.h>

/* Add to a list, with a comma between its members. */
static void
show_member(char out[SETTING_SHOWN_BYTES], const char *member)
{
	size_t len = strlen(out);

	snprintf(out + len, SETTING_SHOWN_BYTES - len, "%s%s",
		 len == 0 ? "" : ",", member);
}

/* As one would write it; the name of a file has the port in it. */
static void
show_endpoint(char out[SETTING_SHOWN_BYTES], const struct endpoint *e)
{
	char member[SETTING_SHOWN_BYTES];
	bool is_v6 = strchr(e->host, ':') != NULL;

	if (endpoint_is_local(e->host)) {
		show_member(out, e->host);
		return;
	}
	snprintf(member, sizeof(member), "%s%s%s:%u", is_v6 ? "[" : "", e->host,
		 is_v6 ? "]" : "", e->port);
	show_member(out, member);
}

static void
show_endpoints(char out[SETTING_SHOWN_BYTES], const struct endpoint *items,
	       size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		show_endpoint(out, &items[i]);
}

static void
show_names(char out[SETTING_SHOWN_BYTES], char *const *names, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		show_member(out, names[i]);
}

static void
show_order(char out[SETTING_SHOWN_BYTES], const struct lock_order *order)
{
	switch (order->kind) {
	case LOCK_ORDER_REFERENCED_FIRST:
		show_member(out, "referenced-first");
		break;
	case LOCK_ORDER_DEPENDENTS_FIRST:
		show_member(out, "dependents-first");
		break;
	case LOCK_ORDER_LIST:
		show_names(out, order->names, order->name_count);
		break;
	}
}

static void
show_field(char out[SETTING_SHOWN_BYTES], const void *field,
	   const struct setting *s)
{
	const uint32_t *number = field;
	const struct name_list *names = field;
	const struct network_list *networks = field;
	const char *const *text = field;

	switch (s->kind) {
	case SETTING_NUMBER:
	case SETTING_DURATION:
	case SETTING_SIZE:
		value_format_number(out, SETTING_SHOWN_BYTES, setting_unit(s),
				    *number);
		break;
	case SETTING_BOOL:
		show_member(out, *(const bool *)field ? "on" : "off");
		break;
	case SETTING_WORD:
		show_member(out, s->words[*number - s->min]);
		break;
	case SETTING_MODE:
		snprintf(out, SETTING_SHOWN_BYTES, "%04o", *number);
		break;
	case SETTING_TEXT:
	case SETTING_FILE:
		show_member(out, *text == NULL ? "" : *text);
		break;
	case SETTING_CLIENT:
		show_member(out, *text == NULL ? "" : "(set)");
		break;
	case SETTING_ORDER:
		show_order(out, field);
		break;
	case SETTING_NAMES:
		show_names(out, names->items, names->count);
		break;
	case SETTING_NETWORKS:
		show_names(out, networks->texts, networks->count);
		break;
	case SETTING_LISTEN:
	case SETTING_HTTP_LISTEN:
	case SETTING_UPSTREAM:
		break;
	}
}

void
setting_show(char out[SETTING_SHOWN_BYTES], const struct config *c,
	     const struct setting *s)
{
	const char *base =
	    setting_is_guard(s) ? (const char *)&c->guard : (const char *)c;

	out[0] = '\0';
	if (s->kind == SETTING_LISTEN)
		show_endpoints(out, c->listen, c->listen_count);
	else if (s->kind == SETTING_HTTP_LISTEN)
		show_endpoints(out, c->http_listen.items, c->http_listen.count);
	else if (s->kind == SETTING_UPSTREAM)
		show_endpoints(out, c->upstream, c->upstream_count);
	else
		show_field(out, base + s->offset, s);
}
