/*
 * fleet_key.h - the secret by which the processes of a fleet know one another.
 *
 * A file with a key a line, of 16 to 256 bytes; empty lines and those that
 * begin with # are passed over.  The first key signs, all of them are accepted:
 * so keys are rotated process by process.
 */
#ifndef LOCKSTEP_PROXY_FLEET_FLEET_KEY_H
#define LOCKSTEP_PROXY_FLEET_FLEET_KEY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	FLEET_KEY_BYTES_MIN = 16,
	FLEET_KEY_BYTES_MAX = 256,
	FLEET_KEYS_MAX = 4,
};

struct fleet_key {
	size_t count;
	size_t lens[FLEET_KEYS_MAX];
	uint8_t keys[FLEET_KEYS_MAX][FLEET_KEY_BYTES_MAX];
};

/*
 * Read the file at path, if secret_file_open likes its permissions;
 * fleet_key_free takes the result back.  NULL: why is a line on `errors`, with
 * nothing of what stands in the file.
 */
struct fleet_key *fleet_key_read(const char *path, FILE *errors);

/* Read an open stream in the same way; the message calls it name.  The caller
 * wipes the stream's buffer. */
struct fleet_key *fleet_key_parse(FILE *in, const char *name, FILE *errors);

/* Wipe and free it; accepts NULL. */
void fleet_key_free(struct fleet_key *key);

#endif
