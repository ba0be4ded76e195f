#include "proxy/base/event_log.h"

#include <event2/event.h>

#include "proxy/base/log.h"

/* An event_log_cb. */
static void
event_log_write(int severity, const char *message)
{
	enum log_level level = LOG_ERROR;
	struct log_event e;

	if (severity == EVENT_LOG_DEBUG)
		level = LOG_DEBUG;
	else if (severity == EVENT_LOG_MSG)
		level = LOG_INFO;
	else if (severity == EVENT_LOG_WARN)
		level = LOG_WARNING;
	log_begin(&e, level, "libevent");
	log_text(&e, "detail", message);
	log_end(&e);
}

void
event_log_begin(void)
{
	event_set_log_callback(event_log_write);
}
