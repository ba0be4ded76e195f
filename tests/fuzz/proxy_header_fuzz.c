/*
 * A header that is accepted lies within the input and its bound, every proper
 * prefix of it wants more, and what follows it changes nothing.
 */
#include "proxy/net/proxy_header.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h, again;

	switch (proxy_header_decode(&h, span_of(data, size))) {
	case PROXY_HEADER_MORE:
		assert(size < PROXY_HEADER_V2_MAX_BYTES);
		return 0;
	case PROXY_HEADER_BAD:
		assert(size > 0);
		return 0;
	case PROXY_HEADER_OK:
		break;
	}
	assert(h.len > 0 && h.len <= size);
	assert(h.len <= PROXY_HEADER_V2_MAX_BYTES);
	assert(proxy_header_decode(&again, span_of(data, h.len)) ==
	       PROXY_HEADER_OK);
	assert(memcmp(&h, &again, sizeof(h)) == 0);
	for (size_t len = 0; len < h.len; len++)
		assert(proxy_header_decode(&again, span_of(data, len)) ==
		       PROXY_HEADER_MORE);
	return 0;
}
