/*
 * session_origin.c - where a client is: at the other end of its connection, or
 * where a load balancer says, by a PROXY header; and whether it may come from
 * there.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config/network.h"
#include "proxy/net/proxy_header.h"
#include "proxy/session/session.h"
#include "proxy/session/session_state.h"

static bool
session_is_in(const struct network_list *networks, const struct address *a)
{
	return network_list_has(networks, (const struct sockaddr *)&a->address);
}

static void
session_note_allowed(struct session *s)
{
	const struct network_list *allow = &s->pair.config->allow;
	struct address a;

	if (allow->count > 0)
		s->is_outsider =
		    !pair_origin(&s->pair, &a) || !session_is_in(allow, &a);
}

void
session_note_origin(struct session *s)
{
	const struct network_list *proxied = &s->pair.config->proxied;
	struct address a;

	if (s->is_local)
		return;
	s->is_introduced = proxied->count > 0 && pair_origin(&s->pair, &a) &&
			   session_is_in(proxied, &a);
	if (!s->is_introduced)
		session_note_allowed(s);
}

static struct address
address_of(const struct proxy_header *h)
{
	struct address a = {0};
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&a.address;
	struct sockaddr_in *four = (struct sockaddr_in *)&a.address;

	if (h->is_ipv6) {
		a.len = sizeof(*six);
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(h->port);
		memcpy(&six->sin6_addr, h->address, 16);
	} else {
		a.len = sizeof(*four);
		four->sin_family = AF_INET;
		four->sin_port = htons(h->port);
		memcpy(&four->sin_addr, h->address, 4);
	}
	return a;
}

/* Take the header, which says where the client is.  False: the pair is closing.
 */
static bool
session_note_header(struct session *s, const struct proxy_header *h)
{
	if (h->has_source) {
		s->pair.announced = malloc(sizeof(*s->pair.announced));
		if (s->pair.announced == NULL) {
			pair_close(&s->pair, CLOSE_MEMORY, NULL);
			return false;
		}
		*s->pair.announced = address_of(h);
	}
	buffer_consume(&s->pair.from_client.buffer, h->len);
	s->is_introduced = false;
	session_note_allowed(s);
	return true;
}

bool
session_take_header(struct session *s)
{
	struct proxy_header h;

	switch (
	    proxy_header_decode(&h, buffer_span(&s->pair.from_client.buffer))) {
	case PROXY_HEADER_OK:
		return session_note_header(s, &h);
	case PROXY_HEADER_MORE:
		return false;
	case PROXY_HEADER_BAD:
		break;
	}
	pair_close_saying(&s->pair, CLOSE_PROXY_HEADER, NULL, NULL,
			  "The setting proxy_protocol_networks of Lockstep has "
			  "this address.");
	return false;
}
