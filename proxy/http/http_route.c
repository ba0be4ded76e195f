#include "proxy/http/http_route.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *path;
	enum http_method method;
	enum http_action action;
} routes[] = {
    {"/startup", HTTP_READ, HTTP_STARTUP},
    {"/live", HTTP_READ, HTTP_LIVE},
    {"/liveness", HTTP_READ, HTTP_LIVE},
    {"/livez", HTTP_READ, HTTP_LIVE},
    {"/healthz", HTTP_READ, HTTP_LIVE},
    {"/ready", HTTP_READ, HTTP_READY},
    {"/readiness", HTTP_READ, HTTP_READY},
    {"/readyz", HTTP_READ, HTTP_READY},
    {"/", HTTP_READ, HTTP_PAGE},
    {"/metrics", HTTP_READ, HTTP_METRICS},
    {"/api/status", HTTP_READ, HTTP_STATUS},
    {"/api/held", HTTP_READ, HTTP_HELD},
    {"/api/windows", HTTP_READ, HTTP_WINDOWS},
    {"/api/guarded", HTTP_READ, HTTP_GUARDED},
    {"/api/deadlocks", HTTP_READ, HTTP_DEADLOCKS},
    {"/api/why", HTTP_READ, HTTP_WHY},
    {"/api/sessions", HTTP_READ, HTTP_SESSIONS},
    {"/drain", HTTP_WRITE, HTTP_DRAIN},
    {"/quitquitquit", HTTP_WRITE, HTTP_QUIT},
};

enum http_action
http_route(enum http_method method, const char *path, bool is_admin,
	   bool may_write)
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(path, routes[i].path) != 0)
			continue;
		if (method != routes[i].method)
			return HTTP_WRONG_METHOD;
		if (method == HTTP_WRITE && !(is_admin && may_write))
			return HTTP_FORBIDDEN;
		return routes[i].action;
	}
	return HTTP_NOT_FOUND;
}
