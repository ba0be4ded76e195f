#include "policy/sql/plain_block.h"

static void
plain_block_step(struct plain_block *b)
{
	b->token = tokens_next(&b->tokens);
}

/* Step over the word if it comes next. */
static bool
plain_block_takes(struct plain_block *b, const char *word)
{
	bool is_next = token_is_word(&b->token, word);

	if (is_next)
		plain_block_step(b);
	return is_next;
}

static bool
plain_block_takes_semicolon(struct plain_block *b)
{
	bool is_next = token_is_symbol(&b->token, ';');

	if (is_next)
		plain_block_step(b);
	return is_next;
}

bool
plain_block_begin(struct plain_block *b, struct statement_text source)
{
	*b = (struct plain_block){
	    .tokens = {.sql = source.sql, .len = source.len}};
	plain_block_step(b);
	return plain_block_takes(b, "begin");
}

/* Step over a handler that does nothing: WHEN conditions THEN NULL. */
static bool
plain_block_takes_handler(struct plain_block *b)
{
	if (!plain_block_takes(b, "when"))
		return false;
	while (!token_is_word(&b->token, "then")) {
		if (b->token.kind == TOKEN_END || b->token.kind == TOKEN_SYMBOL)
			return false;
		plain_block_step(b);
	}
	plain_block_step(b);
	return plain_block_takes(b, "null") && plain_block_takes_semicolon(b);
}

/* Tell whether the handlers, if there are any, and END come next. */
static enum plain_block_state
plain_block_end(struct plain_block *b)
{
	if (plain_block_takes(b, "exception")) {
		while (!token_is_word(&b->token, "end"))
			if (!plain_block_takes_handler(b))
				return PLAIN_BLOCK_ODD;
	}
	if (!plain_block_takes(b, "end"))
		return PLAIN_BLOCK_ODD;
	(void)plain_block_takes_semicolon(b);
	return b->token.kind == TOKEN_END ? PLAIN_BLOCK_ENDS : PLAIN_BLOCK_ODD;
}

enum plain_block_state
plain_block_next(struct plain_block *b, struct statement_text *out)
{
	const char *start = b->token.text;

	if (token_is_word(&b->token, "exception") ||
	    token_is_word(&b->token, "end"))
		return plain_block_end(b);
	/* Only a word begins a statement. */
	if (b->token.kind != TOKEN_WORD)
		return PLAIN_BLOCK_ODD;
	while (!token_is_symbol(&b->token, ';')) {
		if (b->token.kind == TOKEN_END)
			return PLAIN_BLOCK_ODD;
		plain_block_step(b);
	}
	*out = (struct statement_text){start, (size_t)(b->token.text - start)};
	plain_block_step(b);
	return PLAIN_BLOCK_GOES_ON;
}
