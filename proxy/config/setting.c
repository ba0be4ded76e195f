#include "proxy/config/setting.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config/conninfo.h"
#include "proxy/config/endpoint.h"

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	KB = 1024,
	MB = 1024 * KB,
	LINE_LEN = 78,
};

/* In the order of the enums. */
static const char *const scopes[] = {"off", "drops", "ddl", NULL};
static const char *const policies[] = {"auto", "lock",   "hold",
				       "pass", "reject", NULL};
static const char *const replays[] = {"off", "ddl", "on", NULL};
static const char *const steps[] = {"off", "last", "on", NULL};
static const char *const unparsed[] = {"pass", "hold", "reject", NULL};
static const char *const on_timeouts[] = {"error", "pass", NULL};
static const char *const auth_methods[] = {"pass", "scram", NULL};
static const char *const log_levels[] = {"error", "warning", "info",
					 "debug", "trace",   NULL};
static const char *const log_formats[] = {"text", "json", "otel", NULL};

/* value_parse_word writes these as uint32_t. */
static_assert(sizeof(enum guard_scope) == sizeof(uint32_t), "");
static_assert(sizeof(enum guard_policy) == sizeof(uint32_t), "");
static_assert(sizeof(enum guard_replay) == sizeof(uint32_t), "");
static_assert(sizeof(enum guard_steps) == sizeof(uint32_t), "");
static_assert(sizeof(enum guard_unparsed) == sizeof(uint32_t), "");
static_assert(sizeof(enum guard_on_timeout) == sizeof(uint32_t), "");
static_assert(sizeof(enum log_level) == sizeof(uint32_t), "");
static_assert(sizeof(enum log_format) == sizeof(uint32_t), "");
static_assert(sizeof(enum tls_version) == sizeof(uint32_t), "");
static_assert(sizeof(enum tls_mode) == sizeof(uint32_t), "");
static_assert(sizeof(enum auth_method) == sizeof(uint32_t), "");

#define FIELD(name) .offset = offsetof(struct config, name)
#define GUARD_FIELD(name) .offset = offsetof(struct guard_settings, name)

const struct setting setting_table[] = {
    {"listen", SETTING_LISTEN, .needs_restart = true,
     .preset = "127.0.0.1:7432", .help = "where clients connect: a comma list"},
    {"upstream", SETTING_UPSTREAM, .is_of_file = true, .no_preset = "none",
     .help = "the server: host=... port=... or postgres://..."},
    {"http_listen", SETTING_HTTP_LISTEN, .needs_restart = true,
     .no_preset = "none",
     .help = "where probes and metrics are served by HTTP: a comma list"},
    {"http_admin", SETTING_BOOL, .is_of_file = true, FIELD(http_admin),
     .preset = "off",
     .help = "whether POST /drain and /quitquitquit are obeyed there"},
    {"http_hosts", SETTING_NAMES, .is_of_file = true, FIELD(http_hosts),
     .no_preset = "none",
     .help = "names by which people come to its page: a comma list"},
    {"tls_mode", SETTING_WORD, .is_of_file = true, FIELD(tls.mode),
     .words = tls_mode_names, .preset = "disable",
     .help = "what is asked of clients over TCP"},
    {"tls_cert", SETTING_FILE, .is_of_file = true, FIELD(tls.cert),
     .no_preset = "none",
     .help = "the certificate that clients are shown, with its chain"},
    {"tls_key", SETTING_FILE, .is_of_file = true, FIELD(tls.key),
     .no_preset = "none",
     .help = "its private key, which nobody else may read"},
    {"tls_ca", SETTING_FILE, .is_of_file = true, FIELD(tls.ca),
     .no_preset = "none",
     .help = "the authorities that clients' certificates must come from"},
    {"tls_crl", SETTING_FILE, .is_of_file = true, FIELD(tls.crl),
     .no_preset = "none", .help = "those of them that were revoked"},
    {"tls_min_version", SETTING_WORD, .is_of_file = true,
     FIELD(tls.min_version), .min = TLS_VERSION_1_2,
     .words = &tls_version_names[TLS_VERSION_1_2], .preset = "TLSv1.2",
     .help = "the oldest version that clients may use"},
    {"tls_ciphers", SETTING_TEXT, .is_of_file = true, FIELD(tls.ciphers),
     .preset = TLS_CIPHERS,
     .help = "for TLS 1.2 as OpenSSL has it; TLS_... are suites of 1.3"},
    {"auth", SETTING_WORD, .is_of_file = true, FIELD(auth),
     .words = auth_methods, .preset = "pass",
     .help = "who checks passwords: the server, or Lockstep"},
    {"auth_file", SETTING_FILE, .is_of_file = true, FIELD(auth_file),
     .no_preset = "none",
     .help = "the server's verifiers of its roles: auth = scram, console"},
    {"admin_users", SETTING_NAMES, .is_of_file = true, FIELD(admin_users),
     .no_preset = "none",
     .help = "who may do all in the console, the database lockstep: a list"},
    {"stats_users", SETTING_NAMES, .is_of_file = true, FIELD(stats_users),
     .no_preset = "none", .help = "who may look there: a comma list"},
    {"workers", SETTING_NUMBER, 1, SETTING_WORKERS_MAX, FIELD(workers),
     .needs_restart = true, .no_preset = "one per CPU",
     .help = "threads that relay"},
    {"max_connections", SETTING_NUMBER, 1, 1000000, FIELD(max_connections),
     .preset = "10000", .help = "clients at a time; more are refused"},
    {"max_db_connections", SETTING_NUMBER, 0, 1000000,
     FIELD(max_db_connections), .preset = "0",
     .help = "the same for each database; 0: no limit"},
    {"max_user_connections", SETTING_NUMBER, 0, 1000000,
     FIELD(max_user_connections), .preset = "0",
     .help = "the same for each role; 0: no limit"},
    {"unix_socket_mode", SETTING_MODE, FIELD(unix_socket_mode),
     .needs_restart = true, .preset = "0777",
     .help = "file mode of the Unix sockets in `listen`"},
    {"reuse_port", SETTING_BOOL, FIELD(reuse_port), .needs_restart = true,
     .preset = "off",
     .help = "listen where another Lockstep does, to take over from it"},
    {"allow", SETTING_NETWORKS, .is_of_file = true, FIELD(allow),
     .no_preset = "all", .help = "the networks that clients may come from"},
    {"proxy_protocol_networks", SETTING_NETWORKS, .is_of_file = true,
     FIELD(proxied), .no_preset = "none",
     .help = "load balancers, which say by the PROXY protocol where a client "
	     "is"},
    {"connect_timeout", SETTING_DURATION, 100, HOUR, FIELD(connect_timeout_ms),
     .preset = "10s", .help = "for reaching one address of the upstream"},
    {"upstream_wait", SETTING_DURATION, 0, HOUR, FIELD(upstream_wait_ms),
     .preset = "0ms",
     .help = "how long a login waits while no host of it can be had"},
    {"login_timeout", SETTING_DURATION, 100, HOUR, FIELD(login_timeout_ms),
     .preset = "1min", .help = "from a client's connect to its first prompt"},
    {"drain_timeout", SETTING_DURATION, 0, DAY, FIELD(drain_timeout_ms),
     .preset = "25s", .help = "for sessions to finish after SIGTERM"},
    {"min_drain_time", SETTING_DURATION, 0, HOUR, FIELD(min_drain_time_ms),
     .preset = "0ms",
     .help = "new clients are let in for so long after SIGTERM"},
    {"tcp_keepalives_idle", SETTING_DURATION, 0, 9 * HOUR, FIELD(tcp.idle_ms),
     .preset = "15s",
     .help = "a client silent for so long is asked whether it is there"},
    {"tcp_keepalives_interval", SETTING_DURATION, 0, 9 * HOUR,
     FIELD(tcp.interval_ms), .preset = "5s",
     .help = "and again, as long as no answer comes"},
    {"tcp_keepalives_count", SETTING_NUMBER, 0, TCP_COUNT_MAX, FIELD(tcp.count),
     .preset = "3", .help = "so often; then the client counts as gone"},
    {"tcp_user_timeout", SETTING_DURATION, 0, DAY, FIELD(tcp_user_timeout_ms),
     .needs_restart = true, .preset = "30s",
     .help = "for a client's host to acknowledge what it is sent"},
    {"guard", SETTING_WORD, GUARD_FIELD(scope), .words = scopes,
     .preset = "drops", .help = "the statements that are guarded"},
    {"policy", SETTING_WORD, GUARD_FIELD(policy), .words = policies,
     .preset = "auto", .help = "what is done about a guarded statement"},
    {"lock_order", SETTING_ORDER, GUARD_FIELD(order),
     .preset = "referenced-first",
     .help = "in which order its tables are locked"},
    {"attempt_timeout", SETTING_DURATION, 10, MINUTE,
     GUARD_FIELD(attempt_timeout_ms), .preset = "200ms",
     .help = "for all locks of one attempt"},
    {"hold_timeout", SETTING_DURATION, 10, 7 * DAY,
     GUARD_FIELD(hold_timeout_ms), .preset = "5min",
     .help = "for all attempts and the waiting between them"},
    {"in_transaction_timeout", SETTING_DURATION, 10, HOUR,
     GUARD_FIELD(in_transaction_timeout_ms), .preset = "2s",
     .help = "the same, where the transaction holds strong locks already"},
    {"gate_window", SETTING_DURATION, 10, 10 * SECOND,
     GUARD_FIELD(gate_window_ms), .preset = "300ms",
     .help = "how long new transactions wait for a statement to get through"},
    {"gate_transaction", SETTING_DURATION, 0, 5 * MINUTE,
     GUARD_FIELD(gate_transaction_ms), .preset = "5s",
     .help = "the same while a transaction keeps the locks of its DDL"},
    {"replay", SETTING_WORD, GUARD_FIELD(replay), .words = replays,
     .preset = "ddl",
     .help = "transactions that are started over, unseen, for their locks"},
    {"on_timeout", SETTING_WORD, GUARD_FIELD(on_timeout), .words = on_timeouts,
     .preset = "error",
     .help = "then: an error, or the statement goes unprotected"},
    {"drop_in_steps", SETTING_WORD, GUARD_FIELD(steps), .words = steps,
     .preset = "off",
     .help = "foreign keys go before a drop, one by one, and stay gone"},
    {"guard_single_table", SETTING_BOOL, GUARD_FIELD(guard_single_table),
     .preset = "off", .help = "guard what locks only one table, too"},
    {"memory", SETTING_BOOL, GUARD_FIELD(has_memory), .preset = "on",
     .help = "lock at once what such a transaction went on to lock before"},
    {"optimistic", SETTING_BOOL, GUARD_FIELD(is_optimistic), .preset = "on",
     .help = "run at once what nobody is in the way of, and plan the rest"},
    {"unparsed", SETTING_WORD, GUARD_FIELD(unparsed), .words = unparsed,
     .preset = "hold",
     .help = "DDL that the grammar here does not know, and the server does"},
    {"parse_limit", SETTING_SIZE, KB, STATEMENT_PARSE_BYTES_MAX,
     FIELD(parse_limit_bytes), .preset = "16kB",
     .help = "a longer statement is not parsed, and passes"},
    {"query_limit", SETTING_SIZE, 64 * KB, STATEMENT_TEXT_BYTES_MAX,
     FIELD(query_limit_bytes), .preset = "1MB",
     .help = "a larger message is not looked at, and passes"},
    {"fleet", SETTING_CLIENT, FIELD(fleet), .needs_restart = true,
     .no_preset = "none",
     .help = "the database by which Locksteps tell one another of windows"},
    {"fleet_key_file", SETTING_FILE, FIELD(fleet_key_file),
     .needs_restart = true, .no_preset = "none",
     .help = "the secret that all of them share"},
    {"rescue", SETTING_BOOL, FIELD(rescue), .needs_restart = true,
     .preset = "on",
     .help = "windows for DDL that is found waiting in the server, too"},
    {"core_dumps", SETTING_BOOL, FIELD(core_dumps), .needs_restart = true,
     .preset = "off",
     .help = "whether its memory, keys included, may be dumped and traced"},
    {"log_level", SETTING_WORD, FIELD(log_level), .words = log_levels,
     .preset = "info", .help = "the least important lines that are logged"},
    {"log_format", SETTING_WORD, FIELD(log_format), .words = log_formats,
     .needs_restart = true, .preset = "text",
     .help = "how they are written; otel: JSON, too"},
    {"log_file", SETTING_FILE, FIELD(log_file), .needs_restart = true,
     .no_preset = "none",
     .help = "where they are written; none: to standard error"},
    {"log_repeats", SETTING_NUMBER, 0, 1000000, FIELD(log_repeats),
     .preset = "10",
     .help = "lines of a kind in 10 s that anybody can cause; 0: no limit"},
};

static_assert(sizeof(setting_table) / sizeof(setting_table[0]) == SETTING_COUNT,
	      "setting.h has their number");

static bool
setting_store_listen(struct config *c, const char *text,
		     struct value_error *error)
{
	struct endpoint_list old = {c->listen, c->listen_count};
	struct endpoint_list list;

	if (!endpoint_list_parse(&list, text, error))
		return false;
	endpoint_list_clear(&old);
	c->listen = list.items;
	c->listen_count = list.count;
	return true;
}

static bool
setting_store_http_listen(struct config *c, const char *text,
			  struct value_error *error)
{
	struct endpoint_list list;
	size_t i;

	if (!endpoint_list_parse(&list, text, error))
		return false;
	for (i = 0; i < list.count; i++) {
		if (!endpoint_is_local(list.items[i].host))
			continue;
		endpoint_list_clear(&list);
		return value_fail(error, "HTTP is served by TCP only");
	}
	endpoint_list_clear(&c->http_listen);
	c->http_listen = list;
	return true;
}

static bool
setting_store_upstream(struct config *c, const char *text,
		       struct value_error *error)
{
	struct conninfo old = {
	    .servers = {c->upstream, c->upstream_count},
	    .tls = c->upstream_tls,
	    .text = c->upstream_conninfo,
	};
	struct conninfo new;

	if (!conninfo_parse(&new, text, error))
		return false;
	conninfo_clear(&old);
	c->upstream = new.servers.items;
	c->upstream_count = new.servers.count;
	c->upstream_tls = new.tls;
	c->upstream_hosts = new.hosts;
	c->upstream_tcp = new.tcp;
	c->upstream_connect_timeout_ms = new.connect_timeout_ms;
	c->upstream_conninfo = new.text;
	return true;
}

static bool
setting_store_text(char **field, const char *text, struct value_error *error)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return value_fail_memory(error);
	free(*field);
	*field = copy;
	return true;
}

static bool
setting_store_client(char **field, const char *text, struct value_error *error)
{
	char *old = *field;

	if (!conninfo_copy_client(field, text, error))
		return false;
	conninfo_wipe(old);
	return true;
}

static bool
setting_store_order(struct lock_order *order, const char *text,
		    struct value_error *error)
{
	struct lock_order new = {.kind = LOCK_ORDER_LIST};

	if (strcmp(text, "referenced-first") == 0)
		new.kind = LOCK_ORDER_REFERENCED_FIRST;
	else if (strcmp(text, "dependents-first") == 0)
		new.kind = LOCK_ORDER_DEPENDENTS_FIRST;
	else if (!value_parse_tables(&new.names, &new.name_count, text, error))
		return false;
	settings_clear_order(order);
	*order = new;
	return true;
}

static bool
setting_store_word(uint32_t *field, const struct setting *s, const char *text,
		   struct value_error *error)
{
	uint32_t index;

	if (!value_parse_word(&index, text, s->words, error))
		return false;
	*field = s->min + index;
	return true;
}

static bool
setting_store_names(struct name_list *names, const char *text,
		    struct value_error *error)
{
	struct name_list new = {.count = 0};

	if (text[0] != '\0' &&
	    !value_parse_list(&new.items, &new.count, text, error))
		return false;
	value_free_list(names->items, names->count);
	*names = new;
	return true;
}

static bool
setting_store_networks(struct network_list *field, const char *text,
		       struct value_error *error)
{
	struct network_list new;

	if (!network_list_parse(&new, text, error))
		return false;
	network_list_clear(field);
	*field = new;
	return true;
}

enum value_unit_kind
setting_unit(const struct setting *s)
{
	if (s->kind == SETTING_DURATION)
		return VALUE_DURATION;
	return s->kind == SETTING_SIZE ? VALUE_SIZE : VALUE_PLAIN;
}

/* Store a setting that has one field. */
static bool
setting_store_field(void *field, const struct setting *s, const char *text,
		    struct value_error *error)
{
	switch (s->kind) {
	case SETTING_NUMBER:
	case SETTING_DURATION:
	case SETTING_SIZE:
		return value_parse_number(field, text, setting_unit(s), s->min,
					  s->max, error);
	case SETTING_BOOL:
		return value_parse_bool(field, text, error);
	case SETTING_WORD:
		return setting_store_word(field, s, text, error);
	case SETTING_MODE:
		return value_parse_mode(field, text, error);
	case SETTING_TEXT:
	case SETTING_FILE:
		return setting_store_text(field, text, error);
	case SETTING_CLIENT:
		return setting_store_client(field, text, error);
	case SETTING_ORDER:
		return setting_store_order(field, text, error);
	case SETTING_NAMES:
		return setting_store_names(field, text, error);
	case SETTING_NETWORKS:
		return setting_store_networks(field, text, error);
	case SETTING_LISTEN:
	case SETTING_HTTP_LISTEN:
	case SETTING_UPSTREAM:
		break;
	}
	assert(false && "it has more than one field");
	return false;
}

bool
setting_is_guard(const struct setting *s)
{
	return s >= setting_of_guard(0) &&
	       s < setting_of_guard(0) + GUARD_SETTING_COUNT;
}

const struct setting *
setting_of_guard(enum guard_setting id)
{
	return &setting_table[SETTING_GUARD_FIRST + id];
}

bool
setting_store(struct config *c, const struct setting *s, const char *text,
	      struct value_error *error)
{
	if (s->kind == SETTING_LISTEN)
		return setting_store_listen(c, text, error);
	if (s->kind == SETTING_HTTP_LISTEN)
		return setting_store_http_listen(c, text, error);
	if (s->kind == SETTING_UPSTREAM)
		return setting_store_upstream(c, text, error);
	if (setting_is_guard(s))
		return setting_store_field((char *)&c->guard + s->offset, s,
					   text, error);
	return setting_store_field((char *)c + s->offset, s, text, error);
}

bool
setting_store_guard(struct guard_settings *guard, enum guard_setting id,
		    const char *text, struct value_error *error)
{
	const struct setting *s = setting_of_guard(id);

	return setting_store_field((char *)guard + s->offset, s, text, error);
}

const struct setting *
setting_find(const char *name)
{
	size_t i;

	for (i = 0; i < SETTING_COUNT; i++)
		if (strcmp(setting_table[i].name, name) == 0)
			return &setting_table[i];
	return NULL;
}

const char *
setting_nearest(const char *name)
{
	const char *nearest = setting_table[0].name;
	size_t least = SIZE_MAX;
	size_t i;

	for (i = 0; i < SETTING_COUNT; i++) {
		size_t distance = value_distance(name, setting_table[i].name);
		if (distance < least) {
			least = distance;
			nearest = setting_table[i].name;
		}
	}
	return nearest;
}

const char *
setting_preset(const struct setting *s)
{
	return s->preset == NULL ? s->no_preset : s->preset;
}

/* Print the column "allowed". */
static void
setting_describe_allowed(FILE *out, const struct setting *s)
{
	char least[24];
	char most[24];
	size_t i;

	switch (s->kind) {
	case SETTING_NUMBER:
	case SETTING_DURATION:
	case SETTING_SIZE:
		value_format_number(least, sizeof(least), setting_unit(s),
				    s->min);
		value_format_number(most, sizeof(most), setting_unit(s),
				    s->max);
		fprintf(out, "%s to %s", least, most);
		break;
	case SETTING_WORD:
		for (i = 0; s->words[i] != NULL; i++)
			fprintf(out, "%s%s", i == 0 ? "" : ", ", s->words[i]);
		break;
	case SETTING_BOOL:
		fputs("on, off", out);
		break;
	case SETTING_MODE:
		fputs("octal", out);
		break;
	case SETTING_TEXT:
		fputs("a text", out);
		break;
	case SETTING_FILE:
		fputs("a file", out);
		break;
	case SETTING_LISTEN:
		fputs("ADDR:PORT, *:PORT, /DIRECTORY:PORT", out);
		break;
	case SETTING_HTTP_LISTEN:
		fputs("ADDR:PORT, *:PORT", out);
		break;
	case SETTING_UPSTREAM:
	case SETTING_CLIENT:
		fputs("a libpq CONNINFO", out);
		break;
	case SETTING_ORDER:
		fputs("dependents-first, or TABLE,TABLE...", out);
		break;
	case SETTING_NAMES:
		fputs("NAME,NAME...", out);
		break;
	case SETTING_NETWORKS:
		fputs("NETWORK,ADDRESS...", out);
		break;
	}
}

/* Print which settings a reload does not change, in lines. */
static void
setting_describe_restart(FILE *out)
{
	static const char indent[] = "      ";
	size_t len = LINE_LEN;
	const struct setting *s;

	fputs("\nOn SIGHUP the file is read again.  These need a restart:",
	      out);
	for (s = setting_table; s < setting_table + SETTING_COUNT; s++) {
		if (!s->needs_restart)
			continue;
		len += strlen(s->name) + 1;
		if (len > LINE_LEN) {
			fprintf(out, "\n%s", indent);
			len = strlen(indent) + strlen(s->name) + 1;
		}
		fprintf(out, "%s ", s->name);
	}
	fputs("\n", out);
}

void
setting_describe_all(FILE *out)
{
	const struct setting *s;

	fprintf(out, "  %-22s %-16s %s\n", "setting", "default", "allowed");
	for (s = setting_table; s < setting_table + SETTING_COUNT; s++) {
		fprintf(out, "  %-22s %-16s ", s->name, setting_preset(s));
		if (s->words == tls_mode_names) /* too long for the line */
			fputs("\n      ", out);
		setting_describe_allowed(out, s);
		fprintf(out, "\n      %s\n", s->help);
	}
	setting_describe_restart(out);
	fputs("\n"
	      "Those from guard to memory can also be set in a "
	      "[rule] of the\n"
	      "file, and in a session, as in: SET lockstep.policy = 'hold'\n",
	      out);
}
