#include "proxy/http/http_status.h"

#include <inttypes.h>
#include <stdlib.h>

#include "policy/sql/statement.h"
#include "proxy/history/history_time.h"
#include "proxy/pair/counts.h"

/* A total under the name that JSON has for it. */
struct named_cell {
	const char *name;
	size_t cell;
};

static const struct named_cell named_cells[] = {
    {"logins", COUNT_LOGINS},
    {"client_bytes", COUNT_CLIENT_BYTES},
    {"server_bytes", COUNT_SERVER_BYTES},
    {"upstream_connected", COUNT_CONNECTED},
    {"upstream_failed", COUNT_UNCONNECTED},
    {"windows_used", COUNT_WINDOWS_USED},
    {"windows_missed", COUNT_WINDOWS_MISSED},
    {"windows_kept", COUNT_WINDOWS_KEPT},
    {"windows_refused", COUNT_WINDOWS_REFUSED},
    {"replays", COUNT_REPLAYS},
    {"unguarded", COUNT_UNGUARDED},
    {"deadlocks", COUNT_ERRORS},
};

static uint64_t
status_sum(const struct counts_sum *sum, size_t first, size_t count)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < count; i++)
		n += sum->cells[first + i];
	return n;
}

/* How many values a distribution has. */
static uint64_t
status_count(const struct counts_sum *sum, enum count_histogram h)
{
	return status_sum(sum, counts_cell_of(h), COUNTS_BUCKETS_MAX);
}

static const char *
true_or_false(bool is_so)
{
	return is_so ? "true" : "false";
}

/* One of our own words, or null. */
static void
status_word(FILE *out, const char *key, const char *word)
{
	if (word == NULL)
		fprintf(out, ",\"%s\":null", key);
	else
		fprintf(out, ",\"%s\":\"%s\"", key, word);
}

static void
status_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, ",\"%s\":%" PRIu64, key, value);
}

static void
status_process(FILE *out, const struct http_facts *f)
{
	const char *why_not = http_facts_not_ready(f);
	char now[HISTORY_TIME_BYTES];

	history_time_text(now, f->wall_ms, 'T');
	fprintf(out,
		"{\"version\":\"" LOCKSTEP_VERSION
		"\",\"grammar\":\"%s\",\"now\":\"%sZ\",\"is_ready\":%s,"
		"\"is_draining\":%s,\"is_guard_off\":%s",
		statement_grammar(), now, true_or_false(why_not == NULL),
		true_or_false(f->is_draining), true_or_false(f->is_guard_off));
	status_word(out, "why_not_ready", why_not);
	status_word(out, "fleet", f->fleet);
	status_number(out, "started", f->started_s);
	status_number(out, "uptime_ms",
		      f->wall_ms > f->started_s * 1000
			  ? f->wall_ms - f->started_s * 1000
			  : 0);
	status_number(out, "workers", f->workers);
	status_number(out, "connections", f->connections);
	status_number(out, "max_connections", f->max_connections);
}

static void
status_sessions(FILE *out, const struct counts_sum *sum)
{
	size_t i;

	fputs(",\"sessions\":{", out);
	for (i = 0; i < SESSION_STATES; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
			session_state_names[i], sum->cells[COUNT_STATES + i]);
	fputc('}', out);
	status_number(out, "held", sum->cells[COUNT_HELD]);
	status_number(out, "gated", sum->cells[COUNT_GATED]);
	status_number(out, "paused", sum->cells[COUNT_PAUSED]);
}

static void
status_history(FILE *out, const struct http_facts *f)
{
	status_number(out, "under_way", f->history.under_way);
	status_number(out, "over", f->history.over);
	status_number(out, "windows", f->history.windows);
}

static void
status_totals(FILE *out, const struct http_facts *f,
	      const struct counts_sum *sum)
{
	size_t i;

	fprintf(out, ",\"totals\":{\"guarded\":%" PRIu64,
		status_count(sum, COUNT_GUARDED_MS));
	for (i = 0; i < sizeof(named_cells) / sizeof(named_cells[0]); i++)
		status_number(out, named_cells[i].name,
			      sum->cells[named_cells[i].cell]);
	status_number(out, "session_ends",
		      status_sum(sum, COUNT_ENDS, CLOSE_REASON_COUNT));
	status_number(out, "errors",
		      status_sum(sum, COUNT_ERRORS, COUNTS_SQLSTATES));
	status_number(out, "gate_waits", status_count(sum, COUNT_GATE_WAIT_MS));
	status_number(out, "gate_wait_ms",
		      sum->cells[counts_cell_of(COUNT_GATE_WAIT_MS) +
				 COUNTS_BUCKETS_MAX]);
	status_number(out, "unparsed", f->unjudged);
	status_number(out, "unplanned", f->unplanned);
	fputc('}', out);
}

void
http_status_write(FILE *out, const struct http_facts *f)
{
	struct counts_sum *sum = malloc(sizeof(*sum));

	if (sum == NULL)
		return;
	counts_sum(sum, f->counts, f->workers);
	status_process(out, f);
	status_sessions(out, sum);
	status_history(out, f);
	status_totals(out, f, sum);
	fputs("}\n", out);
	free(sum);
}
