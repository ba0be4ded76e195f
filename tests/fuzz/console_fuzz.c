/*
 * A client of the console that says anything: whatever it is, what comes back
 * are whole messages, and nothing is left behind.
 */
#include <assert.h>

#include "proxy/base/log.h"
#include "tests/support/console.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct console_fixture f;
	struct span out;
	struct frame m;

	log_init(LOG_ERROR, LOG_TEXT);
	console_fixture_begin(&f, CONSOLE_MAY_ALL);
	assert(size == 0 ||
	       buffer_append(&f.pair.pair.from_client.buffer, data, size));
	console_go_on(f.console);
	for (int i = 0; i < 8; i++)
		event_base_loop(f.pair.base, EVLOOP_NONBLOCK);
	out = pair_fixture_read(&f.pair, f.pair.client);
	/* A read that is full may end within a message. */
	if (out.len < sizeof(f.pair.read)) {
		while (frame_next(&m, &out, FRAME_LENGTH_MAX) == FRAME_OK)
			continue;
		assert(out.len == 0);
	}
	console_fixture_end(&f);
	return 0;
}
