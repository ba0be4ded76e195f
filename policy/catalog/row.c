#include "policy/catalog/row.h"

#include <stdlib.h>
#include <string.h>

enum {
	DURATION_BYTES = 32,    /* more than any has */
	NUMBER_DIGITS_MAX = 18, /* as many always fit into 64 bits */
};

bool
row_is_null(struct row_value v)
{
	return v.data == NULL;
}

bool
row_has_null(const struct row_value *values, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (values[i].data == NULL)
			return true;
	return false;
}

bool
row_equals(struct row_value v, const char *text)
{
	return v.data != NULL && v.len == strlen(text) &&
	       memcmp(v.data, text, v.len) == 0;
}

bool
row_has_nul(struct row_value v)
{
	return v.len > 0 && memchr(v.data, '\0', v.len) != NULL;
}

bool
row_read_bool(bool *out, struct row_value v)
{
	*out = row_equals(v, "t");
	return *out || row_equals(v, "f");
}

bool
row_take_number(uint32_t *out, struct row_value *v)
{
	uint64_t number = 0;
	size_t len = 0;

	while (len < v->len && v->data[len] >= '0' && v->data[len] <= '9') {
		number = number * 10 + (uint64_t)(v->data[len] - '0');
		if (number > UINT32_MAX)
			return false;
		len++;
	}
	if (len == 0)
		return false;
	*out = (uint32_t)number;
	v->data += len;
	v->len -= len;
	return true;
}

bool
row_read_number(uint32_t *out, struct row_value v, uint32_t least,
		uint32_t most)
{
	return row_take_number(out, &v) && v.len == 0 && *out >= least &&
	       *out <= most;
}

uint64_t
row_number(struct row_value v)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < v.len && i < NUMBER_DIGITS_MAX; i++) {
		if (v.data[i] < '0' || v.data[i] > '9')
			return n;
		n = n * 10 + (uint64_t)(v.data[i] - '0');
	}
	return n;
}

static void
copy_bytes(char *out, struct row_value v, size_t len)
{
	if (len > 0)
		memcpy(out, v.data, len);
	out[len] = '\0';
}

bool
row_copy(char *out, size_t size, struct row_value v)
{
	if (v.data == NULL || v.len >= size)
		return false;
	copy_bytes(out, v, v.len);
	return true;
}

void
row_copy_cut(char *out, size_t size, struct row_value v)
{
	size_t len = v.len < size ? v.len : size - 1;

	while (v.len > len && len > 0 &&
	       ((unsigned char)v.data[len] & 0xc0) == 0x80)
		len--;
	copy_bytes(out, v, len);
}

char *
row_duplicate(struct row_value v)
{
	char *copy;

	if (v.len == 0 || row_has_nul(v))
		return NULL;
	copy = malloc(v.len + 1);
	if (copy != NULL)
		copy_bytes(copy, v, v.len);
	return copy;
}

bool
row_read_duration(uint32_t *ms, struct row_value v)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1},      {"s", 1000},     {"min", 60000},
		     {"h", 3600000}, {"d", 86400000}, {"", 1}};
	char text[DURATION_BYTES];
	unsigned long long number;
	char *unit;
	size_t i;

	if (!row_copy(text, sizeof(text), v) || text[0] < '0' || text[0] > '9')
		return false;
	number = strtoull(text, &unit, 10);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i].unit) != 0)
			continue;
		if (number > UINT32_MAX / units[i].ms)
			number = UINT32_MAX / units[i].ms;
		*ms = (uint32_t)(number * units[i].ms);
		return true;
	}
	return false;
}
