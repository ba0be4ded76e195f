/*
 * config_tls.h - whether what is set about TLS and authentication on the two
 * legs goes together.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONFIG_TLS_H
#define LOCKSTEP_PROXY_CONFIG_CONFIG_TLS_H

#include "proxy/config/config.h"
#include "proxy/config/mistake.h"

/* Where the settings stand that can be wrong together; borrowed. */
struct config_tls_origins {
	const struct origin *tls_mode;
	const struct origin *tls_cert;
	const struct origin *tls_key;
	const struct origin *tls_crl;
	const struct origin *auth;
	const struct origin *upstream;
};

/* Add a mistake to *m for each combination that cannot work. */
void config_tls_check(const struct config *c,
		      const struct config_tls_origins *origins,
		      struct mistakes *m);

/* text: one line for people, without a newline. */
typedef void config_warn(void *arg, const char *text);

/* Call warn, text static, for each combination that works for some clients
 * and not for others, or for too many. */
void config_tls_warn(const struct config *c, config_warn *warn, void *arg);

#endif
