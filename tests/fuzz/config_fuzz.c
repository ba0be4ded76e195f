/*
 * config_fuzz.c - any bytes as a configuration file: a configuration that is
 * sound, or a complaint.
 */
#include "proxy/config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
		assert(config->guard.attempt_timeout_ms <=
		       config->guard.hold_timeout_ms);
		assert((config->upstream_count > 0) ==
		       (config->upstream_conninfo != NULL));
	}
	config_free(config);
	free(text);
	close(fd);
	return 0;
}
