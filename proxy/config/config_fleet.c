#include "proxy/config/config_fleet.h"

void
config_fleet_check(const struct config *c, const struct origin *fleet,
		   struct mistakes *m)
{
	if (c->fleet != NULL && c->fleet_key_file == NULL)
		mistake_report(m, fleet,
			       "it needs fleet_key_file: the secret that all "
			       "of the fleet share");
}

void
config_fleet_warn(const struct config *c, config_warn *warn, void *arg)
{
	if (c->fleet == NULL && c->fleet_key_file != NULL)
		warn(arg, "fleet_key_file is not read: it is for fleet");
}
