#include "proxy/history/history_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void
history_time_text(char out[HISTORY_TIME_BYTES], uint64_t at_ms, char between)
{
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm t;
	size_t len;

	memset(&t, 0, sizeof(t));
	(void)gmtime_r(&seconds, &t);
	len = strftime(out, HISTORY_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &t);
	snprintf(out + len, HISTORY_TIME_BYTES - len, ".%03u",
		 (unsigned)(at_ms % 1000));
	out[10] = between;
}

void
history_span_text(char out[HISTORY_SPAN_BYTES], uint64_t ms)
{
	if (ms < 1000)
		snprintf(out, HISTORY_SPAN_BYTES, "%" PRIu64 " ms", ms);
	else if (ms < UINT64_C(60000))
		snprintf(out, HISTORY_SPAN_BYTES, "%.1f s",
			 (double)ms / 1000.0);
	else
		snprintf(out, HISTORY_SPAN_BYTES,
			 "%" PRIu64 " min %" PRIu64 " s", ms / 60000,
			 ms / 1000 % 60);
}
