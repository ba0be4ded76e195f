/*
 * A client of the console that says anything: whatever it is, all that comes
 * back are whole messages, and nothing is left behind.
 */
#include "tests/support/console.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct console_fixture f;
	struct frame m;
	struct span out;

	console_fixture_begin(&f, CONSOLE_MAY_ALL);
	assert(buffer_append(&f.pair.pair.from_client.buffer, data, size) ||
	       size == 0);
	console_go_on(f.console);
	for (int i = 0; i < 8; i++)
		event_base_loop(f.pair.base, EVLOOP_NONBLOCK);
	out = pair_fixture_read(&f.pair, f.pair.client);
	while (frame_next(&m, &out, FRAME_LENGTH_MAX) == FRAME_OK)
		continue;
	assert(out.len == 0 || stream_pending(&f.pair.pair.client) > 0 ||
	       out.len < sizeof(f.pair.read));
	console_fixture_end(&f);
	return 0;
}
