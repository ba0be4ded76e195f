/*
 * tls_ticket.c - the sessions that servers let us resume, one for each name.
 *
 * OpenSSL writes into a session while it is in use, so each connection gets a
 * copy: what becomes of one is nothing to the others, or to their threads.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/tls/tls_openssl.h"

SSL_SESSION *
tls_ticket_find(struct tls_context *c, const char *server_name)
{
	SSL_SESSION *found = NULL;
	struct tls_ticket *t;

	pthread_mutex_lock(&c->lock);
	for (t = c->tickets; t != NULL && found == NULL; t = t->next)
		if (strcmp(t->server_name, server_name) == 0)
			found = SSL_SESSION_dup(t->session);
	pthread_mutex_unlock(&c->lock);
	return found;
}

static struct tls_ticket *
tls_ticket_for(struct tls_context *c, const char *server_name)
{
	struct tls_ticket *t;
	size_t size = strlen(server_name) + 1;

	for (t = c->tickets; t != NULL; t = t->next)
		if (strcmp(t->server_name, server_name) == 0)
			return t;
	t = calloc(1, sizeof(*t) + size);
	if (t == NULL)
		return NULL;
	memcpy(t->server_name, server_name, size);
	t->next = c->tickets;
	c->tickets = t;
	return t;
}

void
tls_ticket_keep(struct tls_context *c, const char *server_name,
		SSL_SESSION *session)
{
	SSL_SESSION *old = session;
	struct tls_ticket *t;

	pthread_mutex_lock(&c->lock);
	t = tls_ticket_for(c, server_name);
	if (t != NULL) {
		old = t->session;
		t->session = session;
	}
	pthread_mutex_unlock(&c->lock);
	SSL_SESSION_free(old); /* accepts NULL */
}

void
tls_tickets_clear(struct tls_context *c)
{
	while (c->tickets != NULL) {
		struct tls_ticket *t = c->tickets;

		c->tickets = t->next;
		SSL_SESSION_free(t->session);
		free(t);
	}
}
