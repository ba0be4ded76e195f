/*
 * server.h - the running proxy: workers, listeners, signals.
 */
#ifndef LOCKSTEP_PROXY_SERVER_SERVER_H
#define LOCKSTEP_PROXY_SERVER_SERVER_H

#include "proxy/config/config.h"

/*
 * Serve until told to stop: SIGTERM or SIGINT drains, a second one ends at
 * once.  config is borrowed for the call.  Returns the exit status of the
 * process; the log says what went wrong.
 */
int server_run(const struct config *config);

#endif
