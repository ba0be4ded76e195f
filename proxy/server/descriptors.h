/*
 * descriptors.h - how many files the process may have open.
 */
#ifndef LOCKSTEP_PROXY_SERVER_DESCRIPTORS_H
#define LOCKSTEP_PROXY_SERVER_DESCRIPTORS_H

#include "proxy/config/config.h"

/* Ask the system for two a session and for HTTP's, or as many as it allows; if
 * that is not enough the log tells what would be. */
void descriptors_raise(const struct config *c);

#endif
