/*
 * row.h - values of catalog rows.
 */
#ifndef LOCKSTEP_TESTS_SUPPORT_ROW_H
#define LOCKSTEP_TESTS_SUPPORT_ROW_H

#include <string.h>

#include "policy/catalog/row.h"

/* A NUL terminated text, borrowed; NULL is SQL's. */
static inline struct row_value
value(const char *text)
{
	return (struct row_value){text, text != NULL ? strlen(text) : 0};
}

#endif
