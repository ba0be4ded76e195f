#include "proxy/server/shared.h"

#include <stdlib.h>

#include "proxy/gate/pause.h"
#include "proxy/gate/turns.h"
#include "proxy/guard/habits.h"
#include "proxy/guard/memory.h"
#include "proxy/history/history.h"
#include "proxy/net/resolver.h"
#include "proxy/pair/cancel.h"
#include "proxy/pair/counts.h"
#include "proxy/pair/seats.h"

/* The longest that the operator lets a transaction keep the gate shut. */
static uint32_t
shared_gate_burst_ms(const struct config *c)
{
	uint32_t longest_ms = TURNS_SHUT_BURST_MS;
	size_t i;

	if (c->guard.gate_transaction_ms > longest_ms)
		longest_ms = c->guard.gate_transaction_ms;
	for (i = 0; i < c->rule_count; i++) {
		const struct settings_part *part = &c->rules[i].part;

		if (settings_part_has(part, GUARD_SETTING_GATE_TRANSACTION) &&
		    part->values.gate_transaction_ms > longest_ms)
			longest_ms = part->values.gate_transaction_ms;
	}
	return longest_ms;
}

void
shared_take_settings(struct daemon *d, const struct config *c)
{
	turns_allow_burst(d->turns, shared_gate_burst_ms(c));
}

bool
shared_make(struct daemon *d)
{
	d->counts = counts_new(d->worker_count);
	d->mailboxes = calloc(d->worker_count, sizeof(struct mailbox *));
	d->cancels = cancel_registry_new();
	d->turns = turns_new();
	d->seats = seats_new();
	d->pauses = pauses_new();
	d->memory = memory_new();
	d->habits = habits_new();
	d->history = history_new();
	d->resolver = resolver_new();
	if (d->counts == NULL || d->mailboxes == NULL || d->cancels == NULL ||
	    d->turns == NULL || d->seats == NULL || d->pauses == NULL ||
	    d->memory == NULL || d->habits == NULL || d->history == NULL ||
	    d->resolver == NULL)
		return false;
	shared_take_settings(d, d->start_config);
	return true;
}

void
shared_free(struct daemon *d)
{
	free(d->counts);
	free(d->mailboxes);
	cancel_registry_free(d->cancels);
	turns_free(d->turns);
	seats_free(d->seats);
	pauses_free(d->pauses);
	memory_free(d->memory);
	habits_free(d->habits);
	history_free(d->history);
}
