#include "policy/catalog/param_array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	INT_TEXT_MAX = 12,
};

void
param_arrays_begin(struct text *arrays, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_put(&arrays[i], '{');
}

bool
param_arrays_finish(char **params, struct text *arrays, size_t count)
{
	bool failed = false;

	for (size_t i = 0; i < count; i++) {
		text_put(&arrays[i], '}');
		params[i] = text_finish(&arrays[i]);
		failed |= params[i] == NULL;
	}
	for (size_t i = 0; i < count && failed; i++) {
		free(params[i]);
		params[i] = NULL;
	}
	return !failed;
}

void
param_array_put_piece(struct text *a, struct param_piece piece)
{
	if (piece.data == NULL) {
		text_put_string(a, "NULL");
		return;
	}
	text_put(a, '"');
	for (size_t i = 0; i < piece.len; i++) {
		char c = piece.data[i];

		if (c == '"' || c == '\\')
			text_put(a, '\\');
		text_put(a, c);
		if (c == '"' && piece.in_quotes)
			i++;
	}
	text_put(a, '"');
}

void
param_array_add_piece(struct text *a, struct param_piece piece)
{
	if (a->len > 1)
		text_put(a, ',');
	param_array_put_piece(a, piece);
}

void
param_array_add(struct text *a, const char *value)
{
	size_t len = value != NULL ? strlen(value) : 0;

	param_array_add_piece(a, (struct param_piece){value, len, false});
}

void
param_array_add_number(struct text *a, int number)
{
	char text[INT_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%d", number);
	param_array_add(a, text);
}

/* The closing quote of a part, which begins behind the opening one, or NULL. */
static const char *
part_end(const char *part)
{
	const char *quote = strchr(part, '"');

	while (quote != NULL && quote[1] == '"')
		quote = strchr(quote + 2, '"');
	return quote;
}

struct param_name
param_array_split(const char *text)
{
	struct param_name name = {.rest = text};

	while (*name.rest == '"') {
		const char *part = name.rest + 1;
		const char *end = part_end(part);

		if (end == NULL)
			break;
		if (name.count == PARAM_NAME_PARTS_MAX) {
			memmove(&name.parts[0], &name.parts[1],
				sizeof(name.parts) - sizeof(name.parts[0]));
			name.count--;
		}
		name.parts[name.count++] =
		    (struct param_piece){part, (size_t)(end - part), true};
		name.rest = end + 1;
		if (*name.rest != '.')
			break;
		name.rest++;
	}
	return name;
}

struct param_piece
param_array_part(const struct param_name *name, size_t nth)
{
	if (nth >= name->count)
		return (struct param_piece){NULL, 0, false};
	return name->parts[name->count - 1 - nth];
}

/* From the nth part, its quotes included, to the end of the one at `last`. */
static struct param_piece
name_from(const struct param_name *name, size_t nth, size_t last)
{
	struct param_piece first = param_array_part(name, nth);
	struct param_piece end = param_array_part(name, last);

	if (first.data == NULL)
		return first;
	return (struct param_piece){
	    first.data - 1, (size_t)(end.data + end.len + 2 - first.data),
	    false};
}

void
param_array_add_schema(struct text *a, const char *relation)
{
	struct param_name name = param_array_split(relation);
	struct param_piece schema = param_array_part(&name, 1);
	bool is_temporary = schema.data != NULL && schema.len == 7 &&
			    memcmp(schema.data, "pg_temp", 7) == 0;

	if (is_temporary)
		param_array_add(a, NULL);
	else
		param_array_add_piece(a, name_from(&name, 1, 1));
}

void
param_array_add_relation(struct text *a, const char *relation)
{
	struct param_name name = param_array_split(relation);

	param_array_add_piece(a, name_from(&name, name.count > 1 ? 1 : 0, 0));
}
