/*
 * http.h - probes and metrics by HTTP, in a thread of its own: whatever its
 * clients do, workers do not notice.
 *
 * The thread reads what workers have counted, and asks none of them anything.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_H
#define LOCKSTEP_PROXY_HTTP_HTTP_H

#include <stddef.h>

#include "proxy/pair/daemon.h"

struct fleet;
struct http;

/* Called in the thread of HTTP as SIGTERM would be, on POST /quitquitquit. */
typedef void http_quit_fn(void *arg);

/*
 * Listen at http_listen of the daemon's configuration, and serve, beside the
 * workers.  All are borrowed until http_stop; fleet may be NULL.  NULL: why is
 * logged.
 */
struct http *http_start(struct daemon *d, struct fleet *fleet,
			http_quit_fn *quit, void *arg);

/* The most descriptors that the settings have it open, about. */
size_t http_descriptors(const struct config *c);

/* End the thread and free all, while what it borrowed is still there.  Accepts
 * NULL. */
void http_stop(struct http *h);

#endif
