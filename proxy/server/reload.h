/*
 * reload.h - what SIGHUP has read again: the files that the configuration
 * names.
 */
#ifndef LOCKSTEP_PROXY_SERVER_RELOAD_H
#define LOCKSTEP_PROXY_SERVER_RELOAD_H

#include <stdbool.h>

#include "proxy/fleet/fleet.h"
#include "proxy/pair/daemon.h"

/*
 * Open log_file anew, and read certificates, keys and verifiers again, each by
 * itself: one that is broken is logged, stays as it was, and stands in no
 * other's way.  fleet may be NULL.  Called in the main thread.  True: none is
 * broken.
 */
bool reload_files(struct daemon *d, struct fleet *fleet);

#endif
