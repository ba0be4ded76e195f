#include "policy/sql/fnv.h"

uint64_t
fnv_more(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *bytes = data;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return hash;
}

uint64_t
fnv_hash(const void *data, size_t len)
{
	return fnv_more(0xcbf29ce484222325u, data, len);
}
