/*
 * config_fuzz.c - any bytes as a configuration file: a configuration that is
 * sound, or a complaint.
 */
#include "proxy/config/config.h"
#include "proxy/config/config_load.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_guard(const struct config *config)
{
	bool is_on = config->guard.scope != GUARD_SCOPE_OFF;
	size_t i;

	assert(config->guard.attempt_timeout_ms <=
	       config->guard.hold_timeout_ms);
	for (i = 0; i < config->rule_count; i++) {
		const struct rule *rule = &config->rules[i];
		struct guard_settings merged = config->guard;

		assert(rule->name != NULL && rule->part.set != 0);
		settings_merge(&merged, &rule->part);
		assert(merged.attempt_timeout_ms <= merged.hold_timeout_ms);
		is_on = is_on || merged.scope != GUARD_SCOPE_OFF;
	}
	assert(config->detect == (is_on ? GUARD_SCOPE_DDL : GUARD_SCOPE_OFF));
}

/* Whatever the values hold, a statement is compared with them. */
static void
match_rules(const struct config *config, const uint8_t *data, size_t size)
{
	char name[16] = "";
	struct lock_item item = {.name = name};
	const struct lock_set set = {&item, 1};
	const struct rule_subject subject = {name, name,         name,
					     name, "DROP TABLE", &set};

	memcpy(name, data, size < sizeof(name) ? size : sizeof(name) - 1);
	(void)rule_find(config->rules, config->rule_count, &subject);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct config_sources sources = {.file = path};
	struct config *config;
	char *text = NULL;
	size_t text_len = 0;
	FILE *errors = open_memstream(&text, &text_len);
	int fd = memfd_create("config", MFD_CLOEXEC);

	if (errors == NULL || fd < 0 || write(fd, data, size) < 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config = config_load(&sources, errors);
	fclose(errors);
	assert((config == NULL) == (text_len > 0));
	if (config != NULL) {
		assert(config->listen_count > 0);
		assert(config->workers >= 1 && config->workers <= 64);
		check_guard(config);
		match_rules(config, data, size);
		assert((config->upstream_count > 0) ==
		       (config->upstream_conninfo != NULL));
	}
	config_free(config);
	free(text);
	close(fd);
	return 0;
}
