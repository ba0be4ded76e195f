#include "proxy/config/tls_settings.h"

#include <stdlib.h>
#include <string.h>

const char *const tls_mode_names[] = {
    "disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL};
const char *const tls_version_names[] = {"",        "TLSv1",   "TLSv1.1",
					 "TLSv1.2", "TLSv1.3", NULL};

void
tls_settings_clear(struct tls_settings *s)
{
	free(s->cert);
	free(s->key);
	free(s->ca);
	free(s->crl);
	free(s->ciphers);
	free(s->crl_dir);
	if (s->key_password != NULL)
		explicit_bzero(s->key_password, strlen(s->key_password));
	free(s->key_password);
	memset(s, 0, sizeof(*s));
}
