#include "proxy/server/reload.h"

#include <errno.h>
#include <string.h>

#include "proxy/auth/credentials.h"
#include "proxy/base/log.h"
#include "proxy/base/log_sink.h"
#include "proxy/server/secrets.h"

static void
reload_credentials(struct daemon *d)
{
	struct credentials *fresh =
	    secrets_load_credentials(d->config, secrets_log, "not reloaded: ");

	if (fresh == NULL)
		return;
	credentials_store_replace(d->credentials, fresh);
	log_line(LOG_INFO, "certificates, keys and auth_file are reloaded");
}

static void
reload_fleet_key(const struct daemon *d, struct fleet *fleet)
{
	struct fleet_key *fresh;

	if (fleet == NULL)
		return;
	fresh =
	    secrets_load_fleet_key(d->config, secrets_log, "not reloaded: ");
	if (fresh == NULL)
		return;
	fleet_replace_key(fleet, fresh);
	log_line(LOG_INFO, "fleet_key_file is reloaded");
}

static void
reload_log_file(void)
{
	if (!log_sink_reopen())
		log_line(LOG_ERROR, "not reloaded: log_file: %s",
			 strerror(errno));
}

void
reload_files(struct daemon *d, struct fleet *fleet)
{
	reload_log_file();
	reload_fleet_key(d, fleet);
	reload_credentials(d);
}
