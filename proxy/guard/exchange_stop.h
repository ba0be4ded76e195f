/*
 * exchange_stop.h - a test stops an exchange where it enters a phase.
 *
 * A build for tests (LOCKSTEP_STOPS) looks for EXCHANGE_STOPS in its
 * environment: the number of an inherited socket that keeps the bounds of
 * messages.  The test sends "phase" or "phase:n"; the thread that enters that
 * phase for the nth time from then on answers with the phase's name, and goes
 * on behind the test's next message, which may name a phase again, or its end.
 * Other threads do not stop meanwhile.  What is installed has nothing of this.
 */
#ifndef LOCKSTEP_PROXY_GUARD_EXCHANGE_STOP_H
#define LOCKSTEP_PROXY_GUARD_EXCHANGE_STOP_H

#ifdef LOCKSTEP_STOPS

/* An exchange is in the phase of this name now: stay here, if a test wants
 * that, until it says so. */
void exchange_stop(const char *phase);

#else

/* Do nothing: no test is there. */
static inline void
exchange_stop(const char *phase)
{
	(void)phase;
}

#endif

#endif
