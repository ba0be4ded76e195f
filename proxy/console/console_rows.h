/*
 * console_rows.h - a result of the console as messages: its RowDescription and
 * its rows.
 */
#ifndef LOCKSTEP_PROXY_CONSOLE_CONSOLE_ROWS_H
#define LOCKSTEP_PROXY_CONSOLE_CONSOLE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/writer.h"
#include "proxy/console/console_table.h"

/* Rows of one table, appended to a writer. */
struct console_rows {
	struct writer *out; /* borrowed */
	enum console_table table;
	uint32_t binary; /* bits of the columns that are wanted in binary */
	size_t column;   /* the next one of the row that is open */
};

/* Write a RowDescription. */
void console_describe_table(struct writer *out, enum console_table t,
			    uint32_t binary);

/* Begin a row; one call for each of its columns follows, then
 * console_row_end. */
void console_row_begin(struct console_rows *r);

/* A text; NULL: SQL NULL. */
void console_row_text(struct console_rows *r, const char *text);

/* A number. */
void console_row_number(struct console_rows *r, uint64_t value);

/* An SQL NULL in a column of either type. */
void console_row_null(struct console_rows *r);

/* End the row: it has all its columns. */
void console_row_end(struct console_rows *r);

#endif
