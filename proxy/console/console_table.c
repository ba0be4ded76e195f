#include "proxy/console/console_table.h"

static const struct console_column help_columns[] = {
    {"command", CONSOLE_TEXT},
    {"help", CONSOLE_TEXT},
};

static const struct console_column version_columns[] = {
    {"version", CONSOLE_TEXT},
};

static const struct console_column config_columns[] = {
    {"key", CONSOLE_TEXT},     {"value", CONSOLE_TEXT},
    {"default", CONSOLE_TEXT}, {"changeable", CONSOLE_TEXT},
    {"source", CONSOLE_TEXT},
};

static const struct console_column state_columns[] = {
    {"key", CONSOLE_TEXT},
    {"value", CONSOLE_TEXT},
};

static const struct console_column clients_columns[] = {
    {"type", CONSOLE_TEXT},         {"user", CONSOLE_TEXT},
    {"database", CONSOLE_TEXT},     {"state", CONSOLE_TEXT},
    {"addr", CONSOLE_TEXT},         {"port", CONSOLE_NUMBER},
    {"connect_time", CONSOLE_TEXT}, {"wait", CONSOLE_NUMBER},
    {"wait_us", CONSOLE_NUMBER},    {"close_needed", CONSOLE_NUMBER},
    {"ptr", CONSOLE_TEXT},          {"link", CONSOLE_TEXT},
    {"remote_pid", CONSOLE_NUMBER}, {"tls", CONSOLE_TEXT},
    {"id", CONSOLE_NUMBER},         {"transaction", CONSOLE_TEXT},
};

static const struct console_column held_columns[] = {
    {"id", CONSOLE_NUMBER},       {"user", CONSOLE_TEXT},
    {"database", CONSOLE_TEXT},   {"application_name", CONSOLE_TEXT},
    {"statement", CONSOLE_TEXT},  {"tables", CONSOLE_TEXT},
    {"policy", CONSOLE_TEXT},     {"state", CONSOLE_TEXT},
    {"held_ms", CONSOLE_NUMBER},  {"left_ms", CONSOLE_NUMBER},
    {"attempts", CONSOLE_NUMBER}, {"waits", CONSOLE_NUMBER},
    {"windows", CONSOLE_NUMBER},  {"gate_ms", CONSOLE_NUMBER},
    {"holders", CONSOLE_NUMBER},  {"holder_pid", CONSOLE_NUMBER},
    {"holder", CONSOLE_TEXT},     {"turn_of", CONSOLE_TEXT},
};

static const struct console_column guarded_columns[] = {
    {"id", CONSOLE_NUMBER},         {"state", CONSOLE_TEXT},
    {"session", CONSOLE_NUMBER},    {"user", CONSOLE_TEXT},
    {"database", CONSOLE_TEXT},     {"application_name", CONSOLE_TEXT},
    {"statement", CONSOLE_TEXT},    {"text", CONSOLE_TEXT},
    {"tables", CONSOLE_TEXT},       {"policy", CONSOLE_TEXT},
    {"outcome", CONSOLE_TEXT},      {"begun", CONSOLE_TEXT},
    {"held_ms", CONSOLE_NUMBER},    {"run_ms", CONSOLE_NUMBER},
    {"attempts", CONSOLE_NUMBER},   {"windows", CONSOLE_NUMBER},
    {"gate_ms", CONSOLE_NUMBER},    {"delayed", CONSOLE_NUMBER},
    {"delayed_ms", CONSOLE_NUMBER}, {"holder_pid", CONSOLE_NUMBER},
    {"holder", CONSOLE_TEXT},       {"result", CONSOLE_TEXT},
};

static const struct console_column windows_columns[] = {
    {"database", CONSOLE_TEXT},  {"maker", CONSOLE_TEXT},
    {"kind", CONSOLE_TEXT},      {"shut_ms", CONSOLE_NUMBER},
    {"left_ms", CONSOLE_NUMBER}, {"delayed", CONSOLE_NUMBER},
};

static const struct console_column stats_columns[] = {
    {"database", CONSOLE_TEXT},          {"total_received", CONSOLE_NUMBER},
    {"total_sent", CONSOLE_NUMBER},      {"total_wait_time", CONSOLE_NUMBER},
    {"total_logins", CONSOLE_NUMBER},    {"total_guarded", CONSOLE_NUMBER},
    {"total_replays", CONSOLE_NUMBER},   {"total_windows", CONSOLE_NUMBER},
    {"total_errors", CONSOLE_NUMBER},    {"total_unjudged", CONSOLE_NUMBER},
    {"total_unplanned", CONSOLE_NUMBER},
};

static const struct console_column totals_columns[] = {
    {"database", CONSOLE_TEXT},
    {"bytes_received", CONSOLE_NUMBER},
    {"bytes_sent", CONSOLE_NUMBER},
    {"wait_time", CONSOLE_NUMBER},
};

static const struct console_column lists_columns[] = {
    {"list", CONSOLE_TEXT},
    {"items", CONSOLE_NUMBER},
};

static const struct console_column pools_columns[] = {
    {"database", CONSOLE_TEXT},     {"user", CONSOLE_TEXT},
    {"cl_active", CONSOLE_NUMBER},  {"cl_waiting", CONSOLE_NUMBER},
    {"sv_active", CONSOLE_NUMBER},  {"sv_idle", CONSOLE_NUMBER},
    {"sv_used", CONSOLE_NUMBER},    {"sv_tested", CONSOLE_NUMBER},
    {"sv_login", CONSOLE_NUMBER},   {"maxwait", CONSOLE_NUMBER},
    {"maxwait_us", CONSOLE_NUMBER}, {"pool_mode", CONSOLE_TEXT},
};

static const struct console_column databases_columns[] = {
    {"name", CONSOLE_TEXT},
    {"host", CONSOLE_TEXT},
    {"port", CONSOLE_NUMBER},
    {"database", CONSOLE_TEXT},
    {"force_user", CONSOLE_TEXT},
    {"pool_size", CONSOLE_NUMBER},
    {"reserve_pool", CONSOLE_NUMBER},
    {"pool_mode", CONSOLE_TEXT},
    {"max_connections", CONSOLE_NUMBER},
    {"current_connections", CONSOLE_NUMBER},
    {"paused", CONSOLE_NUMBER},
    {"disabled", CONSOLE_NUMBER},
};

static const struct console_column fleet_columns[] = {
    {"state", CONSOLE_TEXT},      {"since_ms", CONSOLE_NUMBER},
    {"sent", CONSOLE_NUMBER},     {"heard", CONSOLE_NUMBER},
    {"shut", CONSOLE_NUMBER},     {"refused", CONSOLE_NUMBER},
    {"repeated", CONSOLE_NUMBER}, {"unknown", CONSOLE_NUMBER},
    {"foreign", CONSOLE_NUMBER},
};
static const struct console_column gdesc_columns[] = {
    {"Column", CONSOLE_TEXT},
    {"Type", CONSOLE_TEXT},
};

#define COLUMNS(array) (array), sizeof(array) / sizeof((array)[0])

static const struct {
	const struct console_column *columns;
	size_t count;
} columns_of[CONSOLE_TABLES] = {
    [CONSOLE_HELP] = {COLUMNS(help_columns)},
    [CONSOLE_VERSION] = {COLUMNS(version_columns)},
    [CONSOLE_CONFIG] = {COLUMNS(config_columns)},
    [CONSOLE_STATE] = {COLUMNS(state_columns)},
    [CONSOLE_CLIENTS] = {COLUMNS(clients_columns)},
    [CONSOLE_SERVERS] = {COLUMNS(clients_columns)},
    [CONSOLE_HELD] = {COLUMNS(held_columns)},
    [CONSOLE_GUARDED] = {COLUMNS(guarded_columns)},
    [CONSOLE_WINDOWS] = {COLUMNS(windows_columns)},
    [CONSOLE_STATS] = {COLUMNS(stats_columns)},
    [CONSOLE_STATS_TOTALS] = {COLUMNS(totals_columns)},
    [CONSOLE_LISTS] = {COLUMNS(lists_columns)},
    [CONSOLE_POOLS] = {COLUMNS(pools_columns)},
    [CONSOLE_DATABASES] = {COLUMNS(databases_columns)},
    [CONSOLE_FLEET] = {COLUMNS(fleet_columns)},
    [CONSOLE_GDESC] = {COLUMNS(gdesc_columns)},
};

static const struct {
	const char *name;
	const char *help;
	enum console_source source;
} tables[CONSOLE_TABLES] = {
#define X(constant, name, source, help)                                        \
	[CONSOLE_##constant] = {name, help, CONSOLE_##source},
    CONSOLE_TABLE_LIST(X)
#undef X
};

const char *
console_table_name(enum console_table t)
{
	return tables[t].name;
}

const char *
console_table_help(enum console_table t)
{
	return tables[t].help;
}

enum console_source
console_table_source(enum console_table t)
{
	return tables[t].source;
}

const struct console_column *
console_table_columns(enum console_table t, size_t *count)
{
	*count = columns_of[t].count;
	return columns_of[t].columns;
}
