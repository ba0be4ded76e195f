#include "proxy/http/http_host.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum {
	HOST_BYTES = 256, /* the DNS has no longer name */
};

/* RFC 6761, 6762, 8375, and what the root will not have. */
static const char *const local_domains[] = {
    ".home.arpa", ".internal", ".local", ".localhost", ".svc",
};

static bool
host_is_address(const char *name)
{
	struct in6_addr address;

	return inet_pton(AF_INET, name, &address) == 1 ||
	       inet_pton(AF_INET6, name, &address) == 1;
}

static bool
host_ends_with(const char *name, const char *domain)
{
	size_t len = strlen(name);
	size_t end = strlen(domain);

	return len > end && strcasecmp(name + len - end, domain) == 0;
}

static bool
host_is_local(const char *name)
{
	size_t i;

	if (strchr(name, '.') == NULL)
		return true;
	for (i = 0; i < sizeof(local_domains) / sizeof(local_domains[0]); i++)
		if (host_ends_with(name, local_domains[i]))
			return true;
	return false;
}

static bool
host_is_listed(const char *name, const struct name_list *names)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		const char *item = names->items[i];

		if (strcmp(item, "*") == 0 || strcasecmp(item, name) == 0 ||
		    (item[0] == '.' && host_ends_with(name, item)))
			return true;
	}
	return false;
}

/* Copy the name without its port, the brackets of an address, and the dot that
 * ends a whole name.  False: it is no name. */
static bool
host_name(char out[HOST_BYTES], const char *host)
{
	bool is_bracketed = host[0] == '[';
	size_t len = strcspn(host + is_bracketed, is_bracketed ? "]" : ":");

	if (len == 0 || len >= HOST_BYTES ||
	    (is_bracketed && host[1 + len] != ']'))
		return false;
	memcpy(out, host + is_bracketed, len);
	out[len] = '\0';
	if (len > 1 && out[len - 1] == '.')
		out[len - 1] = '\0';
	return true;
}

bool
http_host_is_ours(const char *host, const struct name_list *names)
{
	char name[HOST_BYTES];

	if (host == NULL)
		return true;
	if (!host_name(name, host))
		return false;
	if (host[0] == '[')
		return host_is_address(name);
	return host_is_address(name) || host_is_local(name) ||
	       host_is_listed(name, names);
}
