#include "proxy/value.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	SHOWN_BYTES = 60,    /* of a wrong value, in a message */
	DISTANCE_BYTES = 40, /* longer names are compared up to here */
};

struct unit {
	const char *name;
	uint64_t factor;
};

/* From the largest on; the last is what a number without a unit counts. */
static const struct unit plain_units[] = {{"", 1}, {NULL, 0}};
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"min", 60000},
    {"s", 1000},     {"ms", 1},      {NULL, 0},
};
static const struct unit size_units[] = {
    {"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}, {"B", 1}, {NULL, 0},
};

static const struct {
	const struct unit *units;
	const char *meaning;
} unit_kinds[] = {
    [VALUE_PLAIN] = {plain_units, "a whole number"},
    [VALUE_DURATION] = {duration_units,
			"a duration: a whole number with ms, s, min, h or d"},
    [VALUE_SIZE] = {size_units, "a size: a whole number with B, kB, MB or GB"},
};

bool
value_fail(struct value_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return false;
}

/* The text as a message may show it: short, and nothing but printable. */
static const char *
shown(char out[SHOWN_BYTES + 4], const char *text)
{
	size_t len = strnlen(text, SHOWN_BYTES);
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		out[i] = c < ' ' || c == 0x7F ? '?' : text[i];
	}
	memcpy(out + len, "...", sizeof("..."));
	if (text[len] == '\0')
		out[len] = '\0';
	return out;
}

/*
 * Returns what stands behind the digits of this base; saturates above every
 * uint32_t, so that the caller can multiply it with any unit.
 */
static const char *
read_digits(uint64_t *out, const char *text, int base)
{
	uint64_t value = 0;

	for (; *text >= '0' && *text < (char)('0' + base); text++) {
		value = value * (uint64_t)base + (uint64_t)(*text - '0');
		if (value > UINT32_MAX)
			value = (uint64_t)UINT32_MAX + 1;
	}
	*out = value;
	return text;
}

static const struct unit *
find_unit(const struct unit *units, const char *name)
{
	for (; units->name != NULL; units++)
		if (strcmp(units->name, name) == 0 ||
		    (name[0] == '\0' && units->factor == 1))
			return units;
	return NULL;
}

bool
value_parse_number(uint32_t *out, const char *text, enum value_unit_kind kind,
		   uint32_t min, uint32_t max, struct value_error *error)
{
	char buffer[SHOWN_BYTES + 4];
	char least[24];
	char most[24];
	const struct unit *unit;
	const char *rest;
	uint64_t value;

	rest = read_digits(&value, text, 10);
	if (rest == text)
		unit = NULL;
	else
		unit = find_unit(unit_kinds[kind].units,
				 rest + strspn(rest, " \t"));
	if (unit == NULL)
		return value_fail(error, "\"%s\" is not %s",
				  shown(buffer, text),
				  unit_kinds[kind].meaning);
	/* At most 2^32 * 2^30. */
	value *= unit->factor;
	if (value < min || value > max) {
		value_format_number(least, sizeof(least), kind, min);
		value_format_number(most, sizeof(most), kind, max);
		return value_fail(error, "%s is out of range: %s to %s",
				  shown(buffer, text), least, most);
	}
	*out = (uint32_t)value;
	return true;
}

void
value_format_number(char *out, size_t size, enum value_unit_kind kind,
		    uint32_t value)
{
	const struct unit *unit = unit_kinds[kind].units;

	while (unit->factor > 1 && (value == 0 || value % unit->factor != 0))
		unit++;
	snprintf(out, size, "%lu%s", value / (unsigned long)unit->factor,
		 value == 0 ? "" : unit->name);
}

bool
value_parse_mode(uint32_t *out, const char *text, struct value_error *error)
{
	char buffer[SHOWN_BYTES + 4];
	const char *rest;
	uint64_t value;

	rest = read_digits(&value, text, 8);
	if (rest == text || *rest != '\0' || value > 0777)
		return value_fail(
		    error, "\"%s\" is not a file mode: octal, 0000 to 0777",
		    shown(buffer, text));
	*out = (uint32_t)value;
	return true;
}

bool
value_parse_bool(bool *out, const char *text, struct value_error *error)
{
	static const char *const words[] = {"off", "on",  "false", "true",
					    "no",  "yes", "0",     "1"};
	char buffer[SHOWN_BYTES + 4];
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*out = i % 2 == 1;
			return true;
		}
	}
	return value_fail(error,
			  "\"%s\" is not a switch: on, off, true, false, yes, "
			  "no, 1 or 0",
			  shown(buffer, text));
}

bool
value_parse_word(uint32_t *out, const char *text, const char *const *words,
		 struct value_error *error)
{
	char buffer[SHOWN_BYTES + 4];
	char allowed[200] = "";
	size_t len = 0;
	uint32_t i;

	for (i = 0; words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return true;
		}
		if (len < sizeof(allowed))
			len += (size_t)snprintf(allowed + len,
						sizeof(allowed) - len, "%s%s",
						i == 0 ? "" : ", ", words[i]);
	}
	return value_fail(error, "\"%s\" is not one of: %s",
			  shown(buffer, text), allowed);
}

/* Copies one identifier, folded, and moves both pointers behind it. */
static bool
copy_identifier(char **out, const char **text)
{
	const char *s = *text;
	char *to = *out;

	if (*s == '"') {
		do { /* once more for each "", which stands for a quote */
			*to++ = *s++;
			while (*s != '"' && *s != '\0')
				*to++ = *s++;
			if (*s == '\0')
				return false;
			*to++ = *s++;
		} while (*s == '"');
	} else {
		while (*s == '_' || *s == '$' || (*s & 0x80) != 0 ||
		       isalnum((unsigned char)*s))
			*to++ = (char)tolower((unsigned char)*s++);
	}
	/* A digit or $ cannot begin one, and "" is none. */
	if (s == *text || isdigit((unsigned char)**text) || **text == '$' ||
	    (**text == '"' && s - *text == 2))
		return false;
	*out = to;
	*text = s;
	return true;
}

/*
 * The table name at *text, allocated; *text moves behind it and behind the
 * comma that follows, if one does.
 */
static char *
read_table(const char **text)
{
	const char *s = *text + strspn(*text, " \t");
	char *name = calloc(1, strlen(s) + 1);
	char *to = name;

	if (name == NULL || !copy_identifier(&to, &s))
		goto fail;
	if (*s == '.') {
		*to++ = *s++;
		if (!copy_identifier(&to, &s))
			goto fail;
	}
	s += strspn(s, " \t");
	if (*s != ',' && *s != '\0')
		goto fail;
	*text = *s == ',' ? s + 1 : s;
	return name;

fail:
	free(name);
	return NULL;
}

bool
value_parse_tables(char ***out, size_t *count, const char *text,
		   struct value_error *error)
{
	char **names;
	const char *s;
	size_t n = 1;

	for (s = text; *s != '\0'; s++)
		n += *s == ','; /* those within quotes too: an upper bound */
	names = calloc(n, sizeof(*names));
	if (names == NULL)
		return value_fail(error, "out of memory");
	n = 0;
	do {
		names[n] = read_table(&text);
		if (names[n] == NULL)
			goto fail;
		n++;
	} while (text[-1] == ',');
	*out = names;
	*count = n;
	return true;

fail:
	value_fail(error,
		   "entry %zu is not a table: TABLE or SCHEMA.TABLE, with "
		   "double quotes where SQL needs them",
		   n + 1);
	while (n > 0)
		free(names[--n]);
	free(names);
	return false;
}

size_t
value_distance(const char *a, const char *b)
{
	size_t row[DISTANCE_BYTES + 1];
	size_t a_len = strnlen(a, DISTANCE_BYTES);
	size_t b_len = strnlen(b, DISTANCE_BYTES);
	size_t i;
	size_t j;

	/* Levenshtein's table, of which only one row is kept. */
	for (j = 0; j <= b_len; j++)
		row[j] = j;
	for (i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			size_t best =
			    diagonal + (tolower((unsigned char)a[i - 1]) !=
					tolower((unsigned char)b[j - 1]));
			diagonal = row[j];
			if (best > row[j] + 1)
				best = row[j] + 1;
			if (best > row[j - 1] + 1)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}
