#include "proxy/config/conninfo_tcp.h"

#include <stddef.h>

#include <libpq-fe.h>

#include "proxy/config/conninfo_tls.h"

enum {
	SECOND = 1000,
	CONNECT_SECONDS_MAX = 3600, /* as setting connect_timeout */
	USER_TIMEOUT_MAX = 24 * 3600 * SECOND,
};

/* A keyword whose value is a whole number, in units of `factor`. */
struct number {
	const char *keyword;
	uint32_t *out;
	uint32_t min;
	uint32_t max;
	uint32_t factor;
};

/* Read it; a keyword that is not there leaves it as it is.  The message does
 * not show the value: what a quote tore off may be secret. */
static bool
conninfo_tcp_read_number(const struct number *n, const char *value,
			 struct value_error *error)
{
	struct value_error ignored;
	uint32_t number;

	if (value == NULL)
		return true;
	if (!value_parse_number(&number, value, VALUE_PLAIN, n->min, n->max,
				&ignored))
		return value_fail(error,
				  "%s: expected a whole number, %u to %u",
				  n->keyword, n->min, n->max);
	*n->out = number * n->factor;
	return true;
}

bool
conninfo_tcp_read(struct tcp_settings *out, uint32_t *connect_timeout_ms,
		  const PQconninfoOption *options, struct value_error *error)
{
	struct tcp_settings s = {
	    .idle_ms = TCP_IDLE_MS,
	    .interval_ms = TCP_INTERVAL_MS,
	    .count = TCP_COUNT,
	};
	uint32_t has_keepalives = 1;
	uint32_t connect_ms = 0;
	const struct number all[] = {
	    {"keepalives", &has_keepalives, 0, 1, 1},
	    {"keepalives_idle", &s.idle_ms, 0, TCP_SECONDS_MAX, SECOND},
	    {"keepalives_interval", &s.interval_ms, 0, TCP_SECONDS_MAX, SECOND},
	    {"keepalives_count", &s.count, 0, TCP_COUNT_MAX, 1},
	    {"tcp_user_timeout", &s.user_timeout_ms, 0, USER_TIMEOUT_MAX, 1},
	    {"connect_timeout", &connect_ms, 1, CONNECT_SECONDS_MAX, SECOND},
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!conninfo_tcp_read_number(
			&all[i], conninfo_option(options, all[i].keyword),
			error))
			return false;
	s.is_off = has_keepalives == 0;
	*out = s;
	*connect_timeout_ms = connect_ms;
	return true;
}
