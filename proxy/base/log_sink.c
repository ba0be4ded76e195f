#include "proxy/base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MODE = 0640,
};

/* Written before the first thread starts, read only ever after. */
static struct {
	const char *path; /* borrowed; NULL: standard error */
	int fd;
	bool is_journal;
} sink = {.fd = STDERR_FILENO};

/* True if the variable names what standard error is: who has redirected it
 * since has left the journal. */
static bool
log_sink_leads_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device;
	uintmax_t inode;
	struct stat file;
	char *end;

	if (stream == NULL)
		return false;
	device = strtoumax(stream, &end, 10);
	if (*end != ':')
		return false;
	inode = strtoumax(end + 1, &end, 10);
	return *end == '\0' && fstat(STDERR_FILENO, &file) == 0 &&
	       file.st_dev == device && file.st_ino == inode;
}

/* A FIFO without a reader is no place for a log, and no reason to wait. */
static int
log_sink_open_file(const char *path)
{
	return open(path,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY |
			O_NONBLOCK,
		    FILE_MODE);
}

bool
log_sink_open(const char *path)
{
	int fd;

	sink.is_journal = path == NULL && log_sink_leads_to_journal();
	if (path == NULL)
		return true;
	fd = log_sink_open_file(path);
	if (fd < 0)
		return false;
	sink.fd = fd;
	sink.path = path;
	return true;
}

/* Whoever is about to write by the descriptor writes to the one file or to the
 * other. */
bool
log_sink_reopen(void)
{
	bool is_open;
	int saved_errno;
	int fd;

	if (sink.path == NULL)
		return true;
	fd = log_sink_open_file(sink.path);
	if (fd < 0)
		return false;
	is_open = dup3(fd, sink.fd, O_CLOEXEC) >= 0;
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return is_open;
}

int
log_sink_fd(void)
{
	return sink.fd;
}

bool
log_sink_is_journal(void)
{
	return sink.is_journal;
}
