#include "proxy/config/value.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	SHOWN_BYTES = VALUE_SHOWN_BYTES - 4, /* and "..." */
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
	error->is_no_memory = false;
	return false;
}

bool
value_fail_memory(struct value_error *error)
{
	value_fail(error, "out of memory");
	error->is_no_memory = true;
	return false;
}

const char *
value_shown(char out[VALUE_SHOWN_BYTES], const char *text)
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
 * Return what stands behind the digits of this base; saturates above every
 * uint32_t, so that the caller can multiply it with any unit.
 */
static const char *
value_read_digits(uint64_t *out, const char *text, int base)
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
value_find_unit(const struct unit *units, const char *name)
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
	char buffer[VALUE_SHOWN_BYTES];
	char least[24];
	char most[24];
	const struct unit *unit;
	const char *rest;
	uint64_t value;

	rest = value_read_digits(&value, text, 10);
	if (rest == text)
		unit = NULL;
	else
		unit = value_find_unit(unit_kinds[kind].units,
				       rest + strspn(rest, " \t"));
	if (unit == NULL)
		return value_fail(error, "\"%s\" is not %s",
				  value_shown(buffer, text),
				  unit_kinds[kind].meaning);
	/* At most 2^32 * 2^30. */
	value *= unit->factor;
	if (value < min || value > max) {
		value_format_number(least, sizeof(least), kind, min);
		value_format_number(most, sizeof(most), kind, max);
		return value_fail(error, "%s is out of range: %s to %s",
				  value_shown(buffer, text), least, most);
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
	char buffer[VALUE_SHOWN_BYTES];
	const char *rest;
	uint64_t value;

	rest = value_read_digits(&value, text, 8);
	if (rest == text || *rest != '\0' || value > 0777)
		return value_fail(
		    error, "\"%s\" is not a file mode: octal, 0000 to 0777",
		    value_shown(buffer, text));
	*out = (uint32_t)value;
	return true;
}

bool
value_parse_bool(bool *out, const char *text, struct value_error *error)
{
	static const char *const words[] = {"off", "on",  "false", "true",
					    "no",  "yes", "0",     "1"};
	char buffer[VALUE_SHOWN_BYTES];
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
			  value_shown(buffer, text));
}

bool
value_parse_word(uint32_t *out, const char *text, const char *const *words,
		 struct value_error *error)
{
	char buffer[VALUE_SHOWN_BYTES];
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
			  value_shown(buffer, text), allowed);
}

/* Copy one identifier, folded, and move both pointers behind it. */
static bool
value_copy_identifier(char **out, const char **text)
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
 * Write the table name at *text to `to`; *text moves behind it and behind the
 * comma that follows, if one does.
 */
static bool
value_read_table(char *to, const char **text)
{
	const char *s = *text + strspn(*text, " \t");

	if (!value_copy_identifier(&to, &s))
		return false;
	if (*s == '.') {
		*to++ = *s++;
		if (!value_copy_identifier(&to, &s))
			return false;
	}
	s += strspn(s, " \t");
	if (*s != ',' && *s != '\0')
		return false;
	*to = '\0';
	*text = *s == ',' ? s + 1 : s;
	return true;
}

/* The same with whatever stands there, without blanks around it. */
static bool
value_read_entry(char *to, const char **text)
{
	const char *s = *text + strspn(*text, " \t");
	size_t len = strcspn(s, ",");

	*text = s + len + (s[len] == ',');
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	memcpy(to, s, len);
	to[len] = '\0';
	return len > 0;
}

void
value_free_list(char **list, size_t count)
{
	while (count > 0)
		free(list[--count]);
	free(list);
}

/* Write the entry at *text to `to` and move *text behind it. */
typedef bool read_entry_fn(char *to, const char **text);

/*
 * Read all entries of text into list, which has room for them.  False: out of
 * memory, or, with *is_wrong set, `read` does not take the entry behind the
 * first *count ones.
 */
static bool
value_read_entries(char **list, size_t *count, const char *text,
		   read_entry_fn *read, bool *is_wrong)
{
	/* No entry is longer than what is left of the text. */
	char *entry = malloc(strlen(text) + 1);
	bool is_more = entry != NULL;
	size_t size;

	*count = 0;
	*is_wrong = false;
	while (is_more) {
		*is_wrong = !read(entry, &text);
		if (*is_wrong)
			break;
		size = strlen(entry) + 1;
		list[*count] = malloc(size);
		if (list[*count] == NULL)
			break;
		memcpy(list[(*count)++], entry, size);
		is_more = text[-1] == ',';
	}
	free(entry);
	return entry != NULL && !is_more;
}

static bool
value_parse_entries(char ***out, size_t *count, const char *text,
		    read_entry_fn *read, const char *wanted,
		    struct value_error *error)
{
	bool is_wrong;
	char **list;
	const char *s;
	size_t n = 1;

	for (s = text; *s != '\0'; s++)
		n += *s == ','; /* within quotes, too: an upper bound */
	list = calloc(n, sizeof(*list));
	if (list == NULL)
		return value_fail_memory(error);
	if (value_read_entries(list, &n, text, read, &is_wrong)) {
		*out = list;
		*count = n;
		return true;
	}
	value_free_list(list, n);
	return is_wrong ? value_fail(error, "entry %zu is %s", n + 1, wanted)
			: value_fail_memory(error);
}

bool
value_parse_tables(char ***out, size_t *count, const char *text,
		   struct value_error *error)
{
	return value_parse_entries(
	    out, count, text, value_read_table,
	    "not a table: TABLE or SCHEMA.TABLE, with double "
	    "quotes where SQL needs them",
	    error);
}

bool
value_parse_list(char ***out, size_t *count, const char *text,
		 struct value_error *error)
{
	return value_parse_entries(out, count, text, value_read_entry, "empty",
				   error);
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
