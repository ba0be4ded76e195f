#include "proxy/console/console_rows.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/types.h"
#include "proxy/base/escape.h"

enum {
	OID_INT8 = 20,
	OID_TEXT = 25,
	INT8_BYTES = 8,
	VARIABLE = 0xFFFF, /* a type without a length, -1 */
};

static const uint32_t none = 0xFFFFFFFF; /* no type modifier, no value: -1 */

static_assert(CONSOLE_COLUMNS_MAX <= 32, "console_rows.binary has their bits");

static bool
is_binary(uint32_t binary, size_t column)
{
	return (binary >> column & 1) != 0;
}

void
console_describe_table(struct writer *out, enum console_table t,
		       uint32_t binary)
{
	size_t count;
	const struct console_column *columns = console_table_columns(t, &count);
	size_t i;

	writer_begin(out, BACKEND_ROW_DESCRIPTION);
	write_u16(out, (uint16_t)count);
	for (i = 0; i < count; i++) {
		bool is_number = columns[i].type == CONSOLE_NUMBER;

		write_string(out, columns[i].name);
		write_u32(out, 0); /* no table has it */
		write_u16(out, 0);
		write_u32(out, is_number ? OID_INT8 : OID_TEXT);
		write_u16(out, is_number ? INT8_BYTES : VARIABLE);
		write_u32(out, none);
		write_u16(out, is_binary(binary, i));
	}
	writer_end(out);
}

void
console_row_begin(struct console_rows *r)
{
	size_t count;

	(void)console_table_columns(r->table, &count);
	r->column = 0;
	writer_begin(r->out, BACKEND_DATA_ROW);
	write_u16(r->out, (uint16_t)count);
}

/* The next column is of that type. */
static void
console_row_check(const struct console_rows *r, enum console_type type)
{
	size_t count;
	const struct console_column *columns =
	    console_table_columns(r->table, &count);

	assert(r->column < count && columns[r->column].type == type);
}

/* Write the text so that no terminal and no decoder stumbles over it, if out is
 * not NULL; returns its length. */
static size_t
escape_into(struct writer *out, const char *text, size_t len)
{
	char next[ESCAPE_BYTES];
	size_t sum = 0;
	size_t used;
	size_t n;

	for (; len > 0; text += used, len -= used, sum += n) {
		n = escape_next(next, &used, text, len, ESCAPE_TEXT);
		if (out != NULL)
			write_bytes(out, next, n);
	}
	return sum;
}

void
console_row_text(struct console_rows *r, const char *text)
{
	size_t len;

	if (text == NULL) {
		console_row_null(r);
		return;
	}
	console_row_check(r, CONSOLE_TEXT);
	r->column++;
	len = strlen(text);
	write_u32(r->out, (uint32_t)escape_into(NULL, text, len));
	(void)escape_into(r->out, text, len);
}

void
console_row_number(struct console_rows *r, uint64_t value)
{
	char text[24];
	int len;

	console_row_check(r, CONSOLE_NUMBER);
	if (is_binary(r->binary, r->column++)) {
		write_u32(r->out, INT8_BYTES);
		write_u32(r->out, (uint32_t)(value >> 32));
		write_u32(r->out, (uint32_t)value);
		return;
	}
	len = snprintf(text, sizeof(text), "%" PRIu64, value);
	write_u32(r->out, (uint32_t)len);
	write_bytes(r->out, text, (size_t)len);
}

void
console_row_null(struct console_rows *r)
{
	r->column++;
	write_u32(r->out, none);
}

void
console_row_end(struct console_rows *r)
{
	size_t count;

	(void)console_table_columns(r->table, &count);
	assert(r->column == count);
	writer_end(r->out);
}
