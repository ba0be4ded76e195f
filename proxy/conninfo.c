#include "proxy/conninfo.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

/* What libpq's client library is built with on Debian. */
#define DEFAULT_SOCKET_DIRECTORY "/var/run/postgresql"

enum {
	DEFAULT_PORT = 5432,
	NEAR = 2, /* changes of a letter that make a typing mistake */
};

static const char no_tls[] = "TLS to the server is not supported yet: "
			     "sslmode can be disable, allow or prefer";
static const char no_check[] = "Lockstep does not check that of a server";

/*
 * Keywords by which a client demands something of its server: the values that
 * a relay without TLS and GSS can live with, and what is said of the others.
 * Those that the libpq at hand does not know are never found.
 */
static const struct demand {
	const char *keyword;
	const char *accepted[4];
	const char *refusal;
} demands[] = {
    {"sslmode", {"disable", "allow", "prefer"}, no_tls},
    {"sslnegotiation", {"postgres"}, no_tls},
    {"channel_binding", {"disable", "prefer"}, no_tls},
    {"gssencmode",
     {"disable", "prefer"},
     "GSS encryption is not supported: it can be disable or prefer"},
    {"requirepeer", {NULL}, no_check},
    {"target_session_attrs", {"any"}, no_check},
    {"load_balance_hosts",
     {"disable"},
     "servers are tried in their order: it can be disable"},
};

/* NULL: not given, or empty, which is the same. */
static char *
option_value(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0 &&
		    options->val != NULL && *options->val != '\0')
			return options->val;
	return NULL;
}

static bool
demand_is_met(const struct demand *demand, const char *value,
	      struct value_error *error)
{
	size_t i;

	if (value == NULL)
		return true;
	for (i = 0; demand->accepted[i] != NULL; i++)
		if (strcmp(value, demand->accepted[i]) == 0)
			return true;
	return value_fail(error, "%s: %s", demand->keyword, demand->refusal);
}

static bool
check_demands(const PQconninfoOption *options, struct value_error *error)
{
	const char *rootcert = option_value(options, "sslrootcert");
	size_t i;

	for (i = 0; i < sizeof(demands) / sizeof(demands[0]); i++)
		if (!demand_is_met(&demands[i],
				   option_value(options, demands[i].keyword),
				   error))
			return false;
	/* Since PostgreSQL 16 this implies sslmode=verify-full. */
	if (rootcert != NULL && strcmp(rootcert, "system") == 0)
		return value_fail(error, "sslrootcert: %s", no_tls);
	if (option_value(options, "service") != NULL &&
	    (option_value(options, "port") == NULL ||
	     (option_value(options, "host") == NULL &&
	      option_value(options, "hostaddr") == NULL)))
		return value_fail(error, "service: only `lockstep explain` "
					 "reads service files; give host and "
					 "port too");
	return true;
}

/* The known keyword that somebody who wrote `word` may have meant, or NULL. */
static const char *
nearest_keyword(const char *word)
{
	PQconninfoOption *known = PQconninfoParse("", NULL);
	const PQconninfoOption *option;
	const char *nearest = NULL;
	size_t least = NEAR + 1;

	for (option = known; option != NULL && option->keyword; option++) {
		size_t distance = value_distance(word, option->keyword);
		if (distance < least) {
			least = distance;
			nearest = option->keyword;
		}
	}
	PQconninfoFree(known);
	return nearest;
}

/* What libpq says, which quotes the string, in words that do not. */
static const struct {
	const char *libpq;
	const char *ours;
} reasons[] = {
    {"missing \"=\"", "a keyword without = behind it"},
    {"unterminated quoted string", "a quote that is not closed"},
    {"invalid percent-encoded token", "a % without two hex digits behind it"},
    {"forbidden value %00", "%00, which is not allowed"},
    {"end of string reached", "a [ without ]"},
    {"IPv6 host address may not be empty", "nothing between [ and ]"},
    {"unexpected character", "an unexpected character behind ]"},
    {"extra key/value separator", "a parameter with two ="},
    {"missing key/value separator", "a parameter without ="},
};

static const char *const keyword_reasons[] = {
    "invalid connection option \"", "invalid URI query parameter: \""};

static bool
explain_failure(char *message, struct value_error *error)
{
	const char *nearest;
	char *end = strrchr(message, '"');
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strncmp(message, reasons[i].libpq,
			    strlen(reasons[i].libpq)) == 0)
			return value_fail(error, "not a CONNINFO: %s",
					  reasons[i].ours);
	for (i = 0; i < sizeof(keyword_reasons) / sizeof(*keyword_reasons); i++)
		if (strncmp(message, keyword_reasons[i],
			    strlen(keyword_reasons[i])) == 0)
			break;
	if (i == sizeof(keyword_reasons) / sizeof(*keyword_reasons))
		return value_fail(error, "not a CONNINFO");
	*end = '\0';
	nearest = nearest_keyword(message + strlen(keyword_reasons[i]));
	return value_fail(error, "a keyword that libpq does not know%s%s%s",
			  nearest == NULL ? "" : "; the nearest is \"",
			  nearest == NULL ? "" : nearest,
			  nearest == NULL ? "" : "\"");
}

static size_t
element_count(const char *list)
{
	size_t count = 1;

	for (; list != NULL && *list != '\0'; list++)
		count += *list == ',';
	return count;
}

/* Takes the first element off the comma list; "" when there is none. */
static const char *
element_take(char **list)
{
	const char *element = strsep(list, ",");

	return element == NULL ? "" : element;
}

static bool
add_server(struct endpoint_list *list, const char *host, const char *address,
	   const char *port_text, struct value_error *error)
{
	uint16_t port = DEFAULT_PORT;
	const char *end = "";

	if (*port_text != '\0' &&
	    (!endpoint_read_port(&port, port_text, &end) || *end != '\0'))
		return value_fail(error,
				  "the port of server %zu is not 1 to "
				  "65535",
				  list->count + 1);
	if (*address != '\0' && !endpoint_is_numeric(address))
		return value_fail(error,
				  "the hostaddr of server %zu is not an "
				  "IPv4 or IPv6 address",
				  list->count + 1);
	if (*address != '\0')
		host = address;
	if (*host == '\0')
		host = DEFAULT_SOCKET_DIRECTORY;
	if (endpoint_is_local(host) && !endpoint_is_short_enough(host))
		return value_fail(error,
				  "the socket directory of server %zu "
				  "is longer than the system allows",
				  list->count + 1);
	return endpoint_list_add(list, host, strlen(host), port) ||
	       value_fail_memory(error);
}

/* Takes the option values apart in place. */
static bool
add_servers(struct endpoint_list *list, const PQconninfoOption *options,
	    struct value_error *error)
{
	char *hosts = option_value(options, "host");
	char *addresses = option_value(options, "hostaddr");
	char *ports = option_value(options, "port");
	size_t count = element_count(addresses != NULL ? addresses : hosts);
	size_t port_count = element_count(ports);
	const char *port = element_take(&ports);
	size_t i;

	if (hosts != NULL && element_count(hosts) != count)
		return value_fail(error, "not as many hostaddrs as hosts");
	if (port_count != 1 && port_count != count)
		return value_fail(
		    error, "%zu ports for %zu hosts: one for each, or one",
		    port_count, count);
	for (i = 0; i < count; i++) {
		const char *host = element_take(&hosts);
		const char *address = element_take(&addresses);
		if (!add_server(list, host, address, port, error))
			return false;
		if (port_count > 1)
			port = element_take(&ports);
	}
	return true;
}

bool
conninfo_parse(struct endpoint_list *out, const char *conninfo,
	       struct value_error *error)
{
	struct endpoint_list list = {0};
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &message);
	bool is_good;

	if (options == NULL) {
		if (message == NULL)
			return value_fail_memory(error);
		explain_failure(message, error);
		PQfreemem(message);
		return false;
	}
	is_good =
	    check_demands(options, error) && add_servers(&list, options, error);
	PQconninfoFree(options);
	if (is_good)
		*out = list;
	else
		endpoint_list_clear(&list);
	return is_good;
}
