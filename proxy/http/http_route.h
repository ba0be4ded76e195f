/*
 * http_route.h - from the method and the path of a request to what it asks
 * for.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_ROUTE_H
#define LOCKSTEP_PROXY_HTTP_HTTP_ROUTE_H

#include <stdbool.h>

enum http_method {
	HTTP_READ,  /* GET and HEAD */
	HTTP_WRITE, /* POST */
};

enum http_action {
	HTTP_STARTUP,
	HTTP_LIVE,
	HTTP_READY,
	HTTP_PAGE, /* for people */
	HTTP_METRICS,
	HTTP_STATUS,    /* numbers, as JSON */
	HTTP_HELD,      /* statements that are under way, as JSON */
	HTTP_WINDOWS,   /* likewise windows of the gate */
	HTTP_GUARDED,   /* the history, likewise */
	HTTP_DEADLOCKS, /* likewise */
	HTTP_WHY,       /* the history, as text */
	HTTP_SESSIONS,  /* the sessions, as JSON */
	HTTP_DRAIN,     /* not ready from now on; all else goes on */
	HTTP_QUIT,      /* as SIGTERM */
	HTTP_NOT_FOUND,
	HTTP_WRONG_METHOD,
	HTTP_FORBIDDEN,
	HTTP_STRANGE, /* by a name that a stranger can have */
};

/*
 * The action for this path.  is_admin: http_admin is on; may_write: the request
 * is not a browser's, sent by some page that its user looks at; is_ours: it
 * came by a name that no stranger can have.
 */
enum http_action http_route(enum http_method method, const char *path,
			    bool is_admin, bool may_write, bool is_ours);

#endif
