/*
 * settings.h - what an operator can set about the guard: plain values, read
 * by guard.c, filled in by whoever reads a configuration.
 */
#ifndef LOCKSTEP_POLICY_SETTINGS_H
#define LOCKSTEP_POLICY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/lock_order.h"
#include "policy/statement.h"

enum guard_policy {
	GUARD_POLICY_AUTO,   /* two quick attempts, then as HOLD */
	GUARD_POLICY_LOCK,   /* ordered, bounded attempts */
	GUARD_POLICY_HOLD,   /* wait in the proxy until nobody conflicts; the
				gate keeps new transactions away meanwhile */
	GUARD_POLICY_PASS,   /* watch and log, change nothing */
	GUARD_POLICY_REJECT, /* refuse with an error */
};

enum guard_on_timeout {
	GUARD_TIMEOUT_ERROR, /* SQLSTATE 55P03 */
	GUARD_TIMEOUT_PASS,  /* send the statement unprotected */
};

struct guard_settings {
	enum guard_scope scope;           /* guard */
	enum guard_policy policy;         /* policy */
	struct lock_order order;          /* lock_order; names are borrowed */
	enum guard_on_timeout on_timeout; /* on_timeout */
	bool guard_single_table;
	uint32_t attempt_timeout_ms;
	uint32_t hold_timeout_ms;
	uint32_t in_transaction_timeout_ms;
	uint32_t gate_window_ms;
	uint32_t gate_transaction_ms; /* 0: the gate is open after the DDL */
};

#endif
