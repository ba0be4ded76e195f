/*
 * server.h - the running proxy: workers, listeners, signals.
 */
#ifndef LOCKSTEP_PROXY_SERVER_SERVER_H
#define LOCKSTEP_PROXY_SERVER_SERVER_H

#include "proxy/config/config.h"
#include "proxy/config/config_load.h"

/*
 * Serve until told to stop: SIGTERM or SIGINT drains, a second one ends at
 * once.  config is taken; its sources, which are read again at a reload, are
 * borrowed for the call.  Returns the exit status of the process; the log says
 * what went wrong.
 */
int server_run(struct config *config, const struct config_sources *sources);

#endif
