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
 * Open it for reading; secret_file_close takes *f back.  The file that was
 * opened is the one that is judged, whatever the path names by then.  False:
 * why has one line that names the file as `what` ("private key file",
 * "auth_file") and path; *f is not open.
 */
bool secret_file_open(struct secret_file *f, const char *path, const char *what,
		      char *why, size_t why_size);

/* Close it, and wipe what the buffer held. */
void secret_file_close(struct secret_file *f);

/*
 * The fault of a file of this status, for a process whose effective user is
 * `self`: static text to stand behind its name; NULL: there is none.
 */
const char *secret_file_fault(const struct stat *st, uid_t self);

#endif
