/*
 * explain_output.h - a struct explain_report for programs and for people.
 */
#ifndef LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_OUTPUT_H
#define LOCKSTEP_PROXY_EXPLAIN_EXPLAIN_OUTPUT_H

#include <stdio.h>

#include "proxy/explain/explain_report.h"

/* Write one object on one line.  False: out of memory, and the line is not
 * whole. */
bool explain_write_json(FILE *out, const struct explain_report *r);

/* Write a block of lines, none of them empty. */
void explain_write_text(FILE *out, const struct explain_report *r);

#endif
