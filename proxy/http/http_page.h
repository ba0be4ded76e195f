/*
 * http_page.h - the page for people, as the build has put it together of page/:
 * one document, with its style and its script.
 */
#ifndef LOCKSTEP_PROXY_HTTP_HTTP_PAGE_H
#define LOCKSTEP_PROXY_HTTP_HTTP_PAGE_H

#include "protocol/span.h"

/* The document, static. */
struct span http_page(void);

/* The Content-Security-Policy to serve it with, static: a browser runs the
 * document's own script, whose hash it has, asks nobody but us, and loads
 * nothing. */
const char *http_page_policy(void);

#endif
