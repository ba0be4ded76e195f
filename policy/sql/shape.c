#include "policy/sql/shape.h"

#include "policy/sql/statement_text.h"
#include "policy/sql/tokens.h"

/* Bare or quoted, as the server reads it. */
static uint64_t
shape_of_name(const struct token *t)
{
	bool folds = t->kind == TOKEN_WORD;
	uint64_t shape = 0;
	size_t i;

	for (i = 0; i < t->len; i++) {
		char c = folds ? statement_text_fold(t->text[i]) : t->text[i];

		shape = shape_add(shape, (unsigned char)c);
	}
	return shape;
}

static uint64_t
shape_of_token(const struct token *t)
{
	switch (t->kind) {
	case TOKEN_WORD:
	case TOKEN_NAME:
		return shape_of_name(t);
	case TOKEN_SYMBOL:
		return (unsigned char)t->symbol;
	case TOKEN_STRING:
	case TOKEN_END:
		break;
	}
	return '0'; /* any literal is as good as a number */
}

uint64_t
shape_of_text(const char *sql, size_t len)
{
	struct tokens walk = {.sql = sql, .len = len, .opens_dollars = true};
	struct token t = tokens_next(&walk);
	uint64_t shape = 0;
	size_t ends = 0; /* ';' with nothing behind them so far */

	for (; t.kind != TOKEN_END; t = tokens_next(&walk)) {
		if (token_is_symbol(&t, ';')) {
			ends++;
			continue;
		}
		for (; ends > 0; ends--)
			shape = shape_add(shape, ';');
		shape = shape_add(shape, shape_of_token(&t));
	}
	return shape;
}
