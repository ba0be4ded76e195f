/*
 * settings.h - what an operator can set about the guard: plain values, read
 * by guard.c, filled in by whoever reads a configuration.
 *
 * Each can be set in three places, of which the nearest wins: in the session,
 * in a rule, in the configuration.  The last has all of them, the others some.
 */
#ifndef LOCKSTEP_POLICY_GUARD_SETTINGS_H
#define LOCKSTEP_POLICY_GUARD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/catalog/lock_order.h"
#include "policy/sql/statement.h"

/* X(constant, text): ways to get the locks of a guarded statement. */
#define GUARD_POLICIES(X)                                                      \
	X(AUTO, "auto") /* two quick attempts, then as HOLD */                 \
	X(LOCK, "lock") /* ordered, bounded attempts */                        \
	/* Wait in the proxy until nobody conflicts; the gate keeps new        \
	 * transactions away meanwhile. */                                     \
	X(HOLD, "hold")                                                        \
	X(PASS, "pass")     /* watch and log, change nothing */                \
	X(REJECT, "reject") /* refuse with an error */

enum guard_policy {
#define X(constant, text) GUARD_POLICY_##constant,
	GUARD_POLICIES(X)
#undef X
};

enum guard_on_timeout {
	GUARD_TIMEOUT_ERROR, /* SQLSTATE 55P03 */
	GUARD_TIMEOUT_PASS,  /* send the statement unprotected */
};

/* X(constant, text): the transactions that may be started over, unseen, when
 * a guarded statement cannot get its locks behind those of an earlier one. */
#define GUARD_REPLAYS(X)                                                       \
	X(OFF, "off")                                                          \
	/* DDL, and what shows no row but of catalogs. */                      \
	X(DDL, "ddl")                                                          \
	X(ON, "on")

enum guard_replay {
#define X(constant, text) GUARD_REPLAY_##constant,
	GUARD_REPLAYS(X)
#undef X
};

/* X(constant, text): whether the foreign keys that a DROP TABLE or DROP COLUMN
 * would take along go before it, one at a time. */
#define GUARD_STEPS(X)                                                         \
	X(OFF, "off")                                                          \
	X(LAST, "last") /* where the time is nearly spent */                   \
	X(ON, "on")

enum guard_steps {
#define X(constant, text) GUARD_STEPS_##constant,
	GUARD_STEPS(X)
#undef X
};

/* X(constant, text): the treatment of DDL that the grammar does not know. */
#define GUARD_UNPARSED(X)                                                      \
	X(PASS, "pass")                                                        \
	/* As by GUARD_POLICY_HOLD, nothing locked ahead; never an error. */   \
	X(HOLD, "hold")                                                        \
	X(REJECT, "reject")

enum guard_unparsed {
#define X(constant, text) GUARD_UNPARSED_##constant,
	GUARD_UNPARSED(X)
#undef X
};

struct guard_settings {
	enum guard_scope scope;           /* guard */
	enum guard_policy policy;         /* policy */
	struct lock_order order;          /* lock_order; see owns_order */
	enum guard_on_timeout on_timeout; /* on_timeout */
	bool guard_single_table;
	uint32_t attempt_timeout_ms;
	uint32_t hold_timeout_ms;
	uint32_t in_transaction_timeout_ms;
	uint32_t gate_window_ms;
	uint32_t gate_transaction_ms; /* 0: the gate is open after the DDL */
	bool has_memory;              /* memory: learns, and makes use of it */
	bool is_optimistic; /* a statement may run ahead of its plan */
	enum guard_replay replay;
	enum guard_steps steps; /* drop_in_steps */
	enum guard_unparsed unparsed;
	/* The name of the rule that had a part in these, borrowed, for people;
	 * NULL: none had. */
	const char *rule;
	/* True: the names of `order` are these settings' own; false: they are
	 * borrowed. */
	bool owns_order;
};

/* X(constant, name, field), in the order of the table of setting.c. */
#define GUARD_SETTINGS(X)                                                      \
	X(GUARD, guard, scope)                                                 \
	X(POLICY, policy, policy)                                              \
	X(LOCK_ORDER, lock_order, order)                                       \
	X(ATTEMPT_TIMEOUT, attempt_timeout, attempt_timeout_ms)                \
	X(HOLD_TIMEOUT, hold_timeout, hold_timeout_ms)                         \
	X(IN_TRANSACTION_TIMEOUT, in_transaction_timeout,                      \
	  in_transaction_timeout_ms)                                           \
	X(GATE_WINDOW, gate_window, gate_window_ms)                            \
	X(GATE_TRANSACTION, gate_transaction, gate_transaction_ms)             \
	X(REPLAY, replay, replay)                                              \
	X(ON_TIMEOUT, on_timeout, on_timeout)                                  \
	X(DROP_IN_STEPS, drop_in_steps, steps)                                 \
	X(GUARD_SINGLE_TABLE, guard_single_table, guard_single_table)          \
	X(MEMORY, memory, has_memory)                                          \
	X(OPTIMISTIC, optimistic, is_optimistic)                               \
	X(UNPARSED, unparsed, unparsed)

enum guard_setting {
#define X(constant, name, field) GUARD_SETTING_##constant,
	GUARD_SETTINGS(X)
#undef X
	    GUARD_SETTING_COUNT
};

/* Some of the settings: those whose bit 1 << (enum guard_setting) is set. */
struct settings_part {
	struct guard_settings values;
	uint32_t set;
};

/* The text of the table above, static: "auto". */
const char *guard_policy_name(enum guard_policy policy);

/* The name of a value of drop_in_steps, static: "last". */
const char *guard_steps_name(enum guard_steps steps);

/* The name of the setting in a configuration, static: "hold_timeout". */
const char *settings_name(enum guard_setting setting);

/* True if the part sets this setting. */
bool settings_part_has(const struct settings_part *part,
		       enum guard_setting setting);

/* Replace the settings of *to that the part sets.  The names of an order are
 * borrowed from the part; those that they replace are not freed. */
void settings_merge(struct guard_settings *to,
		    const struct settings_part *part);

/* Make of the settings those for DDL that the grammar does not know. */
void settings_fit_unknown(struct guard_settings *s);

/* Free the names, which the order must own, and leave it empty. */
void settings_clear_order(struct lock_order *order);

#endif
