/*
 * config.h - one immutable configuration: each setting in force.
 *
 * config_load.h makes it; conf/lockstep.conf says what each setting means.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONFIG_H
#define LOCKSTEP_PROXY_CONFIG_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "policy/guard/rule.h"
#include "policy/guard/settings.h"
#include "proxy/base/log.h"
#include "proxy/config/config_file.h"
#include "proxy/config/endpoint.h"
#include "proxy/config/hosts_settings.h"
#include "proxy/config/network.h"
#include "proxy/config/tcp_settings.h"
#include "proxy/config/tls_settings.h"

/* The side that checks a client's password. */
enum auth_method {
	AUTH_PASS,  /* the server: question and answer pass through */
	AUTH_SCRAM, /* we, by auth_file; then we log in with what we learnt */
};

/* How many settings there may be: each has a bit, and a place below. */
enum {
	CONFIG_SETTINGS_MAX = 64,
};

/* Names, owned, in the order of the setting. */
struct name_list {
	char **items;
	size_t count;
};

/* Each field belongs to the setting of its name, unless another is named. */
struct config {
	struct endpoint *listen; /* default 127.0.0.1:7432; owned */
	size_t listen_count;
	struct endpoint *upstream; /* owned; in the order of the CONNINFO */
	size_t upstream_count;     /* 0: not set, so nothing can be served */
	char *upstream_conninfo;   /* owned, as given, for `explain`, or NULL; a
				      secret may be in it: never logged */
	struct endpoint_list http_listen; /* owned; none by default */
	bool http_admin;                  /* default off */
	struct name_list http_hosts;      /* default none */
	struct tls_settings tls; /* tls_mode to tls_ciphers: clients' */
	struct tls_settings upstream_tls;     /* from the CONNINFO */
	struct hosts_settings upstream_hosts; /* from the CONNINFO */
	struct tcp_settings tcp; /* tcp_keepalives_idle to _count: clients' */
	struct tcp_settings upstream_tcp; /* from the CONNINFO */
	enum auth_method auth;
	char *auth_file;              /* owned, or NULL */
	struct name_list admin_users; /* default none; with stats_users the
					 console's: without any there is none */
	struct name_list stats_users;
	struct network_list allow;   /* clients' networks; default empty: all */
	struct network_list proxied; /* whose connections begin with a PROXY
					header; default empty: none */
	char *fleet;                 /* owned, a CONNINFO, or NULL: there is
					none; a secret as upstream_conninfo */
	char *fleet_key_file;        /* owned, or NULL */
	bool rescue;                 /* default on; needs a fleet */
	uint32_t workers;            /* default: one per CPU, at most 64 */
	uint32_t max_connections;    /* default 10000 */
	uint32_t max_db_connections; /* default 0: no limit of its own */
	uint32_t max_user_connections;        /* likewise */
	uint32_t unix_socket_mode;            /* octal, default 0777 */
	bool reuse_port;                      /* default off */
	uint32_t connect_timeout_ms;          /* default 10s */
	uint32_t upstream_connect_timeout_ms; /* from the CONNINFO; 0: it is
						 connect_timeout_ms */
	uint32_t upstream_wait_ms;            /* default 0: off */
	uint32_t login_timeout_ms;            /* default 60s */
	uint32_t tcp_user_timeout_ms;         /* default 30s; 0: none */
	uint32_t drain_timeout_ms;            /* default 25s */
	uint32_t min_drain_time_ms;           /* default 0 */
	uint32_t parse_limit_bytes;           /* default 16kB */
	uint32_t query_limit_bytes; /* default 1MB: a larger Query or Parse
				       streams unjudged */
	bool core_dumps;            /* default off; on: it can be traced, too */
	enum log_level log_level;
	enum log_format log_format;
	char *log_file;              /* owned, or NULL: standard error */
	uint32_t log_repeats;        /* default 10; 0: no limit */
	struct guard_settings guard; /* guard to memory; where no
					rule and no session says otherwise */
	struct rule *rules;          /* owned; in the order of the file */
	size_t rule_count;
	struct config_text text; /* owned: the file that it was read from */
	/* The enum origin_kind of each setting, by its place in the table. */
	uint8_t origins[CONFIG_SETTINGS_MAX];
	/*
	 * The statements that are looked for: all that any rule or session can
	 * have guarded.  OFF: guard = off, and no rule has another; then the
	 * guard does not exist, and no session can call it.
	 */
	enum guard_scope detect;
	/* The transactions that are recorded: the most that any rule allows to
	 * be replayed; a session may only lower it. */
	enum guard_replay records;
};

/* For one address of the upstream: the CONNINFO's own, or the setting. */
uint32_t config_connect_timeout_ms(const struct config *config);

/* True if somebody may use the console. */
bool config_has_console(const struct config *config);

/* True if clients or the upstream may want TLS. */
bool config_has_tls(const struct config *config);

/* Free it and all that it owns; accepts NULL. */
void config_free(struct config *config);

#endif
