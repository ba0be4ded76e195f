/*
 * summary.h - the last line of the log: what the process has done.
 */
#ifndef LOCKSTEP_PROXY_SERVER_SUMMARY_H
#define LOCKSTEP_PROXY_SERVER_SUMMARY_H

#include <stdint.h>

#include "proxy/pair/daemon.h"

/* Log that the process, which has run for so long, has stopped. */
void summary_log(const struct daemon *d, uint64_t uptime_ms);

#endif
