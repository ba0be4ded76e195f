#include "proxy/net/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

void
address_tune_socket(int fd)
{
	const int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}
