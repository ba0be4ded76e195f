/*
 * log_writer.h - how lines of the log come to where they go (log_sink.h).
 *
 * Nobody waits for who reads the log: a line is put into a queue, and a thread
 * writes what is there.  The queue is bounded; lines that find no room are
 * lost, and so are those that cannot be written.  How many they were is a line
 * of its own, in their place, as soon as one can be written again.
 *
 * Without the thread, before log_writer_begin and after log_writer_end, a line
 * is written by the caller.
 */
#ifndef LOCKSTEP_PROXY_BASE_LOG_WRITER_H
#define LOCKSTEP_PROXY_BASE_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* The most that waits; as much again may be on its way out. */
	LOG_QUEUE_BYTES = 4 * 1024 * 1024,
	/* The longest that log_writer_end waits for a reader. */
	LOG_END_MS = 1000,
};

/* Put the line that tells of so many lost lines; called by the thread. */
typedef void log_writer_tell(uint64_t lines);

/*
 * Write from a thread of its own from now on.  False: there is none, errno is
 * set, and lines are written as before.
 */
bool log_writer_begin(log_writer_tell *tell_lost);

/*
 * Write all that waits, for LOG_END_MS at most, and end the thread.  One that
 * hangs in a write is left behind, and no line is written any more: call this
 * at the end of the process.  Nothing happens without a thread.
 */
void log_writer_end(void);

/* Take a copy of a line that ends in its newline, PIPE_BUF bytes at most.
 * Thread safe; changes errno. */
void log_writer_put(const char *line, size_t len);

#endif
