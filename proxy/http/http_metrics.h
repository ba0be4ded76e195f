/*
 * http_metrics.h - the page /metrics: counts in Prometheus' text format 0.0.4.
 *
 * Labels are of closed sets; none is a name of a user's, a database's or a
 * table's.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_METRICS_H
#define LOCKSTEP_PROXY_HTTP_HTTP_METRICS_H

#include <stdio.h>

#include "proxy/http/http_facts.h"

#define HTTP_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Write the page. */
void http_metrics_write(FILE *out, const struct http_facts *f);

#endif
