#include "proxy/config/config.h"

#include <stdlib.h>

#include "proxy/config/conninfo.h"
#include "proxy/config/value.h"

uint32_t
config_connect_timeout_ms(const struct config *config)
{
	if (config->upstream_connect_timeout_ms > 0)
		return config->upstream_connect_timeout_ms;
	return config->connect_timeout_ms;
}

bool
config_has_console(const struct config *config)
{
	return config->admin_users.count + config->stats_users.count > 0;
}

bool
config_has_tls(const struct config *config)
{
	return config->tls.mode != TLS_DISABLE ||
	       config->upstream_tls.mode != TLS_DISABLE;
}

void
config_free(struct config *config)
{
	struct endpoint_list listen;
	struct conninfo upstream;

	if (config == NULL)
		return;
	listen = (struct endpoint_list){config->listen, config->listen_count};
	upstream = (struct conninfo){
	    .servers = {config->upstream, config->upstream_count},
	    .tls = config->upstream_tls,
	    .text = config->upstream_conninfo,
	};
	endpoint_list_clear(&listen);
	conninfo_clear(&upstream);
	endpoint_list_clear(&config->http_listen);
	value_free_list(config->http_hosts.items, config->http_hosts.count);
	tls_settings_clear(&config->tls);
	free(config->auth_file);
	value_free_list(config->admin_users.items, config->admin_users.count);
	value_free_list(config->stats_users.items, config->stats_users.count);
	network_list_clear(&config->allow);
	network_list_clear(&config->proxied);
	free(config->log_file);
	conninfo_wipe(config->fleet);
	free(config->fleet_key_file);
	settings_clear_order(&config->guard.order);
	while (config->rule_count > 0)
		rule_clear(&config->rules[--config->rule_count]);
	free(config->rules);
	config_text_clear(&config->text);
	free(config);
}
