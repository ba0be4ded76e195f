#include "proxy/net/address.h"

#include <netdb.h>
#include <stdio.h>

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
