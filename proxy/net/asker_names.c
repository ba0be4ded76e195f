#include "proxy/net/asker_names.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "proxy/net/address.h"
#include "proxy/net/resolver.h"

/* A host of the list. */
struct asker_name {
	struct asker_names *all;
	const char *host;
	const char *port;
	struct resolution *resolution; /* owned; NULL: it is no name */
	bool is_name;
	const struct addrinfo *found; /* borrowed from the resolution */
};

/* True for what libpq takes as it is: a socket, or an address. */
static bool
is_no_name(const char *host)
{
	struct addrinfo *found = NULL;

	if (*host == '\0' || *host == '/' || *host == '@')
		return true;
	if (address_look_up(host, 0, AI_NUMERICHOST, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

/* A resolution_handler. */
static void
name_resolved(void *arg, int error, const struct addrinfo *found)
{
	struct asker_name *name = arg;
	struct asker_names *all = name->all;

	name->found = found;
	if (error != 0)
		all->why = gai_strerror(error);
	if (--all->open == 0)
		all->ready(all->arg);
}

static void
name_ask(struct asker_name *name)
{
	struct asker_names *all = name->all;

	name->is_name = !is_no_name(name->host);
	if (!name->is_name)
		return;
	name->resolution = resolver_ask(all->resolver, all->mailbox, name->host,
					0, name_resolved, name);
	if (name->resolution != NULL)
		all->open++;
	else
		all->why = errno == EAGAIN ? "too many look-ups hang"
					   : "out of memory";
}

static size_t
count_items(const char *list)
{
	size_t count = 1;

	for (; *list != '\0'; list++)
		count += *list == ',';
	return count;
}

/* Cut the lists into items; a single port is that of each host.  False: out of
 * memory. */
static bool
names_split(struct asker_names *n, const char *hosts, const char *ports)
{
	size_t count = count_items(hosts);
	bool is_one = strchr(ports, ',') == NULL;
	char *rest_of_ports;
	char *rest;

	n->hosts = rest = strdup(hosts);
	n->ports = rest_of_ports = strdup(ports);
	n->items = calloc(count, sizeof(*n->items));
	if (rest == NULL || rest_of_ports == NULL || n->items == NULL)
		return false;
	for (n->count = 0; n->count < count; n->count++) {
		struct asker_name *name = &n->items[n->count];

		name->all = n;
		name->host = strsep(&rest, ",");
		name->port = is_one ? n->ports : strsep(&rest_of_ports, ",");
	}
	return true;
}

static const char *
option_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0 &&
		    options->val != NULL)
			return options->val;
	return "";
}

/* Have an item for each host.  False: none is looked up here, or memory is out.
 */
static bool
names_read(struct asker_names *n, const PQconninfoOption *options)
{
	const char *hosts = option_of(options, "host");
	const char *ports = option_of(options, "port");

	if (*hosts == '\0' || *option_of(options, "hostaddr") != '\0' ||
	    *option_of(options, "service") != '\0')
		return false;
	/* libpq says what is wrong with them. */
	if (strchr(ports, ',') != NULL &&
	    count_items(ports) != count_items(hosts))
		return false;
	return names_split(n, hosts, ports);
}

static bool
names_has_any(const struct asker_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->items[i].is_name)
			return true;
	return false;
}

enum asker_names_outcome
asker_names_begin(struct asker_names *n, const char *conninfo)
{
	PQconninfoOption *options;
	bool is_read;

	if (n->resolver == NULL)
		return ASKER_NAMES_NONE;
	n->why = "no address was found";
	options = PQconninfoParse(conninfo, NULL);
	is_read = options != NULL && names_read(n, options);
	PQconninfoFree(options);
	for (size_t i = 0; is_read && i < n->count; i++)
		name_ask(&n->items[i]);
	if (n->open > 0)
		return ASKER_NAMES_ASKED;
	is_read = is_read && names_has_any(n);
	asker_names_clear(n);
	return is_read ? ASKER_NAMES_FAILED : ASKER_NAMES_NONE;
}

/* Add an item to each of the lists.  False: out of memory. */
static bool
names_list(struct asker_names *n, const struct asker_name *name,
	   const char *address)
{
	const char *const texts[ASKER_NAMES_LISTS] = {name->host, address,
						      name->port};

	for (size_t i = 0; i < ASKER_NAMES_LISTS; i++)
		if ((n->listed > 0 && !buffer_append(&n->lists[i], ",", 1)) ||
		    !buffer_append(&n->lists[i], texts[i], strlen(texts[i])))
			return false;
	n->listed++;
	return true;
}

/* Add a host with each of its addresses, or as it is if it is no name. */
static bool
names_list_host(struct asker_names *n, const struct asker_name *name)
{
	const struct addrinfo *a;
	char address[NI_MAXHOST];

	if (!name->is_name)
		return names_list(n, name, "");
	for (a = name->found; a != NULL; a = a->ai_next)
		if (getnameinfo(a->ai_addr, a->ai_addrlen, address,
				sizeof(address), NULL, 0,
				NI_NUMERICHOST) == 0 &&
		    !names_list(n, name, address))
			return false;
	return true;
}

static const char *
list_text(const struct buffer *list)
{
	return (const char *)buffer_span(list).data;
}

bool
asker_names_take(struct asker_names *n, struct asker_names_settings *out)
{
	bool is_whole = true;

	for (size_t i = 0; i < n->count; i++)
		is_whole = is_whole && names_list_host(n, &n->items[i]);
	for (size_t i = 0; i < ASKER_NAMES_LISTS; i++)
		is_whole = is_whole && buffer_append(&n->lists[i], "", 1);
	if (!is_whole)
		n->why = "out of memory";
	if (!is_whole || n->listed == 0)
		return false;
	out->host = list_text(&n->lists[0]);
	out->hostaddr = list_text(&n->lists[1]);
	out->port = list_text(&n->lists[2]);
	return true;
}

void
asker_names_clear(struct asker_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		resolution_cancel(n->items[i].resolution);
	for (size_t i = 0; i < ASKER_NAMES_LISTS; i++)
		buffer_clear(&n->lists[i]);
	free(n->items);
	free(n->hosts);
	free(n->ports);
	n->items = NULL;
	n->hosts = NULL;
	n->ports = NULL;
	n->count = 0;
	n->open = 0;
	n->listed = 0;
}
