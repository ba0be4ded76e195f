/*
 * tokens.h - an SQL text as words, quoted names, strings and the rest, by the
 * lexical rules of src/backend/parser/scan.l.  Comments are left out.
 *
 * Cheap, never wrong about memory, and linear in the text.  Where
 * standard_conforming_strings is off, a backslash in a string may mislead it.
 */
#ifndef LOCKSTEP_POLICY_SQL_TOKENS_H
#define LOCKSTEP_POLICY_SQL_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum token_kind {
	TOKEN_END,    /* the text is over */
	TOKEN_WORD,   /* a keyword or a bare name */
	TOKEN_NAME,   /* a quoted one */
	TOKEN_STRING, /* in quotes or dollars */
	TOKEN_SYMBOL, /* one byte of an operator; a number or $1 is a '0' */
};

struct token {
	enum token_kind kind;
	char symbol;      /* that of a SYMBOL, else 0 */
	bool is_escaped;  /* U&: the text spells another one */
	const char *text; /* borrowed: what stands between the quotes */
	size_t len;       /* bytes */
};

/* A walk over the tokens of a text; begin it with pos 0. */
struct tokens {
	const char *sql; /* borrowed */
	size_t len;      /* bytes */
	size_t pos;
	/* A string in single quotes is the rest of the E'' string before it,
	 * if that is the token before: lines part them. */
	bool continues_escape;
	/* Take $$ for a ';' and read on behind it: in a DO block. */
	bool opens_dollars;
};

/* The next token; TOKEN_END behind the last, again and again. */
struct token tokens_next(struct tokens *t);

/* True if the token is this word, which is in lower case. */
bool token_is_word(const struct token *t, const char *word);

/* True if the token is this symbol. */
bool token_is_symbol(const struct token *t, char symbol);

/*
 * The hash of the name that a WORD or NAME spells, as the server reads it:
 * folded or unquoted, and cut to 63 bytes.  Never 0.  Names that are not all
 * ASCII have one hash: clients' encodings differ.
 */
uint32_t token_hash(const struct token *t);

/* The same of a name as a catalog has it. */
uint32_t token_hash_name(const char *name, size_t len);

/* True if the name is not told by the text: U& spells another one, or the
 * server cuts it behind a character, and where depends on the encoding. */
bool token_is_opaque(const struct token *t);

#endif
