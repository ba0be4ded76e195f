#include "proxy/server/summary.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/config/config_fleet.h"
#include "proxy/config/config_tls.h"
#include "proxy/pair/counts.h"

enum {
	KEY_BYTES = 32,
};

static const enum guard_outcome outcomes[] = {
#define X(constant, text) GUARD_##constant,
    GUARD_OUTCOMES(X)
#undef X
};

enum {
	OUTCOME_COUNT = sizeof(outcomes) / sizeof(outcomes[0]),
};

/* The statements that had this outcome, of all workers. */
static uint64_t
summary_guarded(const struct daemon *d, enum guard_outcome outcome)
{
	const struct counts *c;
	uint64_t sum = 0;
	size_t i;

	for (c = d->counts; c < d->counts + d->worker_count; c++)
		for (i = 0; i < atomic_load(&c->guarded_count); i++)
			if (c->guarded[i].outcome == outcome)
				sum += atomic_load(&c->guarded[i].count);
	return sum;
}

/* Add a field of the outcome's name, if there is something to count. */
static void
summary_add_outcome(struct log_event *e, enum guard_outcome outcome,
		    uint64_t count)
{
	char key[KEY_BYTES] = {0};
	char *hyphen;

	if (count == 0)
		return;
	strncpy(key, guard_outcome_name(outcome), sizeof(key) - 1);
	while ((hyphen = strchr(key, '-')) != NULL)
		*hyphen = '_';
	log_number(e, key, count);
}

static uint64_t
summary_connections(const struct counts_sum *sum)
{
	uint64_t ended = 0;
	size_t i;

	for (i = 0; i < CLOSE_REASON_COUNT; i++)
		ended += sum->cells[COUNT_ENDS + i];
	return ended;
}

void
summary_log(const struct daemon *d, uint64_t uptime_ms)
{
	uint64_t guarded[OUTCOME_COUNT];
	struct counts_sum sum;
	struct log_event e;
	uint64_t all = 0;
	size_t i;

	counts_sum(&sum, d->counts, d->worker_count);
	for (i = 0; i < OUTCOME_COUNT; i++) {
		guarded[i] = summary_guarded(d, outcomes[i]);
		all += guarded[i];
	}
	log_begin(&e, LOG_INFO, "stopped");
	log_number(&e, "uptime_s", uptime_ms / 1000);
	log_number(&e, "connections", summary_connections(&sum));
	log_number(&e, "sessions", sum.cells[COUNT_LOGINS]);
	log_number(&e, "client_bytes", sum.cells[COUNT_CLIENT_BYTES]);
	log_number(&e, "server_bytes", sum.cells[COUNT_SERVER_BYTES]);
	log_number(&e, "guarded", all);
	for (i = 0; i < OUTCOME_COUNT; i++)
		summary_add_outcome(&e, outcomes[i], guarded[i]);
	log_end(&e);
}

/* A config_warn for the log. */
static void
summary_log_warning(void *arg, const char *text)
{
	(void)arg;
	log_line(LOG_WARNING, "%s", text);
}

void
summary_log_warnings(const struct config *c)
{
	config_tls_warn(c, summary_log_warning, NULL);
	config_fleet_warn(c, summary_log_warning, NULL);
}

void
summary_log_start(const struct config *c)
{
	size_t i;

	summary_log_warnings(c);
	for (i = 0; i < c->upstream_count; i++)
		log_line(LOG_INFO, "upstream %s port %u", c->upstream[i].host,
			 c->upstream[i].port);
	log_line(LOG_INFO, "Lockstep " LOCKSTEP_VERSION " is ready, %u workers",
		 c->workers);
}
