/*
 * http_host.h - the name by which a request has come: whether a stranger's page
 * in a browser can have sent it (DNS rebinding).
 *
 * A stranger has names in the public DNS and can make them lead here, whereupon
 * the browser takes our answers for theirs.  No stranger has an address, a name
 * without a dot, or one that the public DNS does not delegate.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_HOST_H
#define LOCKSTEP_PROXY_HTTP_HTTP_HOST_H

#include <stdbool.h>

#include "proxy/config/config.h"

/* True if that is the case of a Host header, which may have a port, or be NULL:
 * browsers send one.  `names`: the setting http_hosts. */
bool http_host_is_ours(const char *host, const struct name_list *names);

#endif
