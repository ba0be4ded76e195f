#include "proxy/config/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/config/value.h"

enum {
	IPV4_BITS = 32,
	IPV6_BITS = 128,
	MAPPED_BYTES = 12, /* before the IPv4 address within an IPv6 one */
	MAPPED_BITS = 8 * MAPPED_BYTES,
	LISTED_MAX = 10000,
};

static const char separators[] = ", \t\r\n";

static void
network_set(struct network *out, const uint8_t *address, bool is_ipv6)
{
	static const uint8_t mapped[MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};

	*out = (struct network){.is_ipv6 = is_ipv6,
				.prefix_bits = is_ipv6 ? IPV6_BITS : IPV4_BITS};
	if (!is_ipv6) {
		memcpy(out->address, address, IPV4_BITS / 8);
	} else if (memcmp(address, mapped, MAPPED_BYTES) == 0) {
		memcpy(out->address, address + MAPPED_BYTES, IPV4_BITS / 8);
		out->prefix_bits = IPV4_BITS;
		out->is_ipv6 = false;
	} else {
		memcpy(out->address, address, IPV6_BITS / 8);
	}
}

/* Read the bits behind a slash, 0 to max. */
static bool
network_read_prefix(uint8_t *out, const char *text, size_t max)
{
	size_t bits = 0;
	size_t len = strlen(text);

	if (len == 0 || len > 3 || strspn(text, "0123456789") != len)
		return false;
	for (; *text != '\0'; text++)
		bits = bits * 10 + (size_t)(*text - '0');
	*out = (uint8_t)bits;
	return bits <= max;
}

/* Read one; the slash within text becomes its end. */
static bool
network_read(struct network *out, char *text)
{
	uint8_t bytes[IPV6_BITS / 8];
	bool is_ipv6 = strchr(text, ':') != NULL;
	char *slash = strchr(text, '/');
	uint8_t bits;

	if (slash != NULL)
		*slash = '\0';
	if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text, bytes) != 1)
		return false;
	network_set(out, bytes, is_ipv6);
	if (slash == NULL)
		return true;
	if (!network_read_prefix(&bits, slash + 1,
				 is_ipv6 ? IPV6_BITS : IPV4_BITS))
		return false;
	if (is_ipv6 && !out->is_ipv6) {
		if (bits < MAPPED_BITS)
			return false; /* IPv6 would be among it */
		bits = (uint8_t)(bits - MAPPED_BITS);
	}
	out->prefix_bits = bits;
	return true;
}

/* Add what stands in text[0 .. len).  False: *error says why. */
static bool
network_list_add(struct network_list *list, const char *text, size_t len,
		 struct value_error *error)
{
	char shown[VALUE_SHOWN_BYTES];
	struct network *item = &list->items[list->count];
	char *copy = strndup(text, len);
	char *read = copy == NULL ? NULL : strdup(copy);
	bool is_one = read != NULL && network_read(item, read);

	free(read);
	if (is_one) {
		list->texts[list->count++] = copy;
		return true;
	}
	if (read == NULL)
		value_fail_memory(error);
	else
		value_fail(error,
			   "expected a network as 10.0.0.0/8 or fd00::/8, or "
			   "an address, not \"%s\"",
			   value_shown(shown, copy));
	free(copy);
	return false;
}

static size_t
network_count(const char *text)
{
	size_t count = 0;

	for (text += strspn(text, separators); *text != '\0';
	     text += strspn(text, separators)) {
		text += strcspn(text, separators);
		count++;
	}
	return count;
}

bool
network_list_parse(struct network_list *out, const char *text,
		   struct value_error *error)
{
	struct network_list new = {.count = 0};
	size_t count = network_count(text);
	size_t len;

	if (count > LISTED_MAX)
		return value_fail(error, "more than %d networks", LISTED_MAX);
	if (count == 0 && text[strspn(text, " \t\r\n")] != '\0')
		return value_fail(error, "a comma, and no network");
	if (count > 0) {
		new.items = calloc(count, sizeof(*new.items));
		new.texts = calloc(count, sizeof(*new.texts));
		if (new.items == NULL || new.texts == NULL) {
			network_list_clear(&new);
			return value_fail_memory(error);
		}
	}
	while (new.count < count) {
		text += strspn(text, separators);
		len = strcspn(text, separators);
		if (!network_list_add(&new, text, len, error)) {
			network_list_clear(&new);
			return false;
		}
		text += len;
	}
	*out = new;
	return true;
}

void
network_list_clear(struct network_list *list)
{
	value_free_list(list->texts, list->count);
	free(list->items);
	*list = (struct network_list){.count = 0};
}

static bool
network_has(const struct network *n, const struct network *address)
{
	size_t bytes = n->prefix_bits / 8;
	unsigned rest = n->prefix_bits % 8;

	if (n->is_ipv6 != address->is_ipv6 ||
	    memcmp(n->address, address->address, bytes) != 0)
		return false;
	return rest == 0 ||
	       (n->address[bytes] ^ address->address[bytes]) >> (8 - rest) == 0;
}

bool
network_list_has(const struct network_list *list,
		 const struct sockaddr *address)
{
	const void *given = address;
	struct network wanted;
	size_t i;

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = given;

		network_set(&wanted, (const uint8_t *)&in->sin_addr, false);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = given;

		network_set(&wanted, in6->sin6_addr.s6_addr, true);
	} else {
		return false;
	}
	for (i = 0; i < list->count; i++)
		if (network_has(&list->items[i], &wanted))
			return true;
	return false;
}
