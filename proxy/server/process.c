#include "proxy/server/process.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "proxy/base/log.h"

void
process_raise_descriptor_limit(const struct config *c)
{
	rlim_t wanted = (rlim_t)c->max_connections * 2 + 64;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < wanted)
		log_line(LOG_WARNING,
			 "max_connections = %u needs %ju file descriptors, the"
			 " limit is %ju",
			 c->max_connections, (uintmax_t)wanted,
			 (uintmax_t)limit.rlim_cur);
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
