#include "proxy/net/address.h"

#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

bool
address_set_local(struct address *out, const char *directory, uint16_t port)
{
	struct sockaddr_un *u = (struct sockaddr_un *)&out->address;
	int n;

	memset(u, 0, sizeof(*u));
	u->sun_family = AF_UNIX;
	n = snprintf(u->sun_path, sizeof(u->sun_path), "%s/.s.PGSQL.%u",
		     directory, port);
	if (n < 0 || (size_t)n >= sizeof(u->sun_path))
		return false;
	out->len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);
	if (directory[0] == '@')
		u->sun_path[0] = '\0';
	else
		out->len++; /* the NUL at the end */
	return true;
}

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
