/*
 * fleet.h - keys and messages of a fleet.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_FLEET_H
#define LOCKSTEP_TESTS_SUPPORT_FLEET_H

#include "policy/sql/tokens.h"
#include "proxy/fleet/fleet_message.h"
#include "tests/support/test.h"

/* A key of these bytes, alone. */
static inline struct fleet_key
fleet_fixture_key(const char *text)
{
	struct fleet_key key = {.count = 1};

	key.lens[0] = strlen(text);
	memcpy(key.keys[0], text, key.lens[0]);
	return key;
}

/* Names t0, t1, ... of the schema public; gate_names_clear takes them back. */
static inline struct gate_names
fleet_fixture_names(size_t count)
{
	struct gate_names names = {0};
	struct gate_name name = {.schema = token_hash_name("public", 6)};
	size_t i;

	for (i = 0; i < count; i++) {
		char text[24];
		int len = snprintf(text, sizeof(text), "t%zu", i);

		name.name = token_hash_name(text, (size_t)len);
		name.reach = (enum gate_reach)(i % 3);
		name.reader = i % 5 == 0 ? (uint32_t)i : 0;
		assert_true(gate_names_add(&names, &name));
	}
	gate_names_seal(&names);
	return names;
}

/* A message of the process and session of these numbers, without names. */
static inline struct fleet_message
fleet_fixture_message(enum fleet_kind kind, uint8_t process, uint64_t maker,
		      uint64_t sequence)
{
	struct fleet_message m = {.kind = kind,
				  .process = {process},
				  .maker = maker,
				  .sequence = sequence};

	if (kind == FLEET_SHUT || kind == FLEET_KEEP) {
		m.length_ms = 300;
		memcpy(m.database, "shop", 5);
	}
	return m;
}

#endif
