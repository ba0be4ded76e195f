#include "proxy/http/http_reply.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/http.h>

void
http_add_header(struct evhttp_request *r, const char *name, const char *value)
{
	(void)evhttp_add_header(evhttp_request_get_output_headers(r), name,
				value);
}

void
http_reply(struct evhttp_request *r, int status, const char *reason,
	   const char *type, const void *data, size_t len)
{
	struct evbuffer *body = evbuffer_new();

	if (body != NULL && evhttp_request_get_command(r) != EVHTTP_REQ_HEAD)
		(void)evbuffer_add(body, data, len);
	http_add_header(r, "Content-Type", type);
	http_add_header(r, "Cache-Control", "no-store");
	http_add_header(r, "X-Content-Type-Options", "nosniff");
	/* A prober that is done is to leave its place to others. */
	http_add_header(r, "Connection", "close");
	evhttp_send_reply(r, status, reason, body);
	if (body != NULL)
		evbuffer_free(body);
}

void
http_reply_line(struct evhttp_request *r, int status, const char *reason,
		const char *line)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "%s\n", line);

	http_reply(r, status, reason, HTTP_TEXT_TYPE, text, (size_t)len);
}

void
http_reply_probe(struct evhttp_request *r, const char *why_not)
{
	if (why_not == NULL)
		http_reply_line(r, HTTP_OK, "OK", "ok");
	else
		http_reply_line(r, HTTP_SERVUNAVAIL, "Service Unavailable",
				why_not);
}

void
http_reply_written(struct evhttp_request *r, const char *type, char *text,
		   size_t len)
{
	if (text != NULL)
		http_reply(r, HTTP_OK, "OK", type, text, len);
	else
		http_reply_line(r, HTTP_INTERNAL, "Internal Server Error",
				"out of memory");
	free(text);
}
