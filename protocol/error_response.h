/*
 * error_response.h - encode ErrorResponse and NoticeResponse, and rewrite the
 * position of one that passes through.
 *
 * Source: PostgreSQL documentation, "Error and Notice Message Fields".
 */
#ifndef LOCKSTEP_PROTOCOL_ERROR_RESPONSE_H
#define LOCKSTEP_PROTOCOL_ERROR_RESPONSE_H

#include <stdint.h>

#include "protocol/span.h"
#include "protocol/writer.h"

/* An error or a notice of our own; texts are borrowed and hold no NUL. */
struct error_report {
	const char *severity; /* "ERROR", "FATAL"; "NOTICE", "WARNING" */
	const char *sqlstate; /* five characters */
	const char *message;
	const char *detail; /* NULL: none */
	const char *hint;   /* NULL: none */
};

/* Write one whole ErrorResponse. */
void error_response_write(struct writer *w, const struct error_report *e);

/* Write one whole NoticeResponse. */
void notice_response_write(struct writer *w, const struct error_report *e);

/*
 * Copy the error or notice (type and body) with `characters` added to its
 * position field, if it has one; a body that does not parse is copied as it is.
 */
void error_response_shift(struct writer *w, uint8_t type, struct span body,
			  uint32_t characters);

/*
 * Copy the error or notice (type and body) with `text` in its detail field,
 * on a line of its own behind the detail that it has; a body that does not
 * parse is copied as it is.
 */
void error_response_add_detail(struct writer *w, uint8_t type, struct span body,
			       const char *text);

#endif
