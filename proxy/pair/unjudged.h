/*
 * unjudged.h - why a text that may hold a statement to guard passes as it is,
 * as a table: for the log, and for counters.
 */
#ifndef LOCKSTEP_PROXY_PAIR_UNJUDGED_H
#define LOCKSTEP_PROXY_PAIR_UNJUDGED_H

/* X(constant, name of the counter, reason) */
#define UNJUDGED_REASONS(X)                                                    \
	X(UNPARSED, "unparsed", "it does not parse")                           \
	X(BACKSLASHES, "backslashes", "standard_conforming_strings is off")    \
	X(QUERY_LIMIT, "query_limit",                                          \
	  "the message is larger than query_limit")                            \
	X(PARSE_LIMIT, "parse_limit", "it is larger than parse_limit allows")  \
	X(PARSE_MEMORY, "parse_memory", "its parse takes more than 64 MB")     \
	X(PREPARED_BYTES, "prepared_bytes",                                    \
	  "prepared statements take too much memory")                          \
	X(PREPARED_COUNT, "prepared_count",                                    \
	  "too many statements are prepared")                                  \
	X(MEMORY, "memory", "out of memory")

enum unjudged {
#define X(constant, name, reason) UNJUDGED_##constant,
	UNJUDGED_REASONS(X)
#undef X
};

enum {
	UNJUDGED_COUNT = UNJUDGED_MEMORY + 1,
};

#endif
