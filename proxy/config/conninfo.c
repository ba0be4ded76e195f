#include "proxy/config/conninfo.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "proxy/config/conninfo_hosts.h"
#include "proxy/config/conninfo_keyword.h"
#include "proxy/config/conninfo_tcp.h"
#include "proxy/config/conninfo_tls.h"

/* Debian builds libpq with this one. */
#define DEFAULT_SOCKET_DIRECTORY "/var/run/postgresql"

enum {
	DEFAULT_PORT = 5432,
	NEAR = 2, /* changes of a letter that make a typing mistake */
};

static const char no_check[] = "Lockstep does not check that of a server";

/*
 * Keywords by which a client demands something of its server: the values that
 * a relay can live with, and what is said of the others.
 * Those that the libpq at hand does not know are never found.
 */
static const struct demand {
	const char *keyword;
	const char *accepted[4];
	const char *refusal;
} demands[] = {
    {"gssencmode",
     {"disable", "prefer"},
     "GSS encryption is not supported: it can be disable or prefer"},
    {"requirepeer", {NULL}, no_check},
    {"require_auth", {NULL}, no_check},
    {"sslcertmode",
     {"allow"},
     "the certificate is shown to servers that ask for it: it can be allow"},
};

static bool
conninfo_demand_is_met(const struct demand *demand, const char *value,
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
conninfo_check_demands(const PQconninfoOption *options,
		       struct value_error *error)
{
	size_t i;

	for (i = 0; i < sizeof(demands) / sizeof(demands[0]); i++)
		if (!conninfo_demand_is_met(
			&demands[i],
			conninfo_option(options, demands[i].keyword), error))
			return false;
	if (conninfo_option(options, "service") != NULL &&
	    (conninfo_option(options, "port") == NULL ||
	     (conninfo_option(options, "host") == NULL &&
	      conninfo_option(options, "hostaddr") == NULL)))
		return value_fail(error, "service: only `lockstep explain` "
					 "reads service files; give host and "
					 "port too");
	return true;
}

/* The known keyword that somebody who wrote `word` may have meant, or NULL. */
static const char *
conninfo_nearest_keyword(const char *word)
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

/* libpq's reasons quote the string; these are the same in words that do not. */
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
conninfo_explain_failure(char *message, struct value_error *error)
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
	nearest =
	    conninfo_nearest_keyword(message + strlen(keyword_reasons[i]));
	return value_fail(error, "a keyword that libpq does not know%s%s%s",
			  nearest == NULL ? "" : "; the nearest is \"",
			  nearest == NULL ? "" : nearest,
			  nearest == NULL ? "" : "\"");
}

static size_t
conninfo_element_count(const char *list)
{
	size_t count = 1;

	for (; list != NULL && *list != '\0'; list++)
		count += *list == ',';
	return count;
}

/* Take the first element off the comma list; "" when there is none. */
static const char *
conninfo_element_take(char **list)
{
	const char *element = strsep(list, ",");

	return element == NULL ? "" : element;
}

static bool
conninfo_set_name(struct endpoint *e, const char *name)
{
	if (name != NULL)
		e->name = strdup(name);
	return name == NULL || e->name != NULL;
}

static bool
conninfo_add_server(struct endpoint_list *list, const char *host,
		    const char *address, const char *port_text,
		    struct value_error *error)
{
	uint16_t port = DEFAULT_PORT;
	const char *end = "";
	const char *name = NULL;

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
	if (*host != '\0' && !endpoint_is_local(host))
		name = host;
	if (*address != '\0')
		host = address;
	if (*host == '\0')
		host = DEFAULT_SOCKET_DIRECTORY;
	if (endpoint_is_local(host) && !endpoint_is_short_enough(host))
		return value_fail(error,
				  "the socket directory of server %zu "
				  "is longer than the system allows",
				  list->count + 1);
	return (endpoint_list_add(list, host, strlen(host), port) &&
		conninfo_set_name(&list->items[list->count - 1], name)) ||
	       value_fail_memory(error);
}

/* Take the option values apart in place. */
static bool
conninfo_add_servers(struct endpoint_list *list,
		     const PQconninfoOption *options, struct value_error *error)
{
	char *hosts = conninfo_option(options, "host");
	char *addresses = conninfo_option(options, "hostaddr");
	char *ports = conninfo_option(options, "port");
	size_t count =
	    conninfo_element_count(addresses != NULL ? addresses : hosts);
	size_t port_count = conninfo_element_count(ports);
	const char *port = conninfo_element_take(&ports);
	size_t i;

	if (hosts != NULL && conninfo_element_count(hosts) != count)
		return value_fail(error, "not as many hostaddrs as hosts");
	if (port_count != 1 && port_count != count)
		return value_fail(
		    error, "%zu ports for %zu hosts: one for each, or one",
		    port_count, count);
	for (i = 0; i < count; i++) {
		const char *host = conninfo_element_take(&hosts);
		const char *address = conninfo_element_take(&addresses);
		if (!conninfo_add_server(list, host, address, port, error))
			return false;
		if (port_count > 1)
			port = conninfo_element_take(&ports);
	}
	return true;
}

static bool
conninfo_check_names(const struct conninfo *c, struct value_error *error)
{
	size_t i;

	for (i = 0; i < c->servers.count; i++) {
		const struct endpoint *e = &c->servers.items[i];

		if (c->tls.mode == TLS_VERIFY_FULL && e->name == NULL &&
		    !endpoint_is_local(e->host))
			return value_fail(error,
					  "sslmode: verify-full needs the host "
					  "of server %zu, not its hostaddr "
					  "alone",
					  i + 1);
	}
	return true;
}

/* Values of keywords that are younger than the libpq at hand may be; owned;
 * NULL: it was not given. */
struct young {
	char *negotiation; /* sslnegotiation, of PostgreSQL 17 */
	char *balance;     /* load_balance_hosts, of 16 */
};

static bool
conninfo_read_options(struct conninfo *c, const PQconninfoOption *options,
		      const struct young *young, struct value_error *error)
{
	const char *negotiation = young->negotiation;
	const char *balance = young->balance;

	if (negotiation == NULL)
		negotiation = conninfo_option(options, "sslnegotiation");
	if (balance == NULL)
		balance = conninfo_option(options, "load_balance_hosts");
	return conninfo_check_demands(options, error) &&
	       conninfo_hosts_read(&c->hosts, options, balance, error) &&
	       conninfo_tcp_read(&c->tcp, &c->connect_timeout_ms, options,
				 error) &&
	       conninfo_tls_read(&c->tls, options, negotiation, error) &&
	       conninfo_add_servers(&c->servers, options, error) &&
	       conninfo_check_names(c, error);
}

/* Ask the libpq at hand: older ones know less. */
static bool
conninfo_knows_keyword(const char *keyword)
{
	PQconninfoOption *known = PQconninfoParse("", NULL);
	const PQconninfoOption *option = known;

	bool is_known;

	while (option != NULL && option->keyword != NULL &&
	       strcmp(option->keyword, keyword) != 0)
		option++;
	is_known = option != NULL && option->keyword != NULL;
	PQconninfoFree(known);
	return is_known;
}

/* Take a keyword out of the text that is younger than the libpq at hand. False:
 * out of memory. */
static bool
conninfo_take_young(struct conninfo *c, const char *keyword, char **value)
{
	return conninfo_knows_keyword(keyword) ||
	       conninfo_keyword_take(c->text, keyword, value);
}

static bool
conninfo_read_text(struct conninfo *c, const struct young *young,
		   struct value_error *error)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(c->text, &message);
	bool is_good = false;

	if (options != NULL)
		is_good = conninfo_read_options(c, options, young, error);
	else if (message == NULL)
		value_fail_memory(error);
	else
		conninfo_explain_failure(message, error);
	PQfreemem(message);
	PQconninfoFree(options);
	return is_good;
}

static bool
conninfo_read(struct conninfo *c, struct value_error *error)
{
	struct young young = {NULL, NULL};
	bool is_good = false;

	if (!conninfo_take_young(c, "sslnegotiation", &young.negotiation) ||
	    !conninfo_take_young(c, "load_balance_hosts", &young.balance))
		value_fail_memory(error);
	else
		is_good = conninfo_read_text(c, &young, error);
	free(young.negotiation);
	free(young.balance);
	return is_good;
}

bool
conninfo_parse(struct conninfo *out, const char *text,
	       struct value_error *error)
{
	struct conninfo c = {.text = strdup(text)};

	if (c.text == NULL)
		return value_fail_memory(error);
	if (conninfo_read(&c, error)) {
		*out = c;
		return true;
	}
	conninfo_clear(&c);
	return false;
}

void
conninfo_clear(struct conninfo *c)
{
	endpoint_list_clear(&c->servers);
	tls_settings_clear(&c->tls);
	conninfo_wipe(c->text);
	c->text = NULL;
}

void
conninfo_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

bool
conninfo_copy_client(char **out, const char *text, struct value_error *error)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(text, &message);
	bool is_good = false;
	char *copy;

	if (options == NULL && message == NULL)
		value_fail_memory(error);
	else if (options == NULL)
		conninfo_explain_failure(message, error);
	else if (conninfo_option(options, "dbname") == NULL &&
		 conninfo_option(options, "service") == NULL)
		value_fail(error, "dbname is missing: a database in which "
				  "nobody else notifies");
	else
		is_good = true;
	PQfreemem(message);
	PQconninfoFree(options);
	if (!is_good)
		return false;
	copy = strdup(text);
	if (copy == NULL)
		return value_fail_memory(error);
	*out = copy;
	return true;
}
