#include "proxy/config/config_tls.h"

#include "proxy/config/endpoint.h"

static bool
config_tls_reaches_by_tcp(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->upstream_count; i++)
		if (!endpoint_is_local(c->upstream[i].host))
			return true;
	return false;
}

/* As far as is known before a server has answered. */
static bool
config_tls_may_encrypt_upstream(const struct config *c)
{
	return c->upstream_tls.mode != TLS_DISABLE &&
	       config_tls_reaches_by_tcp(c);
}

static void
config_tls_check_clients(const struct config *c,
			 const struct config_tls_origins *o, struct mistakes *m)
{
	const struct tls_settings *s = &c->tls;

	if (s->mode != TLS_DISABLE && s->cert == NULL && s->key == NULL)
		mistake_report(
		    m, o->tls_mode,
		    "any but \"disable\" needs tls_cert and tls_key");
	else if (s->cert == NULL && s->key != NULL)
		mistake_report(m, o->tls_key, "it needs tls_cert, too");
	else if (s->cert != NULL && s->key == NULL)
		mistake_report(m, o->tls_cert, "it needs tls_key, too");
	if (s->mode >= TLS_VERIFY_CA && s->ca == NULL)
		mistake_report(m, o->tls_mode,
			       "\"verify-ca\" and \"verify-full\" need tls_ca: "
			       "the authority of the clients' certificates");
	if (s->crl != NULL && s->ca == NULL)
		mistake_report(m, o->tls_crl,
			       "without tls_ca there is nothing to be revoked");
}

static void
config_tls_check_binding(const struct config *c,
			 const struct config_tls_origins *o, struct mistakes *m)
{
	if (c->upstream_tls.channel_binding != CHANNEL_BINDING_REQUIRE ||
	    c->upstream_count == 0)
		return;
	if (!config_tls_may_encrypt_upstream(c))
		mistake_report(m, o->upstream,
			       "channel_binding=require needs TLS to the "
			       "server: sslmode=require or more, over TCP");
	else if (c->auth == AUTH_PASS && c->tls.mode == TLS_DISABLE)
		mistake_report(m, o->upstream,
			       "channel_binding=require cannot be met by "
			       "clients without TLS: set auth = scram and "
			       "auth_file, so that Lockstep logs in itself");
}

void
config_tls_check(const struct config *c,
		 const struct config_tls_origins *origins, struct mistakes *m)
{
	config_tls_check_clients(c, origins, m);
	config_tls_check_binding(c, origins, m);
	if (c->auth == AUTH_SCRAM && c->auth_file == NULL)
		mistake_report(m, origins->auth,
			       "\"scram\" needs auth_file: the verifiers of "
			       "the server's roles");
}

static bool
config_tls_listens_locally(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->listen_count; i++)
		if (endpoint_is_local(c->listen[i].host))
			return true;
	return false;
}

static bool
config_tls_may_bind_in_vain(const struct config *c)
{
	return c->auth == AUTH_PASS && c->tls.mode != TLS_DISABLE &&
	       config_tls_may_encrypt_upstream(c);
}

static bool
config_tls_may_lend_certificate(const struct config *c)
{
	return c->upstream_tls.cert != NULL && c->auth == AUTH_PASS &&
	       (c->tls.mode != TLS_VERIFY_FULL ||
		config_tls_listens_locally(c));
}

static bool
config_tls_may_be_downgraded(const struct tls_settings *s)
{
	return s->ca != NULL && (s->mode == TLS_ALLOW || s->mode == TLS_PREFER);
}

void
config_tls_warn(const struct config *c, config_warn *warn, void *arg)
{
	const struct {
		bool is_so;
		const char *text;
	} warnings[] = {
	    {config_tls_may_bind_in_vain(c),
	     "TLS on both legs: where the server asks for SCRAM, clients that "
	     "bind it to the channel (libpq does) can log in only if tls_cert "
	     "is the server's own certificate; else set auth = scram and "
	     "auth_file, or sslmode=disable in upstream, or have clients use "
	     "channel_binding=disable"},
	    {config_tls_may_lend_certificate(c),
	     "upstream has an sslcert: where the server logs in by "
	     "certificate, everybody who can connect to Lockstep is let in by "
	     "this one; with tls_mode = verify-full clients must show one of "
	     "their own, but over Unix sockets"},
	    {config_tls_may_be_downgraded(&c->upstream_tls),
	     "upstream has an sslrootcert: with sslmode below require a server "
	     "that cannot be verified is used in clear; set "
	     "sslmode=verify-full"},
	    {c->tls.mode == TLS_DISABLE && c->tls.cert != NULL,
	     "tls_cert is not read: tls_mode is disable"},
	    {c->auth == AUTH_PASS && c->auth_file != NULL &&
		 !config_has_console(c),
	     "auth_file is not read: it is for auth = scram, and for the "
	     "console"},
	};
	size_t i;

	for (i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++)
		if (warnings[i].is_so)
			warn(arg, warnings[i].text);
}
