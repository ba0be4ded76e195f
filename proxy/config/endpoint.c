#include "proxy/config/endpoint.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/config/value.h"

#define SOCKET_NAME "/.s.PGSQL."

static const char shape[] = "ADDR:PORT, [IPV6]:PORT, *:PORT or /DIRECTORY:PORT";

bool
endpoint_list_add(struct endpoint_list *list, const char *host, size_t len,
		  uint16_t port)
{
	struct endpoint *items =
	    realloc(list->items, (list->count + 1) * sizeof(*list->items));
	char *copy = strndup(host, len);

	if (items != NULL)
		list->items = items;
	if (items == NULL || copy == NULL) {
		free(copy);
		return false;
	}
	items[list->count] = (struct endpoint){.host = copy, .port = port};
	list->count++;
	return true;
}

void
endpoint_list_clear(struct endpoint_list *list)
{
	while (list->count > 0) {
		list->count--;
		free(list->items[list->count].host);
		free(list->items[list->count].name);
	}
	free(list->items);
	list->items = NULL;
}

bool
endpoint_is_numeric(const char *host)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,
				       .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

bool
endpoint_is_local(const char *host)
{
	return host[0] == '/' || host[0] == '@';
}

bool
endpoint_is_short_enough(const char *directory)
{
	struct sockaddr_un address;

	return strlen(directory) + sizeof(SOCKET_NAME "65535") <=
	       sizeof(address.sun_path);
}

bool
endpoint_read_port(uint16_t *out, const char *text, const char **end)
{
	uint32_t port = 0;
	const char *first;

	while (isspace((unsigned char)*text))
		text++;
	for (first = text; isdigit((unsigned char)*text); text++)
		if (port <= UINT16_MAX)
			port = port * 10 + (uint32_t)(*text - '0');
	if (text == first || port == 0 || port > UINT16_MAX)
		return false;
	while (isspace((unsigned char)*text))
		text++;
	*out = (uint16_t)port;
	*end = text;
	return true;
}

static bool
kernel_has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool
endpoint_list_add_all(struct endpoint_list *list, uint16_t port)
{
	return endpoint_list_add(list, "0.0.0.0", strlen("0.0.0.0"), port) &&
	       (!kernel_has_ipv6() ||
		endpoint_list_add(list, "::", strlen("::"), port));
}

static bool
endpoint_list_add_socket(struct endpoint_list *list, const char *directory,
			 uint16_t port)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int len = snprintf(path, sizeof(path), "%s" SOCKET_NAME "%u", directory,
			   (unsigned)port);

	return endpoint_list_add(list, path, (size_t)len, port);
}

/* Add what stands before the port: brackets may be around it. */
static bool
endpoint_list_add_host(struct endpoint_list *list, char *host, uint16_t port,
		       size_t entry, struct value_error *error)
{
	size_t len = strlen(host);
	bool is_added;

	if (endpoint_is_local(host)) {
		if (!endpoint_is_short_enough(host))
			return value_fail(error,
					  "entry %zu: the socket's path is "
					  "longer than the system allows",
					  entry);
		is_added = endpoint_list_add_socket(list, host, port);
	} else if (strcmp(host, "*") == 0) {
		is_added = endpoint_list_add_all(list, port);
	} else if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if (strchr(host, ':') == NULL || !endpoint_is_numeric(host + 1))
			return value_fail(
			    error, "entry %zu: no IPv6 address in the brackets",
			    entry);
		is_added = endpoint_list_add(list, host + 1, len - 2, port);
	} else if (host[strcspn(host, " \t[]:*")] != '\0') {
		return value_fail(error, "entry %zu is not %s", entry, shape);
	} else {
		is_added = endpoint_list_add(list, host, len, port);
	}
	return is_added || value_fail_memory(error);
}

static bool
endpoint_list_add_entry(struct endpoint_list *list, char *text, size_t entry,
			struct value_error *error)
{
	char *colon = strrchr(text, ':');
	const char *end;
	uint16_t port;

	if (colon == NULL || colon == text || text[strlen(text) - 1] == ']')
		return value_fail(
		    error, "entry %zu is not %s%s", entry, shape,
		    colon == text ? "; write *:PORT for all addresses" : "");
	if (!endpoint_read_port(&port, colon + 1, &end) || *end != '\0')
		return value_fail(error,
				  "entry %zu: the port is not 1 to 65535, in "
				  "%s",
				  entry, shape);
	*colon = '\0';
	return endpoint_list_add_host(list, text, port, entry, error);
}

bool
endpoint_list_parse(struct endpoint_list *out, const char *text,
		    struct value_error *error)
{
	struct endpoint_list list = {0};
	char *copy = strdup(text);
	char *rest = copy;
	char *entry;
	size_t n = 0;

	if (copy == NULL)
		return value_fail_memory(error);
	while ((entry = strsep(&rest, ",")) != NULL) {
		entry += strspn(entry, " \t");
		if (!endpoint_list_add_entry(&list, entry, ++n, error))
			goto fail;
	}
	free(copy);
	*out = list;
	return true;

fail:
	free(copy);
	endpoint_list_clear(&list);
	return false;
}
