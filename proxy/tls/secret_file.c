#include "proxy/tls/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

const char *
secret_file_fault(const struct stat *st, uid_t self)
{
	mode_t denied = S_IRWXG | S_IRWXO;

	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	/* Root may be asked to check what another user is to read. */
	if (self != 0 && st->st_uid != self && st->st_uid != 0)
		return "must be owned by the user Lockstep runs as or root";
	if (st->st_uid == 0)
		denied &= ~(mode_t)S_IRGRP;
	if ((st->st_mode & denied) != 0)
		return "has group or world access. File must have permissions "
		       "u=rw (0600) or less if owned by the user Lockstep runs "
		       "as, or u=rw,g=r (0640) or less if owned by root.";
	return NULL;
}

static bool
secret_file_is_sound(int fd, const char *path, const char *what, char *why,
		     size_t why_size)
{
	struct stat st;
	const char *fault;

	if (fstat(fd, &st) != 0) {
		snprintf(why, why_size, "could not access %s \"%s\": %s", what,
			 path, strerror(errno));
		return false;
	}
	fault = secret_file_fault(&st, geteuid());
	if (fault == NULL)
		return true;
	snprintf(why, why_size, "%s \"%s\" %s", what, path, fault);
	return false;
}

bool
secret_file_open(struct secret_file *f, const char *path, const char *what,
		 char *why, size_t why_size)
{
	/* Not to block on a FIFO, nor to make a terminal ours. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && !secret_file_is_sound(fd, path, what, why, why_size)) {
		close(fd);
		return false;
	}
	f->stream = fd < 0 ? NULL : fdopen(fd, "r");
	if (f->stream != NULL) {
		setvbuf(f->stream, f->buffer, _IOFBF, sizeof(f->buffer));
		return true;
	}
	snprintf(why, why_size, "could not open %s \"%s\": %s", what, path,
		 strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

void
secret_file_close(struct secret_file *f)
{
	fclose(f->stream);
	explicit_bzero(f->buffer, sizeof(f->buffer));
}
