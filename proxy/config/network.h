/*
 * network.h - lists of networks, as `10.0.0.0/8, ::1`, and whether an address
 * is in one.
 */
#ifndef LOCKSTEP_PROXY_CONFIG_NETWORK_H
#define LOCKSTEP_PROXY_CONFIG_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;
struct value_error;

/* IPv4 within IPv6 (::ffff:10.0.0.1) counts as IPv4. */
struct network {
	uint8_t address[16]; /* the first 4 for IPv4 */
	uint8_t prefix_bits;
	bool is_ipv6;
};

/* A zeroed one is empty. */
struct network_list {
	struct network *items; /* owned */
	char **texts;          /* owned; of each item, as it was given */
	size_t count;
};

/*
 * Read addresses and networks with commas or blanks between them; *out is
 * network_list_clear's to take back.  An empty text is an empty list.  False:
 * *error says why, and *out is as it was.
 */
bool network_list_parse(struct network_list *out, const char *text,
			struct value_error *error);

/* Free all; accepts a zeroed list, and leaves one. */
void network_list_clear(struct network_list *list);

/* True if one of them has the address.  One of neither IPv4 nor IPv6 is in
 * none. */
bool network_list_has(const struct network_list *list,
		      const struct sockaddr *address);

#endif
