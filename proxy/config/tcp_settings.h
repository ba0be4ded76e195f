/*
 * tcp_settings.h - how soon the kernel notices that the peer of a connection
 * is gone without a word.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_TCP_SETTINGS_H
#define LOCKSTEP_PROXY_CONFIG_TCP_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/* Half a minute, all in all. */
	TCP_IDLE_MS = 15 * 1000,
	TCP_INTERVAL_MS = 5 * 1000,
	TCP_COUNT = 3,
	/* Linux takes no more: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPCNT. */
	TCP_SECONDS_MAX = 32767,
	TCP_COUNT_MAX = 127,
};

/* Zero leaves a number to the system; parts of a second count as a whole one,
 * but in user_timeout_ms. */
struct tcp_settings {
	bool is_off;              /* no keepalives are sent */
	uint32_t idle_ms;         /* silence before the first keepalive */
	uint32_t interval_ms;     /* between those that nobody answers */
	uint32_t count;           /* so many, and the peer counts as gone */
	uint32_t user_timeout_ms; /* bytes may be on their way for so long */
};

#endif
