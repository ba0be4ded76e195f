/*
 * log_sink.h - where lines of the log go: standard error, or a file.
 *
 * Where standard error is a journal's (JOURNAL_STREAM, systemd.exec(5)), each
 * line begins with its priority, <6> for example, as sd-daemon(3) has it.
 */
#ifndef LOCKSTEP_PROXY_BASE_LOG_SINK_H
#define LOCKSTEP_PROXY_BASE_LOG_SINK_H

#include <stdbool.h>

/*
 * Write to that file from now on, behind what it has; NULL: to standard error.
 * Called before the first thread starts, and path is borrowed for the life of
 * the process.  False: it cannot be opened, errno says why, and lines go where
 * they went.
 */
bool log_sink_open(const char *path);

/* Open the file anew by its name, for who has renamed it.  False as above;
 * without a file nothing happens. */
bool log_sink_reopen(void);

/* The descriptor of the log, the same for the life of the process. */
int log_sink_fd(void);

/* True if lines begin with their priority. */
bool log_sink_is_journal(void);

#endif
