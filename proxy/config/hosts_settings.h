/*
 * hosts_settings.h - which of the upstream's hosts may be a session's.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_HOSTS_SETTINGS_H
#define LOCKSTEP_PROXY_CONFIG_HOSTS_SETTINGS_H

#include <stdbool.h>

/* libpq's target_session_attrs: what a session must be, or its host. */
enum session_attrs {
	SESSION_ATTRS_ANY,
	SESSION_ATTRS_READ_WRITE,
	SESSION_ATTRS_READ_ONLY,
	SESSION_ATTRS_PRIMARY,
	SESSION_ATTRS_STANDBY,
	SESSION_ATTRS_PREFER_STANDBY,
};

enum {
	SESSION_ATTRS_COUNT = SESSION_ATTRS_PREFER_STANDBY + 1,
};

/* In the order of the enum, and NULL. */
extern const char *const session_attrs_names[];

struct hosts_settings {
	enum session_attrs attrs;
	bool is_random; /* load_balance_hosts */
};

#endif
