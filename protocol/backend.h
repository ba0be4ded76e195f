/*
 * backend.h - decode what must be seen of a server's answers, and the one of
 * them that is sent in a server's place.
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
#include "protocol/writer.h"

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
	struct span where;    /* W */
	struct span routine;  /* R */
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
 * error_fields are passed over; of equal ones the last counts.  False also for
 * one that is cut; *out then has the fields ahead of the cut.
 */
bool error_fields_decode(struct error_fields *out, struct span body);

/*
 * Decode a DataRow of exactly `count` columns; SQL NULL has data NULL.  False
 * also for another number of columns; values[] is undefined then.
 */
bool data_row_decode(struct span *values, size_t count, struct span body);

/* Encode a ReadyForQuery. */
void ready_for_query_write(struct writer *w, enum transaction_status status);

#endif
