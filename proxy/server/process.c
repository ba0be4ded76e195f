#include "proxy/server/process.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "proxy/base/log.h"
#include "proxy/http/http.h"

enum {
	DESCRIPTORS_OF_OURS =
	    64, /* beside those of sessions and HTTP, at most */
};

/* The most max_connections that so many descriptors are enough for, beside
 * those that are needed anyway. */
static rlim_t
descriptors_for(rlim_t descriptors, rlim_t others)
{
	return descriptors > others + 2 ? (descriptors - others) / 2 : 1;
}

void
process_raise_descriptor_limit(const struct config *c)
{
	rlim_t others = http_descriptors(c) + DESCRIPTORS_OF_OURS;
	rlim_t wanted = (rlim_t)c->max_connections * 2 + others;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < wanted)
		log_line(
		    LOG_WARNING,
		    "max_connections = %u needs %ju file descriptors, the"
		    " limit is %ju: raise that (ulimit -Hn, LimitNOFILE), or"
		    " set max_connections to %ju",
		    c->max_connections, (uintmax_t)wanted,
		    (uintmax_t)limit.rlim_cur,
		    (uintmax_t)descriptors_for(limit.rlim_cur, others));
}

void
process_hide_memory(const struct config *config)
{
	if (!config->core_dumps && prctl(PR_SET_DUMPABLE, 0) != 0)
		log_line(LOG_WARNING, "core_dumps = off has no effect: %s",
			 strerror(errno));
}

void
process_share_memory(void)
{
#ifdef M_ARENA_MAX
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY)
		(void)mallopt(M_ARENA_MAX, 1);
#endif
}
