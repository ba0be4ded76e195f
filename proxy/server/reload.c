#include "proxy/server/reload.h"

#include <errno.h>
#include <string.h>

#include "proxy/auth/credentials.h"
#include "proxy/base/log.h"
#include "proxy/base/log_sink.h"
#include "proxy/server/secrets.h"

static bool
reload_credentials(struct daemon *d)
{
	struct credentials *fresh =
	    secrets_load_credentials(d->config, secrets_log, "not reloaded: ");

	if (fresh == NULL)
		return false;
	credentials_store_replace(d->credentials, fresh);
	log_line(LOG_INFO, "certificates, keys and auth_file are reloaded");
	return true;
}

static bool
reload_fleet_key(const struct daemon *d, struct fleet *fleet)
{
	struct fleet_key *fresh;

	if (fleet == NULL)
		return true;
	fresh =
	    secrets_load_fleet_key(d->config, secrets_log, "not reloaded: ");
	if (fresh == NULL)
		return false;
	fleet_replace_key(fleet, fresh);
	log_line(LOG_INFO, "fleet_key_file is reloaded");
	return true;
}

static bool
reload_log_file(void)
{
	if (log_sink_reopen())
		return true;
	log_line(LOG_ERROR, "not reloaded: log_file: %s", strerror(errno));
	return false;
}

bool
reload_files(struct daemon *d, struct fleet *fleet)
{
	bool is_good = reload_log_file();

	is_good = reload_fleet_key(d, fleet) && is_good;
	return reload_credentials(d) && is_good;
}
