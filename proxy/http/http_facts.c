#include "proxy/http/http_facts.h"

/* True if a session or a look has got through to the upstream lately. */
static bool
http_facts_is_reached(const struct http_facts *f)
{
	return f->reached_ms != 0 &&
	       f->now_ms <= f->reached_ms + HTTP_REACHED_MS;
}

const char *
http_facts_not_ready(const struct http_facts *f)
{
	if (!f->is_listening)
		return "not listening";
	if (f->is_draining)
		return "draining";
	if (f->connections >= f->max_connections)
		return "max_connections is reached";
	if (!http_facts_is_reached(f))
		return "the upstream was not reached lately";
	return NULL;
}
