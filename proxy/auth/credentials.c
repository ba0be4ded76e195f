#include "proxy/auth/credentials.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/tls/digest.h"

struct credentials_store {
	pthread_mutex_t lock;
	struct credentials *current; /* guarded by lock */
};

static void
credentials_free(struct credentials *c)
{
	if (c->base == NULL) {
		tls_context_release(c->clients);
		tls_context_release(c->server);
		auth_file_free(c->auth_file);
		console_access_free(c->console);
	}
	credentials_release(c->base);
	generation_release(c->generation);
	explicit_bzero(&c->mock, sizeof(c->mock));
	free(c);
}

/* Make the context for clients.  False: why is a line on `errors`. */
static bool
credentials_load_clients(struct credentials *out, const struct config *c,
			 FILE *errors)
{
	char why[TLS_WHY_MAX];

	if (c->tls.mode == TLS_DISABLE)
		return true;
	out->clients = tls_context_for_clients(&c->tls, why);
	if (out->clients == NULL) {
		fprintf(errors, "TLS with clients: %s\n", why);
		return false;
	}
	out->binding =
	    span_of(out->binding_bytes,
		    tls_context_binding(out->clients, out->binding_bytes));
	return true;
}

static bool
credentials_load_server(struct credentials *out, const struct config *c,
			FILE *errors)
{
	char why[TLS_WHY_MAX];

	if (c->upstream_tls.mode == TLS_DISABLE || c->upstream_count == 0)
		return true;
	out->server = tls_context_for_server(&c->upstream_tls, why);
	if (out->server == NULL)
		fprintf(errors, "upstream: %s\n", why);
	return out->server != NULL;
}

static bool
credentials_load_auth_file(struct credentials *out, const struct config *c,
			   FILE *errors)
{
	bool is_wanted = c->auth == AUTH_SCRAM ||
			 (config_has_console(c) && c->auth_file != NULL);

	if (!is_wanted)
		return true;
	out->auth_file = auth_file_read(c->auth_file, errors);
	if (out->auth_file == NULL)
		return false;
	out->mock.iterations = auth_file_iterations(out->auth_file);
	return true;
}

/* Look up who may use the console, if anybody may. */
static bool
credentials_load_console(struct credentials *out, const struct config *c,
			 const struct credentials *old, FILE *errors)
{
	const struct console_access *known = old == NULL ? NULL : old->console;

	if (!config_has_console(c))
		return true;
	out->console = console_access_new(c, known, errors);
	if (out->console == NULL)
		fputs("out of memory\n", errors);
	return out->console != NULL;
}

/*
 * The same after a restart, and in another proxy with the same private key, or
 * the salts of roles that do not exist would change and those of others not.
 */
static bool
credentials_make_mock_key(struct credentials *out)
{
	if (out->clients != NULL &&
	    tls_context_secret(out->clients, out->mock.key))
		return true;
	return digest_random(out->mock.key, sizeof(out->mock.key));
}

struct credentials *
credentials_load(struct generation *g, FILE *errors)
{
	return credentials_reload(g, NULL, errors);
}

struct credentials *
credentials_reload(struct generation *g, const struct credentials *old,
		   FILE *errors)
{
	const struct config *c = g->config;
	struct credentials *out = calloc(1, sizeof(*out));
	bool is_good;

	if (out == NULL) {
		fputs("out of memory\n", errors);
		return NULL;
	}
	atomic_init(&out->uses, 1);
	out->generation = generation_use(g);
	is_good = credentials_load_clients(out, c, errors);
	is_good = credentials_load_server(out, c, errors) && is_good;
	is_good = credentials_load_auth_file(out, c, errors) && is_good;
	is_good = credentials_load_console(out, c, old, errors) && is_good;
	if (is_good && credentials_make_mock_key(out))
		return out;
	if (is_good)
		fputs("no random bytes are to be had\n", errors);
	credentials_release(out);
	return NULL;
}

/* Take one more use, from any thread; returns c. */
static struct credentials *
credentials_use(struct credentials *c)
{
	atomic_fetch_add(&c->uses, 1);
	return c;
}

struct credentials *
credentials_for_generation(struct generation *g, struct credentials *old)
{
	struct credentials *base = old->base == NULL ? old : old->base;
	struct credentials *out = calloc(1, sizeof(*out));

	if (out == NULL)
		return NULL;
	atomic_init(&out->uses, 1);
	out->clients = base->clients;
	out->server = base->server;
	out->auth_file = base->auth_file;
	out->console = base->console;
	out->binding = base->binding; /* the base has its bytes */
	out->mock = old->mock;
	out->generation = generation_use(g);
	out->base = credentials_use(base);
	return out;
}

void
credentials_release(struct credentials *c)
{
	if (c != NULL && atomic_fetch_sub(&c->uses, 1) == 1)
		credentials_free(c);
}

struct credentials_store *
credentials_store_new(struct credentials *taken)
{
	struct credentials_store *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		credentials_release(taken);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	s->current = taken;
	return s;
}

void
credentials_store_free(struct credentials_store *s)
{
	if (s == NULL)
		return;
	credentials_release(s->current);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void
credentials_store_replace(struct credentials_store *s,
			  struct credentials *taken)
{
	struct credentials *old;

	pthread_mutex_lock(&s->lock);
	old = s->current;
	/* Whoever asked about a role before gets the same answer. */
	memcpy(taken->mock.key, old->mock.key, sizeof(taken->mock.key));
	s->current = taken;
	pthread_mutex_unlock(&s->lock);
	credentials_release(old);
}

struct credentials *
credentials_store_use(struct credentials_store *s)
{
	struct credentials *c;

	pthread_mutex_lock(&s->lock);
	c = credentials_use(s->current);
	pthread_mutex_unlock(&s->lock);
	return c;
}
