/*
 * Any bytes behind AuthenticationOk: what has been read of their front is not
 * unsaid by more of them, and a host fits by what it has said alone.
 */
#include "proxy/session/host_facts.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_fit(const struct host_facts *f)
{
	enum session_attrs a;

	for (a = SESSION_ATTRS_READ_WRITE; a <= SESSION_ATTRS_PREFER_STANDBY;
	     a++)
		if (host_facts_judge(f, a) == HOST_FITS)
			assert(f->in_hot_standby != HOST_FACT_UNKNOWN);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host_facts whole, front;
	enum host_facts_status status =
	    host_facts_read(&whole, span_of(data, size));
	size_t len;

	assert(status != HOST_FACTS_MORE || size < HOST_FACTS_MAX_BYTES);
	check_fit(&whole);
	for (len = 0; len < size; len++) {
		enum host_facts_status first =
		    host_facts_read(&front, span_of(data, len));

		if (first == HOST_FACTS_MORE)
			continue;
		assert(first == status);
		assert(front.in_hot_standby == whole.in_hot_standby);
		assert(front.is_read_only == whole.is_read_only);
	}
	return 0;
}
