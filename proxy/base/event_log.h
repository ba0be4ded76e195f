/*
 * event_log.h - the lines that libevent has to say, as lines of our log.
 */
#ifndef LOCKSTEP_PROXY_BASE_EVENT_LOG_H
#define LOCKSTEP_PROXY_BASE_EVENT_LOG_H

/* From now on; called once, before the first thread starts. */
void event_log_begin(void);

#endif
