#include "proxy/net/address.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

int
address_look_up(const char *host, uint16_t port, int flags,
		struct addrinfo **found)
{
	const struct addrinfo hints = {
	    .ai_flags = flags,
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	};
	char service[8];

	snprintf(service, sizeof(service), "%u", port);
	return getaddrinfo(host, service, &hints, found);
}

bool
address_split(const struct address *a, char host[ADDRESS_HOST_MAX],
	      uint16_t *port)
{
	sa_family_t family = a->address.ss_family;
	char digits[8];

	if (a->len == 0 || (family != AF_INET && family != AF_INET6) ||
	    getnameinfo((const struct sockaddr *)&a->address, a->len, host,
			ADDRESS_HOST_MAX, digits, sizeof(digits),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return false;
	*port = (uint16_t)strtoul(digits, NULL, 10);
	return true;
}

void
address_text(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
	char host[64];
	char port[8];

	if (getnameinfo((const struct sockaddr *)&a->address, a->len, host,
			sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(out, ADDRESS_TEXT_MAX, "%s port %s", host, port);
	else
		snprintf(out, ADDRESS_TEXT_MAX, "upstream");
}
