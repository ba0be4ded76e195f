/*
 * summary.h - the first lines of the log, and the last: what the process is to
 * do, and has done.
 */
#ifndef LOCKSTEP_PROXY_SERVER_SUMMARY_H
#define LOCKSTEP_PROXY_SERVER_SUMMARY_H

#include <stdint.h>

#include "proxy/pair/daemon.h"

/* Log what a process that listens is to do, and what may surprise. */
void summary_log_start(const struct config *c);

/* Log what may surprise in these settings. */
void summary_log_warnings(const struct config *c);

/* Log that the process, which has run for so long, has stopped. */
void summary_log(const struct daemon *d, uint64_t uptime_ms);

#endif
