/*
 * Any text as a CONNINFO, also with a keyword behind it that older libpqs do
 * not know: servers, or a complaint that shows nothing of the text.
 */
#include "proxy/config/conninfo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Letters of our messages.  The others can only be of the text. */
static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789"
			      "CFGILNOPSTv ,.;:\"%=`[]_-";

static void
check_servers(const struct conninfo *c)
{
	size_t i;

	assert(c->servers.count > 0);
	for (i = 0; i < c->servers.count; i++) {
		const struct endpoint *e = &c->servers.items[i];

		assert(e->host[0] != '\0' && e->port > 0);
		assert(e->name == NULL || e->name[0] != '\0');
		if (endpoint_is_local(e->host))
			assert(endpoint_is_short_enough(e->host));
		else
			assert(c->tls.mode != TLS_VERIFY_FULL ||
			       e->name != NULL);
	}
}

static void
check_tls(const struct tls_settings *s)
{
	assert(s->mode <= TLS_VERIFY_FULL);
	assert(s->mode < TLS_VERIFY_CA || s->ca != NULL);
	assert((s->cert == NULL) == (s->key == NULL));
	assert(!s->is_direct || s->mode >= TLS_REQUIRE);
}

/* What is left for libpq says the same of the servers. */
static void
check_rest(const struct conninfo *c)
{
	struct conninfo again;
	struct value_error error;
	size_t i;

	assert(conninfo_parse(&again, c->text, &error));
	assert(strcmp(again.text, c->text) == 0);
	assert(again.servers.count == c->servers.count);
	for (i = 0; i < c->servers.count; i++)
		assert(strcmp(again.servers.items[i].host,
			      c->servers.items[i].host) == 0);
	assert(again.tls.mode == c->tls.mode);
	conninfo_clear(&again);
}

static void
check(const char *text)
{
	struct conninfo c;
	struct value_error error = {.text = ""};

	if (!conninfo_parse(&c, text, &error)) {
		assert(error.text[0] != '\0');
		assert(error.text[strspn(error.text, letters)] == '\0');
		return;
	}
	check_servers(&c);
	check_tls(&c.tls);
	check_rest(&c);
	conninfo_clear(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const ends[] = {
	    "", " sslnegotiation=direct sslmode=require",
	    "&sslnegotiation=postgres"};
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end_size = strlen(ends[i]) + 1;
		char *text = malloc(size + end_size);

		if (text == NULL)
			abort();
		if (size > 0)
			memcpy(text, data, size);
		memcpy(text + size, ends[i], end_size);
		check(text);
		free(text);
	}
	return 0;
}
