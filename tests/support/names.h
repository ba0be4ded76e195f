/*
 * names.h - the names that the code under test can look up, by the linker's
 * --wrap=getaddrinfo: an address is read as ever, and what becomes of a name
 * is the test's.  A unit asks for it with NAMES in tests/CMakeLists.txt.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_NAMES_H
#define LOCKSTEP_TESTS_SUPPORT_NAMES_H

enum names_mood {
	NAMES_SILENT,  /* a look-up lasts until the mood changes */
	NAMES_UNKNOWN, /* no such name */
	NAMES_KNOWN,   /* every name is 127.0.0.1 */
	NAMES_TWO,     /* every name is 127.0.0.1 and 127.0.0.2 */
};

/* Silent from now on, and nobody has asked. */
void names_begin(void);

void names_be(enum names_mood mood);

/* How many look-ups of names have begun since names_begin. */
unsigned names_asked(void);

#endif
