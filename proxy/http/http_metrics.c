#include "proxy/http/http_metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/guard/guard.h"
#include "policy/guard/settings.h"
#include "policy/sql/statement.h"
#include "proxy/fleet/fleet_link.h"
#include "proxy/pair/counts.h"

enum {
	MS = 1000, /* in a second */
};

/* A series with a label of its own, whose value is that cell. */
struct labeled_cell {
	const char *label;
	size_t cell;
};

/* The first lines of a family. */
static void
metrics_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP lockstep_%s %s\n# TYPE lockstep_%s %s\n", name,
		help, name, type);
}

/* A family of one series without labels. */
static void
metrics_single(FILE *out, const char *name, const char *type, uint64_t value,
	       const char *help)
{
	metrics_head(out, name, type, help);
	fprintf(out, "lockstep_%s %" PRIu64 "\n", name, value);
}

static void
metrics_labeled(FILE *out, const char *name, const char *label,
		const char *value, uint64_t n)
{
	fprintf(out, "lockstep_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value,
		n);
}

static void
metrics_cells(FILE *out, const struct counts_sum *sum, const char *name,
	      const char *label, const struct labeled_cell *cells, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		metrics_labeled(out, name, label, cells[i].label,
				sum->cells[cells[i].cell]);
}

static void
metrics_write_process(FILE *out, const struct http_facts *f)
{
	metrics_head(out, "build_info", "gauge",
		     "The version, and PostgreSQL's whose grammar is parsed.");
	fprintf(out,
		"lockstep_build_info{version=\"" LOCKSTEP_VERSION
		"\",grammar=\"%s\"} 1\n",
		statement_grammar());
	metrics_single(out, "start_time_seconds", "gauge", f->started_s,
		       "When the process began, since 1970.");
	metrics_single(out, "ready", "gauge", http_facts_not_ready(f) == NULL,
		       "1 if /ready says so.");
	metrics_single(out, "draining", "gauge", f->is_draining,
		       "1 if no new clients are wanted.");
	metrics_single(out, "config_generation", "gauge", f->generation,
		       "The settings in force: 1 at the start, and one more "
		       "with each reload that succeeds.");
	metrics_single(out, "config_last_reload_success", "gauge", !f->is_stale,
		       "0 if the last reload has failed.");
}

static void
metrics_write_sessions(FILE *out, const struct http_facts *f,
		       const struct counts_sum *sum)
{
	size_t i;

	metrics_single(out, "connections", "gauge", f->connections,
		       "Clients connected.");
	metrics_single(out, "max_connections", "gauge", f->max_connections,
		       "The setting max_connections.");
	metrics_head(out, "sessions", "gauge", "Sessions, by their state.");
	for (i = 0; i < SESSION_STATES; i++)
		metrics_labeled(out, "sessions", "state",
				session_state_names[i],
				sum->cells[COUNT_STATES + i]);
	metrics_single(out, "logins_total", "counter", sum->cells[COUNT_LOGINS],
		       "Clients that the server has let in.");
	metrics_head(out, "session_ends_total", "counter",
		     "Sessions that have ended, by the reason.");
	for (i = 0; i < CLOSE_REASON_COUNT; i++)
		metrics_labeled(out, "session_ends_total", "reason",
				close_reasons[i].name,
				sum->cells[COUNT_ENDS + i]);
}

static void
metrics_write_net(FILE *out, const struct http_facts *f,
		  const struct counts_sum *sum)
{
	static const struct labeled_cell bytes[] = {
	    {"client", COUNT_CLIENT_BYTES},
	    {"server", COUNT_SERVER_BYTES},
	};
	static const struct labeled_cell connects[] = {
	    {"connected", COUNT_CONNECTED},
	    {"failed", COUNT_UNCONNECTED},
	};
	uint64_t age_ms = f->reached_ms == 0 || f->now_ms < f->reached_ms
			      ? 0
			      : f->now_ms - f->reached_ms;

	metrics_head(out, "received_bytes_total", "counter",
		     "Bytes of logged-in sessions, by the side they came of.");
	metrics_cells(out, sum, "received_bytes_total", "from", bytes, 2);
	metrics_head(out, "upstream_connects_total", "counter",
		     "Connections made to the upstream for sessions.");
	metrics_cells(out, sum, "upstream_connects_total", "result", connects,
		      2);
	metrics_head(out, "upstream_reached_age_seconds", "gauge",
		     "How long ago the upstream was reached; 0 also before "
		     "the first time.");
	fprintf(out,
		"lockstep_upstream_reached_age_seconds %" PRIu64 ".%03" PRIu64
		"\n",
		age_ms / MS, age_ms % MS);
	metrics_head(out, "tls_handshakes_total", "counter",
		     "TLS handshakes with clients and with the upstream.");
	fprintf(out,
		"lockstep_tls_handshakes_total{side=\"client\",result=\"ok\"} "
		"%" PRIu64 "\n"
		"lockstep_tls_handshakes_total{side=\"client\",result="
		"\"failed\"} %" PRIu64 "\n"
		"lockstep_tls_handshakes_total{side=\"server\",result=\"ok\"} "
		"%" PRIu64 "\n"
		"lockstep_tls_handshakes_total{side=\"server\",result="
		"\"failed\"} %" PRIu64 "\n",
		sum->cells[COUNT_CLIENT_HANDSHAKES],
		sum->cells[COUNT_CLIENT_HANDSHAKES_FAILED],
		sum->cells[COUNT_SERVER_HANDSHAKES],
		sum->cells[COUNT_SERVER_HANDSHAKES_FAILED]);
}

static void
metrics_write_errors(FILE *out, const struct counts_sum *sum)
{
	size_t i;

	metrics_head(out, "errors_seen_total", "counter",
		     "Errors of the server's that went to clients.");
	for (i = 0; i < COUNTS_SQLSTATES; i++)
		metrics_labeled(out, "errors_seen_total", "sqlstate",
				count_sqlstates[i],
				sum->cells[COUNT_ERRORS + i]);
	metrics_single(out, "deadlocks_seen_total", "counter",
		       sum->cells[COUNT_ERRORS],
		       "Those of them that were deadlocks, 40P01.");
}

/* Guarded statements */

/* Write the entry's number in all workers, but only for the first of them that
 * has it. */
static void
metrics_write_kind(FILE *out, const struct http_facts *f, size_t worker,
		   const struct count_guarded *g)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < f->workers; i++) {
		const struct count_guarded *same = counts_find_guarded(
		    &f->counts[i], g->kind, g->policy, g->outcome);

		if (same != NULL && i < worker)
			return;
		if (same != NULL)
			sum += atomic_load_explicit(&same->count,
						    memory_order_relaxed);
	}
	fprintf(out,
		"lockstep_guarded_statements_total{kind=\"%s\",policy=\"%s\","
		"outcome=\"%s\"} %" PRIu64 "\n",
		g->kind, guard_policy_name(g->policy),
		guard_outcome_name(g->outcome), sum);
}

static void
metrics_write_guarded(FILE *out, const struct http_facts *f)
{
	size_t i;
	size_t j;

	metrics_head(out, "guarded_statements_total", "counter",
		     "Guarded statements that have ended.");
	for (i = 0; i < f->workers; i++) {
		const struct counts *c = &f->counts[i];
		size_t count = atomic_load_explicit(&c->guarded_count,
						    memory_order_acquire);

		for (j = 0; j < count; j++)
			metrics_write_kind(out, f, i, &c->guarded[j]);
	}
}

/* The guarded statements of all workers that have ended so. */
static uint64_t
metrics_sum_outcome(const struct http_facts *f, enum guard_outcome outcome)
{
	uint64_t sum = 0;
	size_t i;
	size_t j;

	for (i = 0; i < f->workers; i++) {
		const struct counts *c = &f->counts[i];
		size_t count = atomic_load_explicit(&c->guarded_count,
						    memory_order_acquire);

		for (j = 0; j < count; j++)
			if (c->guarded[j].outcome == outcome)
				sum += atomic_load_explicit(
				    &c->guarded[j].count, memory_order_relaxed);
	}
	return sum;
}

/* Each is there from the start, so that its first one is an increase. */
static void
metrics_write_outcomes(FILE *out, const struct http_facts *f)
{
	enum guard_outcome o;

	metrics_head(out, "guarded_outcomes_total", "counter",
		     "Guarded statements that have ended, by outcome alone.");
	for (o = GUARD_PENDING + 1; o <= GUARD_CANCELED; o++)
		fprintf(
		    out,
		    "lockstep_guarded_outcomes_total{outcome=\"%s\"} %" PRIu64
		    "\n",
		    guard_outcome_name(o), metrics_sum_outcome(f, o));
}

/* A value of the histogram in its unit: seconds, but attempts by number. */
static double
metrics_in_unit(enum count_histogram h, uint64_t value)
{
	return h == COUNT_ATTEMPTS ? (double)value : (double)value / MS;
}

static void
metrics_histogram(FILE *out, const struct counts_sum *sum,
		  enum count_histogram h, const char *name, const char *help)
{
	const uint64_t *cells = &sum->cells[counts_cell_of(h)];
	const struct count_bounds *b = &count_bounds[h];
	uint64_t below = 0;
	size_t i;

	metrics_head(out, name, "histogram", help);
	for (i = 0; i < b->count; i++) {
		below += cells[i];
		fprintf(out, "lockstep_%s_bucket{le=\"%g\"} %" PRIu64 "\n",
			name, metrics_in_unit(h, b->bounds[i]), below);
	}
	below += cells[b->count];
	fprintf(out,
		"lockstep_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n"
		"lockstep_%s_sum %.3f\nlockstep_%s_count %" PRIu64 "\n",
		name, below, name,
		metrics_in_unit(h, cells[COUNTS_BUCKETS_MAX]), name, below);
}

static void
metrics_write_gate(FILE *out, const struct http_facts *f,
		   const struct counts_sum *sum)
{
	static const struct labeled_cell windows[] = {
	    {"used", COUNT_WINDOWS_USED},
	    {"missed", COUNT_WINDOWS_MISSED},
	    {"kept", COUNT_WINDOWS_KEPT},
	    {"refused", COUNT_WINDOWS_REFUSED},
	};

	metrics_head(out, "gate_windows_total", "counter",
		     "Windows of the gate, by what came of them.");
	metrics_cells(out, sum, "gate_windows_total", "result", windows, 4);
	metrics_single(out, "gated_sessions", "gauge", sum->cells[COUNT_GATED],
		       "Sessions that wait at the gate now.");
	metrics_single(out, "pauses", "gauge", f->pauses,
		       "Databases, or all as one, that the console has "
		       "paused.");
	metrics_single(out, "paused_sessions", "gauge",
		       sum->cells[COUNT_PAUSED],
		       "Sessions and logins that wait for a RESUME now.");
	metrics_histogram(out, sum, COUNT_GATE_WAIT_MS, "gate_wait_seconds",
			  "How long a transaction was delayed at the gate.");
}

static void
metrics_write_guard(FILE *out, const struct http_facts *f,
		    const struct counts_sum *sum)
{
	metrics_write_guarded(out, f);
	metrics_write_outcomes(out, f);
	metrics_single(out, "held_statements", "gauge", sum->cells[COUNT_HELD],
		       "Guarded statements that are not sent yet.");
	metrics_histogram(out, sum, COUNT_HOLD_MS, "hold_seconds",
			  "How long statements were held that had to wait for "
			  "somebody.");
	metrics_histogram(out, sum, COUNT_GUARDED_MS, "guarded_seconds",
			  "From when a guarded statement came to when it was "
			  "sent or refused.");
	metrics_histogram(out, sum, COUNT_ATTEMPTS, "attempts",
			  "Attempts to lock all that a guarded statement "
			  "locks.");
	metrics_single(out, "replays_total", "counter",
		       sum->cells[COUNT_REPLAYS],
		       "Transactions that were started over.");
	metrics_single(out, "unparsed_statements_total", "counter", f->unjudged,
		       "Texts that passed without being looked into.");
	metrics_single(out, "unplanned_statements_total", "counter",
		       f->unplanned, "Statements that passed without a plan.");
	metrics_single(out, "unguarded_statements_total", "counter",
		       sum->cells[COUNT_UNGUARDED],
		       "Statements that stood where nothing can guard them.");
}

static void
metrics_write_fleet(FILE *out, const struct http_facts *f)
{
	const char *now = f->fleet == NULL ? "none" : f->fleet;
	size_t i;

	metrics_head(out, "fleet_state", "gauge",
		     "1 for the state of the fleet's connection, none without "
		     "a fleet.");
	metrics_labeled(out, "fleet_state", "state", "none", f->fleet == NULL);
	for (i = 0; i < FLEET_LINK_STATES; i++) {
		const char *name =
		    fleet_link_state_name((enum fleet_link_state)i);

		metrics_labeled(out, "fleet_state", "state", name,
				strcmp(now, name) == 0);
	}
}

void
http_metrics_write(FILE *out, const struct http_facts *f)
{
	struct counts_sum *sum = malloc(sizeof(*sum));

	if (sum == NULL)
		return;
	counts_sum(sum, f->counts, f->workers);
	metrics_write_process(out, f);
	metrics_write_sessions(out, f, sum);
	metrics_write_net(out, f, sum);
	metrics_write_errors(out, sum);
	metrics_write_guard(out, f, sum);
	metrics_write_gate(out, f, sum);
	metrics_write_fleet(out, f);
	free(sum);
}
