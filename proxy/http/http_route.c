#include "proxy/http/http_route.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *path;
	enum http_method method;
	enum http_action action;
	bool is_open; /* by whatever name: there is nothing to hide */
} routes[] = {
    {"/startup", HTTP_READ, HTTP_STARTUP, true},
    {"/live", HTTP_READ, HTTP_LIVE, true},
    {"/liveness", HTTP_READ, HTTP_LIVE, true},
    {"/livez", HTTP_READ, HTTP_LIVE, true},
    {"/healthz", HTTP_READ, HTTP_LIVE, true},
    {"/ready", HTTP_READ, HTTP_READY, true},
    {"/readiness", HTTP_READ, HTTP_READY, true},
    {"/readyz", HTTP_READ, HTTP_READY, true},
    {"/", HTTP_READ, HTTP_PAGE, false},
    {"/metrics", HTTP_READ, HTTP_METRICS, true},
    {"/api/status", HTTP_READ, HTTP_STATUS, false},
    {"/api/held", HTTP_READ, HTTP_HELD, false},
    {"/api/windows", HTTP_READ, HTTP_WINDOWS, false},
    {"/api/guarded", HTTP_READ, HTTP_GUARDED, false},
    {"/api/deadlocks", HTTP_READ, HTTP_DEADLOCKS, false},
    {"/api/why", HTTP_READ, HTTP_WHY, false},
    {"/api/sessions", HTTP_READ, HTTP_SESSIONS, false},
    {"/drain", HTTP_WRITE, HTTP_DRAIN, false},
    {"/quitquitquit", HTTP_WRITE, HTTP_QUIT, false},
};

enum http_action
http_route(enum http_method method, const char *path, bool is_admin,
	   bool may_write, bool is_ours)
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(path, routes[i].path) != 0)
			continue;
		if (method != routes[i].method)
			return HTTP_WRONG_METHOD;
		if (method == HTTP_WRITE && !(is_admin && may_write))
			return HTTP_FORBIDDEN;
		if (!routes[i].is_open && !is_ours)
			return HTTP_STRANGE;
		return routes[i].action;
	}
	return HTTP_NOT_FOUND;
}
