/*
 * conninfo_tls.h - the keywords of a CONNINFO that are about TLS.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONNINFO_TLS_H
#define LOCKSTEP_PROXY_CONFIG_CONNINFO_TLS_H

#include <stdbool.h>

#include "proxy/config/tls_settings.h"
#include "proxy/config/value.h"

/* libpq's: without its header it has no other name. */
struct _PQconninfoOption; /* NOLINT(bugprone-reserved-identifier) */

/* The value of a keyword, borrowed from the options; NULL: not given, or
 * empty, which is the same. */
char *conninfo_option(const struct _PQconninfoOption *options,
		      const char *keyword);

/*
 * Set *out, an enum of 32 bits, to the index of the value among the words, of
 * which NULL is the last; a value of NULL leaves it as it was.  False: it is
 * none of them, and *error names them, without the value: what a quote tore off
 * may be secret.
 */
bool conninfo_read_word(void *out, const char *keyword, const char *value,
			const char *const *words, struct value_error *error);

/*
 * Read the options into *out, which tls_settings_clear takes back.
 * negotiation: the value of sslnegotiation, or NULL.  False: *error says why,
 * *out is as it was.
 */
bool conninfo_tls_read(struct tls_settings *out,
		       const struct _PQconninfoOption *options,
		       const char *negotiation, struct value_error *error);

#endif
