#include "proxy/console/console_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proxy/base/clock.h"
#include "proxy/config/generation.h"
#include "proxy/config/mistake.h"
#include "proxy/config/setting_show.h"
#include "proxy/fleet/fleet.h"
#include "proxy/gate/pause.h"
#include "proxy/pair/counts.h"

enum {
	MS = 1000,            /* in a second, and microseconds in one */
	WINDOWS_SHOWN = 1000, /* at most: the gate can have more */
};

/* PgBouncer's tables have a row for each database: here they are counted
 * together. */
static const char all[] = "*";

void
console_time_ago(char out[CONSOLE_TIME_BYTES], uint64_t age_ms)
{
	time_t then = time(NULL) - (time_t)(age_ms / MS);
	struct tm tm;

	if (gmtime_r(&then, &tm) == NULL ||
	    strftime(out, CONSOLE_TIME_BYTES, "%Y-%m-%d %H:%M:%S UTC", &tm) ==
		0)
		out[0] = '\0';
}

/* A row of a text and a text, and of a text and a number. */

static void
show_pair(struct console_rows *r, const char *key, const char *value)
{
	console_row_begin(r);
	console_row_text(r, key);
	console_row_text(r, value);
	console_row_end(r);
}

static void
show_item(struct console_rows *r, const char *list, uint64_t items)
{
	console_row_begin(r);
	console_row_text(r, list);
	console_row_number(r, items);
	console_row_end(r);
}

/* The process */

static void
show_help(struct console_rows *r)
{
	static const char *const commands[][2] = {
	    {"KILL_CLIENT id", "end the session, and its transaction with it"},
	    {"RELEASE id", "send what the session holds now, unprotected"},
	    {"ABORT id", "end what the session holds with an error"},
	    {"GUARD OFF | ON", "let guarded statements pass, or no longer"},
	    {"PAUSE [database]", "let nothing begin, and wait until nothing is "
				 "under way"},
	    {"RESUME [database]", "let all go on"},
	    {"SET setting = value | DEFAULT",
	     "change a setting until the process ends"},
	    {"RELOAD", "read settings, certificates and auth_file again"},
	    {"SHUTDOWN", "end all sessions and stop"},
	    {"SHUTDOWN WAIT_FOR_CLIENTS", "stop as after SIGTERM"},
	};
	char show[32];

	for (int t = 0; t < CONSOLE_GDESC; t++) {
		snprintf(show, sizeof(show), "SHOW %s",
			 console_table_name((enum console_table)t));
		show_pair(r, show, console_table_help((enum console_table)t));
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		show_pair(r, commands[i][0], commands[i][1]);
}

static void
show_version(struct console_rows *r)
{
	console_row_begin(r);
	console_row_text(r, "Lockstep " LOCKSTEP_VERSION);
	console_row_end(r);
}

static const char *
yes_or_no(bool is_so)
{
	return is_so ? "yes" : "no";
}

static const char *
config_source(uint8_t origin)
{
	switch ((enum origin_kind)origin) {
	case ORIGIN_PRESET:
		return "default";
	case ORIGIN_FILE:
		return "file";
	case ORIGIN_ENVIRONMENT:
		return "environment";
	case ORIGIN_SET:
		return "command line";
	case ORIGIN_CONSOLE:
		return "console";
	}
	return "";
}

static void
show_setting(struct console_rows *r, const struct config *c, const char *key,
	     const struct setting *s)
{
	char value[SETTING_SHOWN_BYTES];

	setting_show(value, c, s);
	console_row_begin(r);
	console_row_text(r, key);
	console_row_text(r, value);
	console_row_text(r, setting_preset(s));
	console_row_text(r, yes_or_no(!s->needs_restart));
	console_row_text(r, config_source(c->origins[s - setting_table]));
	console_row_end(r);
}

/* Two rows that check_postgres and exporters look for, under PgBouncer's names:
 * the limit of clients, and that errors of Lockstep's own are logged. */
static void
show_config_of_pgbouncer(struct console_rows *r, const struct config *c)
{
	show_setting(r, c, "max_client_conn", setting_find("max_connections"));
	console_row_begin(r);
	console_row_text(r, "log_pooler_errors");
	console_row_text(r, "1");
	console_row_text(r, "1");
	console_row_text(r, "no");
	console_row_text(r, config_source(ORIGIN_PRESET));
	console_row_end(r);
}

static void
show_config(struct console_rows *r, const struct config *c)
{
	const struct setting *s;

	for (s = setting_table; s < setting_table + SETTING_COUNT; s++)
		show_setting(r, c, s->name, s);
	show_config_of_pgbouncer(r, c);
}

static const char *
last_reload(const struct daemon *d, const struct generation *g)
{
	if (atomic_load(&d->is_stale))
		return "failed";
	return g->number == 1 ? "none" : "ok";
}

static void
show_state(struct console_rows *r, struct daemon *d, const struct generation *g)
{
	bool is_off = atomic_load(&d->is_guard_off) ||
		      g->config->detect == GUARD_SCOPE_OFF;
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, g->number);
	show_pair(r, "active", yes_or_no(atomic_load(&d->is_listening)));
	show_pair(r, "paused", yes_or_no(pause_is_on(d->pauses, "")));
	show_pair(r, "suspended", "no");
	show_pair(r, "draining", yes_or_no(atomic_load(&d->is_draining)));
	show_pair(r, "guard", is_off ? "off" : "on");
	show_pair(r, "generation", number);
	show_pair(r, "last_reload", last_reload(d, g));
}

/* A row for that server: of all databases, or of one that is paused. */
static void
show_database(struct console_rows *r, struct daemon *d, const struct config *c,
	      const struct endpoint *server, const char *name)
{
	bool is_all = name == all;

	console_row_begin(r);
	console_row_text(r, name);
	console_row_text(r, server->host);
	console_row_number(r, server->port);
	console_row_null(r);
	console_row_null(r);
	console_row_number(r, c->max_connections);
	console_row_number(r, 0);
	console_row_text(r, "session");
	console_row_number(r, c->max_connections);
	if (is_all)
		console_row_number(r, atomic_load(&d->connections));
	else
		console_row_null(r);
	console_row_number(r, !is_all || pause_is_on(d->pauses, ""));
	console_row_number(r, 0);
	console_row_end(r);
}

static void
show_databases(struct console_rows *r, struct daemon *d, const struct config *c)
{
	char name[PAIR_NAME_BYTES];
	size_t i;
	size_t n;

	for (i = 0; i < c->upstream_count; i++) {
		show_database(r, d, c, &c->upstream[i], all);
		for (n = 0; pause_name(d->pauses, n, name); n++)
			show_database(r, d, c, &c->upstream[i], name);
	}
}

/* Numbers */

static uint64_t
sum_of(const struct counts_sum *sum, size_t first, size_t count)
{
	uint64_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += sum->cells[first + i];
	return n;
}

/* In microseconds, as PgBouncer counts time. */
static uint64_t
gate_wait_us(const struct counts_sum *sum)
{
	return MS * sum->cells[counts_cell_of(COUNT_GATE_WAIT_MS) +
			       COUNTS_BUCKETS_MAX];
}

static void
show_stats(struct console_rows *r, struct daemon *d,
	   const struct counts_sum *sum)
{
	console_row_begin(r);
	console_row_text(r, all);
	console_row_number(r, sum->cells[COUNT_CLIENT_BYTES]);
	console_row_number(r, sum->cells[COUNT_SERVER_BYTES]);
	console_row_number(r, gate_wait_us(sum));
	console_row_number(r, sum->cells[COUNT_LOGINS]);
	console_row_number(r, sum_of(sum, counts_cell_of(COUNT_GUARDED_MS),
				     COUNTS_BUCKETS_MAX));
	console_row_number(r, sum->cells[COUNT_REPLAYS]);
	console_row_number(r, sum->cells[COUNT_WINDOWS_USED] +
				  sum->cells[COUNT_WINDOWS_MISSED] +
				  sum->cells[COUNT_WINDOWS_KEPT]);
	console_row_number(r, sum_of(sum, COUNT_ERRORS, COUNTS_SQLSTATES));
	console_row_number(r, daemon_unjudged(d));
	console_row_number(r, atomic_load(&d->unplanned));
	console_row_end(r);
}

static void
show_totals(struct console_rows *r, const struct counts_sum *sum)
{
	console_row_begin(r);
	console_row_text(r, all);
	console_row_number(r, sum->cells[COUNT_CLIENT_BYTES]);
	console_row_number(r, sum->cells[COUNT_SERVER_BYTES]);
	console_row_number(r, gate_wait_us(sum));
	console_row_end(r);
}

static uint64_t
in_state(const struct counts_sum *sum, enum session_state state)
{
	return sum->cells[COUNT_STATES + (size_t)state];
}

static uint64_t
logging_in(const struct counts_sum *sum)
{
	return in_state(sum, SESSION_STARTUP) +
	       in_state(sum, SESSION_HANDSHAKE) +
	       in_state(sum, SESSION_PAUSED) + in_state(sum, SESSION_SASL) +
	       in_state(sum, SESSION_DIALING) + in_state(sum, SESSION_AUTH);
}

static void
show_lists(struct console_rows *r, struct daemon *d, const struct config *c,
	   const struct counts_sum *sum)
{
	show_item(r, "databases", c->upstream_count);
	show_item(r, "users", 0);
	show_item(r, "pools", 1);
	show_item(r, "free_clients", 0);
	show_item(r, "used_clients", atomic_load(&d->connections));
	show_item(r, "login_clients", logging_in(sum));
	show_item(r, "free_servers", 0);
	show_item(r, "used_servers", in_state(sum, SESSION_READY));
	show_item(r, "dns_names", 0);
	show_item(r, "dns_zones", 0);
	show_item(r, "dns_queries", 0);
	show_item(r, "dns_pending", 0);
	show_item(r, "workers", d->worker_count);
	show_item(r, "consoles", in_state(sum, SESSION_CONSOLE));
	show_item(r, "held", sum->cells[COUNT_HELD]);
	show_item(r, "gated", sum->cells[COUNT_GATED]);
	show_item(r, "paused", sum->cells[COUNT_PAUSED]);
}

static void
show_pools(struct console_rows *r, const struct counts_sum *sum)
{
	uint64_t ready = in_state(sum, SESSION_READY);
	uint64_t waiting = sum->cells[COUNT_GATED] + sum->cells[COUNT_PAUSED];
	/* Logins are among them as far as they wait for a RESUME. */
	uint64_t all_of_them = ready + in_state(sum, SESSION_PAUSED);

	console_row_begin(r);
	console_row_text(r, all);
	console_row_text(r, all);
	console_row_number(r,
			   all_of_them > waiting ? all_of_them - waiting : 0);
	console_row_number(r, waiting);
	console_row_number(r, ready);
	console_row_number(r, 0);
	console_row_number(r, 0);
	console_row_number(r, 0);
	console_row_number(r, in_state(sum, SESSION_DIALING) +
				  in_state(sum, SESSION_AUTH));
	console_row_number(r, 0);
	console_row_number(r, 0);
	console_row_text(r, "session");
	console_row_end(r);
}

static void
show_numbers(struct console_rows *r, struct daemon *d, const struct config *c)
{
	struct counts_sum *sum = malloc(sizeof(*sum));

	if (sum == NULL) {
		r->out->failed = true;
		return;
	}
	counts_sum(sum, d->counts, d->worker_count);
	if (r->table == CONSOLE_STATS)
		show_stats(r, d, sum);
	else if (r->table == CONSOLE_STATS_TOTALS)
		show_totals(r, sum);
	else if (r->table == CONSOLE_LISTS)
		show_lists(r, d, c, sum);
	else
		show_pools(r, sum);
	free(sum);
}

/* Others */

static void
show_window(struct console_rows *r, const struct gate_window *w,
	    uint64_t now_ms)
{
	char maker[24];

	snprintf(maker, sizeof(maker), "%" PRIu64, w->maker);
	console_row_begin(r);
	console_row_text(r, w->database);
	console_row_text(r, w->maker == GATE_MAKER_ELSEWHERE ? "elsewhere"
							     : maker);
	console_row_text(r, w->is_of_transaction ? "transaction" : "statement");
	console_row_number(r, now_ms > w->shut_ms ? now_ms - w->shut_ms : 0);
	console_row_number(r, w->until_ms > now_ms ? w->until_ms - now_ms : 0);
	console_row_number(r, atomic_load(&w->delayed));
	console_row_end(r);
}

static void
show_windows(struct console_rows *r, const struct gate *gate)
{
	uint64_t now_ms = clock_now_ms();
	const struct gate_note *n;
	uint32_t shown = 0;

	TAILQ_FOREACH(n, &gate->notes, link) {
		if (!n->window->is_pause && shown++ < WINDOWS_SHOWN)
			show_window(r, n->window, now_ms);
	}
}

static void
show_columns(struct console_rows *r, enum console_table t)
{
	size_t count;
	const struct console_column *columns = console_table_columns(t, &count);
	size_t i;

	for (i = 0; i < count; i++)
		show_pair(r, columns[i].name,
			  columns[i].type == CONSOLE_NUMBER ? "bigint"
							    : "text");
}

/* No row: there is no fleet. */
static void
show_fleet(struct console_rows *r, struct fleet *fleet)
{
	uint64_t now_ms = clock_now_ms();
	struct fleet_report f;

	if (fleet == NULL)
		return;
	fleet_get_report(fleet, &f);
	console_row_begin(r);
	console_row_text(r, fleet_link_state_name(f.state));
	console_row_number(r, now_ms > f.since_ms ? now_ms - f.since_ms : 0);
	console_row_number(r, f.sent);
	console_row_number(r, f.heard);
	console_row_number(r, f.shut);
	console_row_number(r, f.refused);
	console_row_number(r, f.repeated);
	console_row_number(r, f.unknown);
	console_row_number(r, f.foreign);
	console_row_end(r);
}

/* Write the rows, by the settings in force. */
static void
show_here(struct console_rows *r, const struct console_sources *from,
	  const struct generation *g)
{
	switch (r->table) {
	case CONSOLE_HELP:
		show_help(r);
		break;
	case CONSOLE_VERSION:
		show_version(r);
		break;
	case CONSOLE_CONFIG:
		show_config(r, g->config);
		break;
	case CONSOLE_STATE:
		show_state(r, from->daemon, g);
		break;
	case CONSOLE_DATABASES:
		show_databases(r, from->daemon, g->config);
		break;
	case CONSOLE_STATS:
	case CONSOLE_STATS_TOTALS:
	case CONSOLE_LISTS:
	case CONSOLE_POOLS:
		show_numbers(r, from->daemon, g->config);
		break;
	case CONSOLE_WINDOWS:
		show_windows(r, from->gate);
		break;
	case CONSOLE_FLEET:
		show_fleet(r, from->daemon->fleet_thread);
		break;
	case CONSOLE_GDESC:
		show_columns(r, from->described);
		break;
	case CONSOLE_CLIENTS:
	case CONSOLE_SERVERS:
	case CONSOLE_HELD:
	case CONSOLE_GUARDED:
	case CONSOLE_TABLES:
		break;
	}
}

void
console_show_here(struct console_rows *r, const struct console_sources *from)
{
	struct generation *g = generation_store_use(from->daemon->generations);

	show_here(r, from, g);
	generation_release(g);
}
