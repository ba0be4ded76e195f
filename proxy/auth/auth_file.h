/*
 * auth_file.h - which roles may log in, and their SCRAM verifiers.
 *
 * A line for each, as in PgBouncer's userlist.txt:
 *
 *   "role" "SCRAM-SHA-256$4096:salt$StoredKey:ServerKey"
 *
 * Within quotes "" is one ".  What follows behind a blank is passed over, as
 * are empty lines and those that begin with ; or #.  Passwords and MD5 hashes
 * are mistakes.  A line with a mistake is left out: its role cannot log in. The
 * whole file is refused if no line is good, if one role has two, or if the
 * mistake is in a last line that no newline ends.
 */
#ifndef LOCKSTEP_PROXY_AUTH_AUTH_FILE_H
#define LOCKSTEP_PROXY_AUTH_AUTH_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "protocol/span.h"

struct scram_verifier;

enum {
	AUTH_FILE_LINE_BYTES = 4096,
	AUTH_FILE_ROLES_MAX = 1000000,
};

struct auth_file;

/*
 * Read the file at path, if secret_file_open likes its permissions;
 * auth_file_free takes the result back.  Each mistake gets a line in `errors`,
 * with where it is but nothing of what stands there.  NULL: the file is
 * refused.
 */
struct auth_file *auth_file_read(const char *path, FILE *errors);

/* Read an open stream in the same way; messages call it name.  The caller
 * wipes the stream's buffer. */
struct auth_file *auth_file_parse(FILE *in, const char *name, FILE *errors);

/* Wipe and free it; accepts NULL. */
void auth_file_free(struct auth_file *f);

/* The verifier of a role, borrowed from f; NULL: the role is not there. */
const struct scram_verifier *auth_file_find(const struct auth_file *f,
					    struct span role);

/* The number of roles. */
size_t auth_file_count(const struct auth_file *f);

/* The iterations that most of the verifiers have, else PostgreSQL's default. */
uint32_t auth_file_iterations(const struct auth_file *f);

#endif
