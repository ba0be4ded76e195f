/*
 * http_reply.h - an answer to a request, with the headers that all have.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_REPLY_H
#define LOCKSTEP_PROXY_HTTP_HTTP_REPLY_H

#include <stddef.h>

#define HTTP_TEXT_TYPE "text/plain; charset=utf-8"
#define HTTP_JSON_TYPE "application/json"

struct evhttp_request;

/* Add a header to the answer that is to come. */
void http_add_header(struct evhttp_request *r, const char *name,
		     const char *value);

/* Answer with `len` bytes of that type, but to HEAD without them. */
void http_reply(struct evhttp_request *r, int status, const char *reason,
		const char *type, const void *data, size_t len);

/* Answer with a line of text. */
void http_reply_line(struct evhttp_request *r, int status, const char *reason,
		     const char *line);

/* 200, or 503 with the reason. */
void http_reply_probe(struct evhttp_request *r, const char *why_not);

/* Answer with what was written to a memstream, which is taken, or with why it
 * was not. */
void http_reply_written(struct evhttp_request *r, const char *type, char *text,
			size_t len);

#endif
