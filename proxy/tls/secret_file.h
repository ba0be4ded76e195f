/*
 * secret_file.h - open a file that holds secrets, if nobody else can read it.
 *
 * The rules are PostgreSQL's for private keys: check_ssl_key_file_permissions
 * in src/backend/libpq/be-secure-common.c; and for root those of libpq, who
 * may be asked to check what another user is to read.
 */
#ifndef LOCKSTEP_PROXY_TLS_SECRET_FILE_H
#define LOCKSTEP_PROXY_TLS_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

struct secret_file {
	FILE *stream;
	char buffer[BUFSIZ]; /* the stream's */
};

/*
 * Open it for reading; false: *why has one line that names the file as `what`
 * ("private key file", "auth_file") and path.  What is judged is what was
 * opened, whatever the path names by then.
 */
bool secret_file_open(struct secret_file *f, const char *path, const char *what,
		      char *why, size_t why_size);

/* Leaves nothing of what was read. */
void secret_file_close(struct secret_file *f);

/*
 * What is wrong with a file of this status, for a process whose effective
 * user is `self`: text to stand behind its name, NULL if nothing is.
 */
const char *secret_file_fault(const struct stat *st, uid_t self);

#endif
