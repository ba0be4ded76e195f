/*
 * backend.h - decode what must be seen of a server's answers.
 *
 * Source: PostgreSQL documentation, "Message Formats" and "Error and Notice
 * Message Fields".  Decoders take the body, return false if it does not have
 * the documented shape, and hand out spans that borrow from the body.
 */
#ifndef LOCKSTEP_PROTOCOL_BACKEND_H
#define LOCKSTEP_PROTOCOL_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"
#include "protocol/types.h"

struct key_data {
	uint32_t backend_pid;
	struct span secret; /* 4 bytes, up to 256 from protocol 3.2 on */
};

struct parameter_status {
	struct span name;
	struct span value;
};

/* ErrorResponse and NoticeResponse; a field that is absent has data NULL. */
struct error_fields {
	struct span severity; /* V where there is one, else S */
	struct span sqlstate; /* C */
	struct span message;  /* M */
	struct span detail;   /* D */
	struct span position; /* P, decimal */
	struct span routine;  /* R */
};

/* A DataRow is read column by column. */
struct data_row {
	struct span rest;
	uint16_t columns; /* still to be read */
};

bool ready_for_query_decode(enum transaction_status *out, struct span body);
bool key_data_decode(struct key_data *out, struct span body);
bool parameter_status_decode(struct parameter_status *out, struct span body);
bool command_complete_decode(struct span *tag, struct span body);
bool error_fields_decode(struct error_fields *out, struct span body);

/* Start with data_row_decode; then one column after the other. */
bool data_row_decode(struct data_row *out, struct span body);

/*
 * The next column's value; NULL has data NULL.  False when no column is left
 * or the row is cut short.
 */
bool data_row_next(struct data_row *row, struct span *value);

#endif
