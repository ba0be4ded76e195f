#include "proxy/config/conninfo_hosts.h"

#include <assert.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "proxy/config/conninfo_tls.h"

const char *const session_attrs_names[] = {
    "any",     "read-write",     "read-only", "primary",
    "standby", "prefer-standby", NULL};

static const char *const balances[] = {"disable", "random", NULL};

/* conninfo_read_word writes it as uint32_t. */
static_assert(sizeof(enum session_attrs) == sizeof(uint32_t), "");

bool
conninfo_hosts_read(struct hosts_settings *out, const PQconninfoOption *options,
		    const char *balance, struct value_error *error)
{
	static const char keyword[] = "target_session_attrs";
	struct hosts_settings s = {.attrs = SESSION_ATTRS_ANY};
	uint32_t is_random = 0;

	if (!conninfo_read_word(&s.attrs, keyword,
				conninfo_option(options, keyword),
				session_attrs_names, error) ||
	    !conninfo_read_word(&is_random, "load_balance_hosts", balance,
				balances, error))
		return false;
	s.is_random = is_random == 1;
	*out = s;
	return true;
}
