/*
 * conninfo_keyword.h - take a keyword out of a CONNINFO that the libpq at hand
 * does not know, because it is older than the server.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_CONNINFO_KEYWORD_H
#define LOCKSTEP_PROXY_CONFIG_CONNINFO_KEYWORD_H

#include <stdbool.h>

/*
 * Remove keyword and value from text, in place; a keyword that stands there
 * more than once is removed each time, and the last one counts.  *value is
 * allocated, or NULL if there was none.  What is not understood is left for
 * libpq to complain about.  False: out of memory.
 */
bool conninfo_keyword_take(char *text, const char *keyword, char **value);

#endif
