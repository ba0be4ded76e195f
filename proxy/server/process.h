/*
 * process.h - what the process asks of the system for itself.
 */
#ifndef LOCKSTEP_PROXY_SERVER_PROCESS_H
#define LOCKSTEP_PROXY_SERVER_PROCESS_H

#include "proxy/config/config.h"

/* Ask the system for two descriptors a session and for HTTP's, or as many as it
 * allows; if that is not enough the log tells what would be. */
void process_raise_descriptor_limit(const struct config *c);

/* Keep the memory, which has keys, out of core files, and from whoever may
 * trace its user's processes, unless that is allowed. */
void process_hide_memory(const struct config *config);

/*
 * Share one arena of malloc's where the address space is limited: a thread's
 * own takes 64 MB of that, and where it is not to be had malloc asks for it
 * again each time.  Called before the first thread starts.
 */
void process_share_memory(void);

#endif
