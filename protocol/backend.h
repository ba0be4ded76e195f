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

/* The columns of a DataRow that are still to be read. */
struct data_row {
	struct span rest; /* their bytes, borrowed */
	uint16_t columns;
};

/* False also for a status byte that is not documented. */
bool ready_for_query_decode(enum transaction_status *out, struct span body);

/* False also for a secret of less than 4 or more than 256 bytes. */
bool key_data_decode(struct key_data *out, struct span body);

/* Decode the name and the value, each without its NUL. */
bool parameter_status_decode(struct parameter_status *out, struct span body);

/* Decode CommandComplete: its tag without the NUL, "DROP TABLE". */
bool command_complete_decode(struct span *tag, struct span body);

/*
 * Decode an ErrorResponse or a NoticeResponse.  Fields that are not of struct
 * error_fields are passed over; of equal ones the last counts.
 */
bool error_fields_decode(struct error_fields *out, struct span body);

/*
 * Begin to read a DataRow, whose columns data_row_next takes.  False: a column
 * is cut short, or bytes are left behind the last one.
 */
bool data_row_decode(struct data_row *out, struct span body);

/*
 * Take the next column's value; SQL NULL has data NULL.  False: no column is
 * left, or the row is cut short.
 */
bool data_row_next(struct data_row *row, struct span *value);

#endif
