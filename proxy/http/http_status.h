/*
 * http_status.h - /api/status: what the process is doing, in numbers, for the
 * page that a browser shows, and for programs.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_STATUS_H
#define LOCKSTEP_PROXY_HTTP_HTTP_STATUS_H

#include <stdio.h>

#include "proxy/http/http_facts.h"

/* Write an object of JSON and a newline.  Texts in it are ours, and rates are
 * for the reader to make of totals. */
void http_status_write(FILE *out, const struct http_facts *f);

#endif
