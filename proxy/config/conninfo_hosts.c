#include "proxy/config/conninfo_hosts.h"

#include <assert.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "proxy/config/conninfo_tls.h"

const char *const session_attrs_names[] = {
    "any",     "read-write",     "read-only", "primary",
    "standby", "prefer-standby", NULL};

/* conninfo_read_word writes it as uint32_t. */
static_assert(sizeof(enum session_attrs) == sizeof(uint32_t), "");

bool
conninfo_hosts_read(struct hosts_settings *out, const PQconninfoOption *options,
		    struct value_error *error)
{
	static const char keyword[] = "target_session_attrs";
	struct hosts_settings s = {.attrs = SESSION_ATTRS_ANY};

	if (!conninfo_read_word(&s.attrs, keyword,
				conninfo_option(options, keyword),
				session_attrs_names, error))
		return false;
	*out = s;
	return true;
}
