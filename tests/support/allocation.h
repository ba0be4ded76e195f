/*
 * allocation.h - make the nth allocation of the code under test fail.
 *
 * Works by the linker's --wrap=malloc,--wrap=calloc,--wrap=realloc, with which
 * every unit is linked; allocations inside shared libraries never fail.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_ALLOCATION_H
#define LOCKSTEP_TESTS_SUPPORT_ALLOCATION_H

#include <stdbool.h>

/* Let `succeed` more allocations succeed, then fail every one. */
void allocation_fail_after(unsigned succeed);

/* Back to normal; true if an allocation has failed since fail_after. */
bool allocation_restore(void);

#endif
